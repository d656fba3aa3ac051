import type { BlobSource } from "../../support/blob.ts";
import { GraphwrightError } from "../../support/diagnostic.ts";

/** Bytes read at once after a jump; grows while reading goes on in order, so that skipping weights reads little. */
const smallest = 4 * 1024;
const largest = 256 * 1024;

/** Reads protobuf wire primitives of a source of any size through a small window. Offsets are file offsets. */
export class Window {
  readonly source: BlobSource;
  /** where the next primitive lies */
  at = 0;
  private bytes: Uint8Array = new Uint8Array(0);
  private start = 0;
  private step = smallest;

  constructor(source: BlobSource) {
    this.source = source;
  }

  /** The next byte; throws "truncated-file" at `end`. */
  byte(end: number): number {
    if (this.at >= end) throw this.damaged("truncated-file", "the data ends in the middle of a field.");
    const index = this.at - this.start;
    if (index < 0 || index >= this.bytes.length) this.load();
    return this.bytes[this.at++ - this.start] as number;
  }

  /** An unsigned varint up to 2^53; larger ones (negative int64) give Infinity. */
  varint(end: number): number {
    let value = 0;
    let scale = 1;
    for (let i = 0; i < 10; i++) {
      const byte = this.byte(end);
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value <= Number.MAX_SAFE_INTEGER ? value : Infinity;
      scale *= 128;
    }
    throw this.damaged("damaged-file", "a number is longer than ten bytes.");
  }

  /** The bytes [from, to), which may lie anywhere. */
  range(from: number, to: number): Uint8Array {
    const index = from - this.start;
    if (index >= 0 && to - this.start <= this.bytes.length) return this.bytes.subarray(index, to - this.start);
    return this.source.read(from, to - from);
  }

  damaged(code: string, message: string): GraphwrightError {
    return new GraphwrightError(code, message, { file: this.source.name, offset: this.at }, "The file is incomplete or damaged: fetch or export it again.");
  }

  private load(): void {
    const sequential = this.at === this.start + this.bytes.length;
    this.step = sequential ? Math.min(2 * this.step, largest) : smallest;
    this.start = this.at;
    this.bytes = this.source.read(this.at, Math.min(this.step, this.source.size - this.at));
  }
}
