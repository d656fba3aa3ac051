/** Files that the build puts into the program. */
declare module "*&inline" {
  const url: string;
  export default url;
}
