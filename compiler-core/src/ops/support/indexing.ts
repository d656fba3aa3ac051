import { makeTensor, type Tensor, toIntegers } from "../../ir/tensor.ts";
import { GraphwrightError } from "../../support/diagnostic.ts";
import { copyStrided, stridesOf } from "./strides.ts";

/** Indices in 0..size-1, negative ones counted from the end. Throws "index-range". */
export function checkedIndices(indices: readonly number[], size: number): number[] {
  return indices.map((index) => {
    const at = index < 0 ? index + size : index;
    if (!(at >= 0 && at < size)) throw new GraphwrightError("index-range", `the index ${index} lies outside 0 to ${size - 1}.`);
    return at;
  });
}

/** A dense tensor from values and their flat ([n]) or full ([n, rank]) indices. */
export function denseTensor(values: Tensor, indices: Tensor, dims: readonly number[]): Tensor {
  const dense = makeTensor(values.element, dims);
  const numbers = toIntegers(indices);
  const strides = stridesOf(dims);
  const full = indices.dims.length === 2;
  const count = values.dims[0] ?? 0;
  for (let i = 0; i < count; i++) {
    const offset = full ? strides.reduce((sum, s, d) => sum + s * numbers[i * dims.length + d]!, 0) : numbers[i]!;
    copyStrided(values.element, [1], { data: dense.data, offset, strides: [1] }, { data: values.data, offset: i, strides: [1] });
  }
  return dense;
}
