import type { ConstantValue } from "../ir/constant.ts";
import { byteSize } from "../ir/element-type.ts";
import { tensorBytes } from "../ir/tensor.ts";
import { elementCount } from "../ir/value-type.ts";
import { type Layout, packedDims, packTensor } from "../tensor/layout.ts";
import type { Task } from "../support/task.ts";
import { crc32 } from "./checksum.ts";

/**
 * The weights file, little-endian:
 *   0  8 bytes  magic "GWWEIGHT"
 *   8  u32      format version, 1
 *  12  u32      number of tensors
 *  16  u64      bytes of the file
 *  24  u32      crc32 of the table
 *  28  36 zero bytes
 *  64  table: for each tensor u64 offset, u64 bytes, u32 crc32, u32 zero
 *  then the tensors, each at a multiple of 64
 */
export const weightsMagic = "GWWEIGHT";
export const weightsVersion = 1;
const headerBytes = 64;
const entryBytes = 24;
const align64 = (n: number): number => Math.ceil(n / 64) * 64;

export interface WeightTensor {
  readonly name: string;
  readonly value: ConstantValue;
  /** how the elements are laid out in the file, where a schedule packed them */
  readonly layout?: Layout;
}

/** Dimensions as they are in the file. */
export const weightDims = ({ value, layout }: WeightTensor): readonly number[] => (layout ? packedDims(layout, value.dims) : value.dims);
const bytesOf = (t: WeightTensor): number => (t.layout ? byteSize(t.value.type.element!, elementCount(weightDims(t))) : t.value.bytes);
const bytesIn = (t: WeightTensor): Uint8Array => tensorBytes(t.layout ? packTensor(t.value.tensor(), t.layout) : t.value.tensor());

export interface PlacedWeight extends WeightTensor {
  readonly offset: number;
  readonly bytes: number;
  readonly crc32: number;
}

export interface WeightsFile {
  readonly tensors: readonly PlacedWeight[];
  readonly bytes: number;
  readonly tableCrc32: number;
  /** the file from its start; reads each tensor again, so that memory stays bounded by the largest */
  chunks(): Iterable<Uint8Array>;
}

/** Where each tensor will lie; needs sizes only. */
export function layOutWeights(tensors: readonly WeightTensor[]): { offsets: number[]; bytes: number } {
  let at = align64(headerBytes + entryBytes * tensors.length);
  const offsets = tensors.map((t) => {
    const offset = at;
    at = align64(at + bytesOf(t));
    return offset;
  });
  return { offsets, bytes: at };
}

export async function makeWeights(tensors: readonly WeightTensor[], task: Task): Promise<WeightsFile> {
  const { offsets, bytes } = layOutWeights(tensors);
  const placed: PlacedWeight[] = [];
  for (const [i, t] of tensors.entries()) {
    task.check();
    if (i % 16 === 0) {
      task.progress(i / tensors.length, `weights: ${t.name}`);
      await task.pause();
    }
    placed.push({ ...t, offset: offsets[i]!, bytes: bytesOf(t), crc32: crc32(bytesIn(t)) });
  }
  const table = new Uint8Array(entryBytes * placed.length);
  const view = new DataView(table.buffer);
  placed.forEach((p, i) => {
    view.setBigUint64(i * entryBytes, BigInt(p.offset), true);
    view.setBigUint64(i * entryBytes + 8, BigInt(p.bytes), true);
    view.setUint32(i * entryBytes + 16, p.crc32, true);
  });
  const tableCrc32 = crc32(table);
  const header = new Uint8Array(headerBytes);
  header.set(new TextEncoder().encode(weightsMagic));
  const h = new DataView(header.buffer);
  h.setUint32(8, weightsVersion, true);
  h.setUint32(12, placed.length, true);
  h.setBigUint64(16, BigInt(bytes), true);
  h.setUint32(24, tableCrc32, true);
  return {
    tensors: placed,
    bytes,
    tableCrc32,
    *chunks() {
      yield header;
      yield table;
      let at = header.length + table.length;
      for (const p of placed) {
        if (p.offset > at) yield new Uint8Array(p.offset - at);
        yield bytesIn(p);
        at = p.offset + p.bytes;
      }
      if (bytes > at) yield new Uint8Array(bytes - at);
    },
  };
}
