import { mkdir, rename, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import type { OutputFile } from "@graphwright/compiler-core";
import { interruptible } from "./interrupt.ts";

/** Writes files below a folder. Each is complete before it takes its name; on failure, and on Ctrl+C, what was begun is removed. */
export const writeFiles = (folder: string, files: readonly OutputFile[]): Promise<void> => interruptible((signal) => write(folder, files, signal));

async function write(folder: string, files: readonly OutputFile[], signal: AbortSignal): Promise<void> {
  const begun: [temporary: string, final: string][] = [];
  try {
    for (const file of files) {
      const final = path.join(folder, file.path);
      const temporary = `${final}.${process.pid}.part`;
      await mkdir(path.dirname(final), { recursive: true });
      begun.push([temporary, final]);
      await writeFile(temporary, file.bytes, { signal });
    }
    signal.throwIfAborted();
    for (const [temporary, final] of begun) await rename(temporary, final);
  } catch (error) {
    for (const [temporary] of begun) await rm(temporary, { force: true });
    throw error;
  }
}
