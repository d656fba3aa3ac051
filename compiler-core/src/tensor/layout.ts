import { allocate, makeTensor, type Tensor } from "../ir/tensor.ts";
import { floordiv, floormod, integer } from "./expression.ts";
import type { Expression } from "./program.ts";

/** One dimension of a packed layout: floor(index / divisor) of a dimension before, modulo `modulus` where one is given. */
export interface LayoutPart {
  readonly dimension: number;
  readonly divisor: number;
  readonly modulus: number | undefined;
}

/** Dimensions of an array laid out anew, outermost first, in the words of `pack`: "0/16", "1", "0%16", "0/4%8". */
export type Layout = readonly LayoutPart[];

/** "0/4%8" is floor(index of dimension 0 / 4) modulo 8; undefined for what is no part. */
export function parseLayoutPart(text: string): LayoutPart | undefined {
  const match = /^(\d+)(?:\/([1-9]\d*))?(?:%([1-9]\d*))?$/.exec(text);
  return match ? { dimension: Number(match[1]), divisor: Number(match[2] ?? 1), modulus: match[3] === undefined ? undefined : Number(match[3]) } : undefined;
}

export const printLayout = (layout: Layout): string => `[${layout.map((p) => `${p.dimension}${p.divisor > 1 ? `/${p.divisor}` : ""}${p.modulus === undefined ? "" : `%${p.modulus}`}`).join(", ")}]`;

/**
 * Why the parts do not hold each element of an array at one place, or undefined when they do: the parts of each
 * dimension are its digits, the divisor of one the product of all finer moduli, and the coarsest has no modulus.
 */
export function layoutProblem(layout: Layout, rank: number): string | undefined {
  for (let d = 0; d < rank; d++) {
    const digits = layout.filter((p) => p.dimension === d).sort((a, b) => a.divisor - b.divisor);
    if (digits.length === 0) return `dimension ${d} is left out`;
    let unit = 1;
    for (const [i, p] of digits.entries()) {
      if (p.divisor !== unit) return `the parts of dimension ${d} are no digits of it: ${p.divisor} is not ${unit}`;
      if ((p.modulus === undefined) !== (i === digits.length - 1)) return `of the parts of dimension ${d} just the coarsest has no modulus`;
      unit *= p.modulus ?? 1;
    }
  }
  const outside = layout.find((p) => p.dimension >= rank);
  return outside && `there is no dimension ${outside.dimension}`;
}

/** Extents of the packed array; where a modulus divides no extent, it ends in elements that stand for none. */
export const packedDims = (layout: Layout, dims: readonly number[]): number[] => layout.map((p) => p.modulus ?? Math.ceil(dims[p.dimension]! / p.divisor));

/** Where an element lies in the packed array. */
export const packedIndices = (layout: Layout, indices: readonly Expression[]): Expression[] =>
  layout.map((p) => {
    const digit = floordiv(indices[p.dimension]!, integer(p.divisor));
    return p.modulus === undefined ? digit : floormod(digit, integer(p.modulus));
  });

/** The array in its packed layout; places that stand for no element hold 0. */
export function packTensor(tensor: Tensor, layout: Layout): Tensor {
  const { dims, element } = tensor;
  const packed = packedDims(layout, dims);
  const data = allocate(element, packed.reduce((a, b) => a * b, 1));
  const strides = dims.map((_, d) => dims.slice(d + 1).reduce((a, b) => a * b, 1));
  const place = packed.map(() => 0);
  const index = dims.map(() => 0);
  let from = 0;
  for (let at = 0; at < data.length; at++) {
    if (index.every((x, d) => x < dims[d]!)) data[at] = tensor.data[from]!;
    // The next place: the innermost dimension that does not start again.
    for (let i = packed.length - 1; i >= 0; i--) {
      const { dimension, divisor } = layout[i]!;
      const moved = ++place[i]! < packed[i]! ? divisor : -(packed[i]! - 1) * divisor;
      index[dimension]! += moved;
      from += moved * strides[dimension]!;
      if (moved > 0) break;
      place[i] = 0;
    }
  }
  return makeTensor(element, packed, data);
}
