import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import type { BlobRef } from "../../support/blob.ts";

/** Bytes in memory or in a file, to be written one after another. */
export type Chunk = Uint8Array | BlobRef;

/** A serialized piece of unlimited size: weights stay where they are until the file is written. */
export class Parts {
  readonly chunks: Chunk[] = [];
  /** total bytes */
  length = 0;

  add(chunk: Chunk): this {
    if (chunk.length > 0) this.chunks.push(chunk);
    this.length += chunk.length;
    return this;
  }

  append(parts: Parts): this {
    for (const chunk of parts.chunks) this.chunks.push(chunk);
    this.length += parts.length;
    return this;
  }

  /** A length-delimited field (message, bytes) whose content is `parts`. */
  field(number: number, parts: Parts): this {
    return this.add(lengthPrefix(number, parts.length)).append(parts);
  }
}

export const partsOf = (...chunks: readonly Chunk[]): Parts => {
  const parts = new Parts();
  for (const chunk of chunks) parts.add(chunk);
  return parts;
};

function lengthPrefix(number: number, length: number): Uint8Array {
  // uint64: the content may be longer than 4 GB.
  return new BinaryWriter().tag(number, WireType.LengthDelimited).uint64(BigInt(length)).finish();
}
