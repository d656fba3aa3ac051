import { GraphwrightError } from "./diagnostic.ts";

/**
 * Bytes that are read when asked for: a file on disk, a File in the browser, a URL that answers range requests,
 * or memory. Reading is synchronous: every host the compiler runs in (a worker or Node) can do that.
 */
export interface BlobSource {
  /** file name for messages, never a path outside the opened folder */
  readonly name: string;
  /** total bytes */
  readonly size: number;
  /** The bytes [offset, offset + length). Throws GraphwrightError "truncated-file" outside the source. */
  read(offset: number, length: number): Uint8Array;
}

/** A range of a source. */
export interface BlobRef {
  readonly source: BlobSource;
  readonly offset: number;
  /** bytes */
  readonly length: number;
}

/** Opens files that lie beside the model (external data); undefined when there is no such file. */
export type SiblingFiles = (relativePath: string) => BlobSource | undefined;

export class MemoryBlob implements BlobSource {
  readonly name: string;
  readonly bytes: Uint8Array;

  constructor(name: string, bytes: Uint8Array) {
    this.name = name;
    this.bytes = bytes;
  }

  get size(): number {
    return this.bytes.length;
  }

  read(offset: number, length: number): Uint8Array {
    checkRange(this, offset, length);
    return this.bytes.subarray(offset, offset + length);
  }
}

export function checkRange(source: BlobSource, offset: number, length: number): void {
  if (offset >= 0 && length >= 0 && offset + length <= source.size) return;
  throw new GraphwrightError(
    "truncated-file",
    `bytes ${offset} to ${offset + length} were asked for, but the file has ${source.size}.`,
    { file: source.name, offset },
    "The file is incomplete or damaged: fetch or export it again.",
  );
}
