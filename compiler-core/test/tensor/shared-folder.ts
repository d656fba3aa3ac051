import { existsSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

/** A folder of test data beside the repository, or undefined when it is not there. */
export function shared(folder: string): string | undefined {
  const root = resolve(dirname(fileURLToPath(import.meta.url)), "../../..");
  const path = join(process.env.GRAPHWRIGHT_SHARED ?? resolve(root, "../shared"), folder);
  return existsSync(path) ? path : undefined;
}
