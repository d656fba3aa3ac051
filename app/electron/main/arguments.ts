import { resolve } from "node:path";

/**
 * The model among a command line's words, absolute. Electron puts its own switches anywhere, and in a source tree the
 * main script comes first.
 */
export function modelArgument(words: readonly string[], folder: string, packaged: boolean): string | undefined {
  const given = words.slice(packaged ? 1 : 2).filter((word) => word !== "" && !word.startsWith("-"));
  return given[0] === undefined ? undefined : resolve(folder, given[0]);
}
