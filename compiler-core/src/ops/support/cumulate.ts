import { allocate, type BigArray, isBigArray, type Tensor, toNumbers } from "../../ir/tensor.ts";
import { elementCount } from "../../ir/value-type.ts";
import { finished, workArray } from "./numbers.ts";
import type { BigFold, Fold } from "./reduction.ts";

export interface CumulateOptions {
  /** the element itself is left out */
  readonly exclusive: boolean;
  /** from the end */
  readonly reverse: boolean;
}

/** Runs a fold along an axis and keeps every intermediate value; 64-bit integers exactly. */
export function cumulate(x: Tensor, axis: number, options: CumulateOptions, fold: Fold, big: BigFold): Tensor {
  const count = elementCount(x.dims);
  if (isBigArray(x.data)) {
    const out = allocate(x.element, count) as BigArray;
    run<bigint>(x.data, out, x.dims, axis, options, big.start, big.step);
    return { element: x.element, dims: x.dims, data: out };
  }
  const out = workArray(x.element, count);
  run<number>(toNumbers(x), out, x.dims, axis, options, fold.start, fold.step);
  return finished(x.element, x.dims, out);
}

function run<T>(x: ArrayLike<T>, out: { [i: number]: T }, dims: readonly number[], axis: number, { exclusive, reverse }: CumulateOptions, start: T, step: (sum: T, x: T) => T): void {
  const size = dims[axis]!;
  const inner = elementCount(dims.slice(axis + 1));
  const outer = elementCount(dims.slice(0, axis));
  for (let o = 0; o < outer; o++)
    for (let i = 0; i < inner; i++) {
      let sum = start;
      for (let k = 0; k < size; k++) {
        const at = (o * size + (reverse ? size - 1 - k : k)) * inner + i;
        const next = step(sum, x[at]!);
        out[at] = exclusive ? sum : next;
        sum = next;
      }
    }
}
