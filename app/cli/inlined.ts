/** The bytes of a file that the build puts into the program, as a data URL. */
export const inlined = (url: string): Uint8Array => Buffer.from(url.slice(url.indexOf(",") + 1), "base64");
