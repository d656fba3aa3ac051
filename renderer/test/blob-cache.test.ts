import { describe, expect, test } from "vitest";
import { blockBytes, cached } from "../src/worker/blob-cache.ts";

function source(size: number): { readonly blob: ReturnType<typeof cached>; readonly bytes: Uint8Array; readonly reads: [number, number][] } {
  const bytes = new Uint8Array(size);
  for (let index = 0; index < size; index++) bytes[index] = index * 31 + (index >> 8);
  const reads: [number, number][] = [];
  const blob = cached("model.onnx", size, (offset, length) => {
    reads.push([offset, length]);
    return bytes.slice(offset, offset + length);
  });
  return { blob, bytes, reads };
}

describe("a source read through a cache of blocks", () => {
  test("gives the bytes of the file, wherever and however many are asked for", () => {
    const { blob, bytes } = source(5 * blockBytes + 1234);
    let state = 1;
    const random = (below: number): number => (state = (state * 48271) % 2147483647) % below;
    for (let i = 0; i < 300; i++) {
      const offset = random(blob.size);
      const length = random(Math.min(blob.size - offset, i % 3 === 0 ? 2 * blockBytes : 200) + 1);
      expect(Buffer.compare(blob.read(offset, length), bytes.subarray(offset, offset + length))).toBe(0);
    }
  });

  test("walking a file in small steps asks for few ranges, each larger than the last", () => {
    const { blob, reads } = source(40 * blockBytes);
    for (let offset = 0; offset + 16 <= blob.size; offset += 4096) blob.read(offset, 16);
    expect(reads.length).toBeLessThan(10);
    expect(reads.slice(0, 3)).toEqual([[0, blockBytes], [blockBytes, 2 * blockBytes], [3 * blockBytes, 4 * blockBytes]]);
  });

  test("weights are read straight through, without copies in the cache", () => {
    const { blob, reads } = source(40 * blockBytes);
    blob.read(7, 8 * blockBytes);
    expect(reads).toEqual([[7, 8 * blockBytes]]);
  });

  test("a range outside the file says which, and how long the file is", () => {
    const { blob } = source(100);
    expect(() => blob.read(90, 11)).toThrow(/90 to 101.*100/);
    expect(() => blob.read(-1, 2)).toThrow();
    expect(blob.read(100, 0)).toHaveLength(0);
  });
});
