const types = "float|double|gw_\\w+|u?int\\d*_t|uintptr_t|ptrdiff_t";
/** Accumulators, or a small array. */
export const local = new RegExp(`^\\s+(?:${types}) (\\w+(?:\\[\\d+\\])?(?:, \\w+(?:\\[\\d+\\])?)*);$`);
const constant = new RegExp(`^\\s+(?:const )?(?:${types}) (?:\\*const )?(\\w+) = `);
export const loop = /^\s+for \(ptrdiff_t (\w+) = /;

/** What a line of a printed kernel declares. */
export function declared(line: string): string[] {
  const several = local.exec(line)?.[1];
  if (several) return several.split(", ").map((n) => n.replace(/\[.*/, ""));
  return [loop.exec(line)?.[1] ?? constant.exec(line)?.[1] ?? []].flat();
}
