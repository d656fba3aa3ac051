import { mkdir, rename, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import type { OutputFile } from "@graphwright/compiler-core";

/** Writes files below a folder. Each is complete before it takes its name; on failure what was begun is removed. */
export async function writeFiles(folder: string, files: readonly OutputFile[]): Promise<void> {
  const begun: [temporary: string, final: string][] = [];
  try {
    for (const file of files) {
      const final = path.join(folder, file.path);
      const temporary = `${final}.${process.pid}.part`;
      await mkdir(path.dirname(final), { recursive: true });
      begun.push([temporary, final]);
      await writeFile(temporary, file.bytes);
    }
    for (const [temporary, final] of begun) await rename(temporary, final);
  } catch (error) {
    for (const [temporary] of begun) await rm(temporary, { force: true });
    throw error;
  }
}
