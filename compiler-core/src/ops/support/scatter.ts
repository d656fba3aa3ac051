import { allocate, type BigArray, isBigArray, type Tensor, toIntegers, toNumbers } from "../../ir/tensor.ts";
import { elementCount } from "../../ir/value-type.ts";
import { GraphwrightError } from "../../support/diagnostic.ts";
import { checkedIndices } from "./indexing.ts";
import { finished, workArray } from "./numbers.ts";
import { copyStrided, stridesOf } from "./strides.ts";

/** Elements at flat offsets. */
export function takeFlat(x: Tensor, offsets: readonly number[], dims: readonly number[]): Tensor {
  return { ...takeBlocks(x, offsets, 1), dims: Object.freeze([...dims]) };
}

/** Runs of `length` elements that start at flat offsets, one after another. */
export function takeBlocks(x: Tensor, offsets: readonly number[], length: number): Tensor {
  const data = allocate(x.element, offsets.length * length);
  for (const [i, offset] of offsets.entries())
    copyStrided(x.element, [length], { data, offset: i * length, strides: [1] }, { data: x.data, offset, strides: [1] });
  return { element: x.element, dims: Object.freeze([offsets.length * length]), data };
}

/** Flat offsets that the index tuples in the last dimension of `indices` stand for; the first `batch` dimensions run along. */
export function tupleOffsets(indices: Tensor, dims: readonly number[], batch: number): number[] {
  const tuple = indices.dims.at(-1) ?? 0;
  if (batch + tuple > dims.length) throw new GraphwrightError("index-range", `index tuples of ${tuple} are too long for a tensor of rank ${dims.length}${batch > 0 ? ` with ${batch} batch dimensions` : ""}.`);
  const numbers = toIntegers(indices);
  const strides = stridesOf(dims);
  const batches = elementCount(dims.slice(0, batch));
  const tuples = elementCount(indices.dims.slice(0, -1));
  const perBatch = batches === 0 ? 0 : tuples / batches;
  const batchSize = elementCount(dims.slice(batch));
  return Array.from({ length: tuples }, (_, t) => {
    let offset = Math.floor(t / perBatch) * batchSize;
    for (let k = 0; k < tuple; k++) offset += checkedIndices([numbers[t * tuple + k]!], dims[batch + k]!)[0]! * strides[batch + k]!;
    return offset;
  });
}

const numeric: Readonly<Record<string, (old: number, x: number) => number>> = { add: (old, x) => old + x, mul: (old, x) => old * x, max: Math.max, min: Math.min };
const exact: Readonly<Record<string, (old: bigint, x: bigint) => bigint>> = {
  add: (old, x) => old + x,
  mul: (old, x) => old * x,
  max: (old, x) => (x > old ? x : old),
  min: (old, x) => (x < old ? x : old),
};

/** A copy of `x` with updates written at flat offsets, in order; `reduction` joins each with what stands there. */
export function writeFlat(x: Tensor, offsets: readonly number[], updates: Tensor, reduction: string): Tensor {
  if (elementCount(updates.dims) !== offsets.length) throw new GraphwrightError("scatter", `${elementCount(updates.dims)} updates do not fit ${offsets.length} places.`);
  if (reduction === "none") {
    const count = elementCount(x.dims);
    const data = allocate(x.element, count);
    copyStrided(x.element, [count], { data, offset: 0, strides: [1] }, { data: x.data, offset: 0, strides: [1] });
    for (const [i, offset] of offsets.entries()) copyStrided(x.element, [1], { data, offset, strides: [1] }, { data: updates.data, offset: i, strides: [1] });
    return { element: x.element, dims: x.dims, data };
  }
  const combine = numeric[reduction];
  if (!combine) throw new GraphwrightError("attribute-value", `"${reduction}" is not a reduction.`);
  if (isBigArray(x.data)) {
    const data = x.data.slice() as BigArray;
    const join = exact[reduction]!;
    for (const [i, offset] of offsets.entries()) data[offset] = join(data[offset]!, (updates.data as BigArray)[i]!);
    return { element: x.element, dims: x.dims, data };
  }
  const out = workArray(x.element, elementCount(x.dims));
  out.set(toNumbers(x));
  const numbers = toNumbers(updates);
  for (const [i, offset] of offsets.entries()) out[offset] = combine(out[offset]!, numbers[i]!);
  return finished(x.element, x.dims, out);
}
