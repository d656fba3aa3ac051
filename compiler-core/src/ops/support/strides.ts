import type { ElementType } from "../../ir/element-type.ts";
import { allocate, isBigArray, type Tensor, type TensorData } from "../../ir/tensor.ts";
import { elementCount } from "../../ir/value-type.ts";

/** Row-major strides in elements. */
export function stridesOf(dims: readonly number[]): number[] {
  const strides = new Array<number>(dims.length);
  let step = 1;
  for (let i = dims.length - 1; i >= 0; i--) {
    strides[i] = step;
    step *= dims[i]!;
  }
  return strides;
}

/** Strides that repeat a tensor of `dims` over the broadcast dimensions `target`: 0 along repeated ones. */
export function broadcastStrides(dims: readonly number[], target: readonly number[]): number[] {
  const own = stridesOf(dims);
  const lead = target.length - dims.length;
  return target.map((_, i) => (i < lead || dims[i - lead] === 1 ? 0 : own[i - lead]!));
}

/** Joins neighbouring dimensions that all stride lists run through evenly, and drops dimensions of 1. */
export function collapse(dims: readonly number[], strides: readonly (readonly number[])[]): { dims: number[]; strides: number[][] } {
  const outDims: number[] = [];
  const out: number[][] = strides.map(() => []);
  for (let i = 0; i < dims.length; i++) {
    const extent = dims[i]!;
    if (extent === 1) continue;
    const last = outDims.length - 1;
    if (last >= 0 && strides.every((s, k) => out[k]![last] === s[i]! * extent)) {
      outDims[last]! *= extent;
      for (const [k, s] of strides.entries()) out[k]![last] = s[i]!;
      continue;
    }
    outDims.push(extent);
    for (const [k, s] of strides.entries()) out[k]!.push(s[i]!);
  }
  if (outDims.length === 0) {
    outDims.push(1);
    for (const list of out) list.push(0);
  }
  return { dims: outDims, strides: out };
}

/**
 * Visits a strided iteration space row by row: `row` is called with the number of points along the innermost
 * dimension, the offset of each stride list at the row's start, and each list's inner stride.
 */
export function forEachRow(
  dims: readonly number[],
  strides: readonly (readonly number[])[],
  row: (count: number, offsets: readonly number[], steps: readonly number[]) => void,
): void {
  if (elementCount(dims) === 0) return;
  const flat = collapse(dims, strides);
  const inner = flat.dims.length - 1;
  const count = flat.dims[inner]!;
  const steps = flat.strides.map((s) => s[inner]!);
  const offsets = flat.strides.map(() => 0);
  const index = new Array<number>(inner).fill(0);
  for (;;) {
    row(count, offsets, steps);
    let axis = inner - 1;
    for (; axis >= 0; axis--) {
      if (++index[axis]! < flat.dims[axis]!) {
        for (let k = 0; k < offsets.length; k++) offsets[k]! += flat.strides[k]![axis]!;
        break;
      }
      for (let k = 0; k < offsets.length; k++) offsets[k]! -= flat.strides[k]![axis]! * (flat.dims[axis]! - 1);
      index[axis] = 0;
    }
    if (axis < 0) return;
  }
}

/** Visits every index of `dims` in row-major order; the array is reused. */
export function forEachIndex(dims: readonly number[], visit: (index: number[], flat: number) => void): void {
  const count = elementCount(dims);
  const index = new Array<number>(dims.length).fill(0);
  for (let flat = 0; flat < count; flat++) {
    visit(index, flat);
    for (let axis = dims.length - 1; axis >= 0; axis--) {
      if (++index[axis]! < dims[axis]!) break;
      index[axis] = 0;
    }
  }
}

/** Index, by element type, of the unsigned view that copies its bits unchanged: at most 4 bytes a unit. */
function bitView(data: TensorData): { units: string[] | Uint8Array | Uint16Array | Uint32Array; lanes: number } {
  if (Array.isArray(data)) return { units: data, lanes: 1 };
  const { buffer, byteOffset, length, BYTES_PER_ELEMENT: width } = data;
  if (width === 1) return { units: new Uint8Array(buffer, byteOffset, length), lanes: 1 };
  if (width === 2) return { units: new Uint16Array(buffer, byteOffset, length), lanes: 1 };
  return { units: new Uint32Array(buffer, byteOffset, (length * width) / 4), lanes: width / 4 };
}

export interface Strided {
  readonly data: TensorData;
  readonly offset: number;
  readonly strides: readonly number[];
}

/** Copies elements of any one type, bit for bit, between two strided places. */
export function copyStrided(element: ElementType, dims: readonly number[], to: Strided, from: Strided): void {
  const target = bitView(to.data);
  const source = bitView(from.data);
  const lanes = target.lanes * (element === "complex64" || element === "complex128" ? 2 : 1);
  const out = target.units as Uint32Array;
  const input = source.units as Uint32Array;
  const text = Array.isArray(target.units);
  const scale = (strides: readonly number[]): number[] => strides.map((s) => s * lanes);
  const allDims = lanes === 1 ? dims : [...dims, lanes];
  const toStrides = lanes === 1 ? to.strides : [...scale(to.strides), 1];
  const fromStrides = lanes === 1 ? from.strides : [...scale(from.strides), 1];
  const toBase = to.offset * lanes;
  const fromBase = from.offset * lanes;
  forEachRow(allDims, [toStrides, fromStrides], (count, offsets, steps) => {
    let o = toBase + offsets[0]!;
    let i = fromBase + offsets[1]!;
    const so = steps[0]!;
    const si = steps[1]!;
    if (so === 1 && si === 1 && count > 32 && !text) {
      out.set(input.subarray(i, i + count), o);
      return;
    }
    for (let n = 0; n < count; n++) {
      out[o] = input[i]!;
      o += so;
      i += si;
    }
  });
}

/** A new dense tensor whose element at an index lies at offset + index . strides of the source. */
export function gatherStrided(source: Tensor, dims: readonly number[], offset: number, strides: readonly number[]): Tensor {
  const data = allocate(source.element, elementCount(dims));
  copyStrided(source.element, dims, { data, offset: 0, strides: stridesOf(dims) }, { data: source.data, offset, strides });
  return { element: source.element, dims: Object.freeze([...dims]), data };
}

/** The same elements under other dimensions; the data is shared. */
export const reshaped = (source: Tensor, dims: readonly number[]): Tensor => ({ element: source.element, dims: Object.freeze([...dims]), data: source.data });

/** Repeats a tensor over broadcast dimensions. */
export const expanded = (source: Tensor, dims: readonly number[]): Tensor => gatherStrided(source, dims, 0, broadcastStrides(source.dims, dims));

export function permuted(source: Tensor, perm: readonly number[]): Tensor {
  const strides = stridesOf(source.dims);
  return gatherStrided(source, perm.map((p) => source.dims[p]!), 0, perm.map((p) => strides[p]!));
}

/** Entries `indices` along an axis. */
export function takeAlong(source: Tensor, axis: number, indices: readonly number[]): Tensor {
  const dims = source.dims.map((d, i) => (i === axis ? indices.length : d));
  const data = allocate(source.element, elementCount(dims));
  const one = dims.map((d, i) => (i === axis ? 1 : d));
  const from = stridesOf(source.dims);
  const to = stridesOf(dims);
  for (const [at, index] of indices.entries())
    copyStrided(source.element, one, { data, offset: at * to[axis]!, strides: to }, { data: source.data, offset: index * from[axis]!, strides: from });
  return { element: source.element, dims: Object.freeze(dims), data };
}

export { isBigArray };
