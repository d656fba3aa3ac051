import { closeSync, fstatSync, openSync, readSync, realpathSync, statSync } from "node:fs";
import path from "node:path";
import { checkRange, GraphwrightError, type BlobSource, type SiblingFiles } from "@graphwright/compiler-core";

/** A file on disk, read in ranges. */
export class FileBlob implements BlobSource {
  readonly name: string;
  readonly size: number;
  private readonly descriptor: number;

  /** Throws "no-file" when it cannot be opened. */
  constructor(file: string) {
    this.name = path.basename(file);
    try {
      this.descriptor = openSync(file, "r");
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      throw new GraphwrightError("no-file", code === "ENOENT" ? "there is no such file." : `the file cannot be opened (${code ?? "unknown error"}).`, { file });
    }
    const status = fstatSync(this.descriptor);
    if (!status.isFile()) {
      closeSync(this.descriptor);
      throw new GraphwrightError("no-file", "this is a folder, not a model file.", { file }, "Give the path of a .onnx file.");
    }
    this.size = status.size;
  }

  read(offset: number, length: number): Uint8Array {
    checkRange(this, offset, length);
    const bytes = new Uint8Array(length);
    let done = 0;
    while (done < length) {
      const count = readSync(this.descriptor, bytes, done, length - done, offset + done);
      if (count === 0) break;
      done += count;
    }
    if (done < length) throw new GraphwrightError("truncated-file", `${length} bytes were asked for, ${done} could be read: the file changed while it was open.`, { file: this.name, offset });
    return bytes;
  }
}

/**
 * The files beside a model, for external data. Only files inside the model's folder are given, links followed: the
 * importer has refused "..", absolute paths and the like before.
 */
export function siblingsOf(model: string): SiblingFiles {
  const folder = realpathSync(path.dirname(path.resolve(model)));
  return (relative) => {
    const target = path.resolve(folder, relative);
    try {
      const real = realpathSync(target);
      if (!real.startsWith(folder + path.sep) || !statSync(real).isFile()) return undefined;
      return new FileBlob(real);
    } catch {
      return undefined;
    }
  };
}
