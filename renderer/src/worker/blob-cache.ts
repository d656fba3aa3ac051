/** Small reads of a distant file: blocks, kept and read ahead, because an importer walks a file in steps of a few bytes. */
import { checkRange, type BlobSource } from "@graphwright/compiler-core";

type ReadRange = (offset: number, length: number) => Uint8Array;

export const blockBytes = 256 * 1024;
const cachedBlocks = 256;
/** Reads at least this long are given straight through. */
const directBytes = 4 * blockBytes;

/** A source whose small reads are served from blocks; sequential reading fetches twice as much each time. */
export function cached(name: string, size: number, readRange: ReadRange): BlobSource {
  const blocks = new Map<number, Uint8Array>();
  let ahead = 1;
  let expected = -1;

  function block(index: number): Uint8Array {
    const found = blocks.get(index);
    if (found) {
      blocks.delete(index);
      blocks.set(index, found);
      return found;
    }
    ahead = index === expected ? Math.min(ahead * 2, 16) : 1;
    const offset = index * blockBytes;
    const bytes = readRange(offset, Math.min(ahead * blockBytes, size - offset));
    expected = index + ahead;
    for (let i = 0; i * blockBytes < bytes.length; i++) {
      blocks.delete(index + i);
      blocks.set(index + i, bytes.subarray(i * blockBytes, (i + 1) * blockBytes));
    }
    for (const key of blocks.keys()) {
      if (blocks.size <= cachedBlocks) break;
      if (key !== index) blocks.delete(key);
    }
    return blocks.get(index)!;
  }

  return {
    name,
    size,
    read(offset, length) {
      checkRange(this, offset, length);
      if (length === 0) return new Uint8Array(0);
      const first = Math.floor(offset / blockBytes);
      const last = Math.floor((offset + length - 1) / blockBytes);
      if (length >= directBytes) return readRange(offset, length);
      if (first === last) {
        const start = offset - first * blockBytes;
        return block(first).subarray(start, start + length);
      }
      const result = new Uint8Array(length);
      for (let index = first; index <= last; index++) {
        const bytes = block(index);
        const from = Math.max(0, offset - index * blockBytes);
        const to = Math.min(bytes.length, offset + length - index * blockBytes);
        result.set(bytes.subarray(from, to), index * blockBytes + from - offset);
      }
      return result;
    },
  };
}
