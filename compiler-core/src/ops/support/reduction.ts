import type { Dim } from "../../ir/dim.ts";
import { type ElementType, elementTypes } from "../../ir/element-type.ts";
import type { OperatorNode } from "../../ir/graph.ts";
import { allocate, type BigArray, isBigArray, type Tensor, toNumbers } from "../../ir/tensor.ts";
import type { InferContext, InferredOutput } from "../../ir/type-rules.ts";
import { elementCount, elementOf, staticShape } from "../../ir/value-type.ts";
import { GraphwrightError } from "../../support/diagnostic.ts";
import type { AttributeReader, CostContext, OperatorDefinition } from "../definition.ts";
import { knownInts, normalAxis, rankedInput, tensorOutput, unknownShape, vectorLength } from "./infer.ts";
import { finished, optionalInts, tensorAt, workArray } from "./numbers.ts";
import { collapse, stridesOf } from "./strides.ts";

/** Distinct axes in 0..rank-1. Throws "axis-range". */
export function checkedAxes(axes: readonly number[], rank: number): number[] {
  const normal = axes.map((axis) => {
    const at = normalAxis(axis, rank);
    if (at === undefined) throw new GraphwrightError("axis-range", `axis ${axis} is outside a tensor of rank ${rank}.`);
    return at;
  });
  return [...new Set(normal)].sort((a, b) => a - b);
}

export const reducedDims = (dims: readonly Dim[], axes: ReadonlySet<number>, keep: boolean): Dim[] => dims.map((d, i) => (axes.has(i) ? (keep ? 1 : undefined) : d)).filter((d): d is Dim => d !== undefined);

/** Axes from the optional input 1, with the rule for absent or empty ones. undefined: computed at run time. */
function inferAxes(context: InferContext, node: OperatorNode, attributes: AttributeReader, rank: number): number[] | undefined {
  const given = node.inputs[1] ? knownInts(context, 1) : [];
  if (!given) return vectorLength(context, 1) === 0 ? emptyAxes(attributes, rank) : undefined;
  return given.length === 0 ? emptyAxes(attributes, rank) : checkedAxes(given, rank);
}

const emptyAxes = (attributes: AttributeReader, rank: number): number[] =>
  attributes.int("noop_with_empty_axes", 0) !== 0 ? [] : Array.from({ length: rank }, (_, i) => i);

export function inferReduction(context: InferContext, node: OperatorNode, attributes: AttributeReader): readonly InferredOutput[] {
  const x = rankedInput(context, 0);
  if (!x) return [tensorOutput(elementOf(context.type(0)), null)];
  const keep = attributes.int("keepdims", 1) !== 0;
  const axes = inferAxes(context, node, attributes, x.shape.length);
  if (axes) return [tensorOutput(x.element, reducedDims(x.shape, new Set(axes), keep))];
  // Which axes go is unknown, but how many are kept may be.
  if (keep) return [tensorOutput(x.element, unknownShape(x.shape.length))];
  const count = vectorLength(context, 1);
  return [tensorOutput(x.element, count === undefined ? null : unknownShape(x.shape.length - count))];
}

/** One accumulation: from `start`, `step` folds an element in, `finish` sees the number of elements. */
export interface Fold {
  readonly start: number;
  readonly step: (sum: number, x: number) => number;
  readonly finish?: (sum: number, count: number) => number;
}

/** Outer, reduced and offsets of a reduction: visits each output element with the offsets of its inputs. */
function forEachGroup(dims: readonly number[], axes: readonly number[], visit: (output: number, base: number) => void): { offsets: Int32Array } {
  const strides = stridesOf(dims);
  const reduced = new Set(axes);
  const keptDims = dims.filter((_, i) => !reduced.has(i));
  const keptStrides = strides.filter((_, i) => !reduced.has(i));
  const offsets = offsetsOf(dims.filter((_, i) => reduced.has(i)), strides.filter((_, i) => reduced.has(i)));
  const bases = offsetsOf(keptDims, keptStrides);
  for (let o = 0; o < bases.length; o++) visit(o, bases[o]!);
  return { offsets };
}

/** Flat offsets of all points of a strided space, in row-major order. */
export function offsetsOf(dims: readonly number[], strides: readonly number[]): Int32Array {
  const flat = collapse(dims, [strides]);
  let offsets = Int32Array.of(0);
  if (elementCount(dims) === 0) return new Int32Array(0);
  for (const [d, extent] of flat.dims.entries()) {
    const step = flat.strides[0]![d]!;
    const next = new Int32Array(offsets.length * extent);
    for (let i = 0, at = 0; i < offsets.length; i++) for (let j = 0; j < extent; j++) next[at++] = offsets[i]! + j * step;
    offsets = next;
  }
  return offsets;
}

/** The value below which nothing of a type lies; the start of a maximum. */
export function lowest(element: ElementType): number {
  const { bits, kind } = elementTypes[element];
  return kind === "int" ? -(2 ** (bits - 1)) : kind === "uint" || kind === "bool" ? 0 : -Infinity;
}

export function highest(element: ElementType): number {
  const { bits, kind } = elementTypes[element];
  return kind === "int" ? 2 ** (bits - 1) - 1 : kind === "uint" ? 2 ** bits - 1 : kind === "bool" ? 1 : Infinity;
}

export function reduceNumbers(x: Tensor, axes: readonly number[], keep: boolean, fold: Fold, element: ElementType = x.element): Tensor {
  const numbers = toNumbers(x);
  const dims = reducedDims(x.dims, new Set(axes), keep) as number[];
  const out = workArray(element, elementCount(dims));
  const { offsets } = forEachGroup(x.dims, axes, () => {});
  const { start, step, finish } = fold;
  forEachGroup(x.dims, axes, (o, base) => {
    let sum = start;
    for (let i = 0; i < offsets.length; i++) sum = step(sum, numbers[base + offsets[i]!]!);
    out[o] = finish ? finish(sum, offsets.length) : sum;
  });
  return finished(element, dims, out);
}

export interface BigFold {
  readonly start: bigint;
  readonly step: (sum: bigint, x: bigint) => bigint;
  readonly finish?: (sum: bigint, count: number) => bigint;
}

function reduceBig(x: Tensor, axes: readonly number[], keep: boolean, fold: BigFold): Tensor {
  const numbers = x.data as BigArray;
  const dims = reducedDims(x.dims, new Set(axes), keep) as number[];
  const out = allocate(x.element, elementCount(dims)) as BigArray;
  const { offsets } = forEachGroup(x.dims, axes, () => {});
  forEachGroup(x.dims, axes, (o, base) => {
    let sum = fold.start;
    for (let i = 0; i < offsets.length; i++) sum = fold.step(sum, numbers[base + offsets[i]!]!);
    out[o] = fold.finish ? fold.finish(sum, offsets.length) : sum;
  });
  return { element: x.element, dims: Object.freeze(dims), data: out };
}

/** A Reduce* operator: axes come from input 1. */
export function reduction(options: { readonly fold: Fold | ((element: ElementType) => Fold); readonly big?: BigFold | ((element: ElementType) => BigFold); readonly flops?: number }): Pick<OperatorDefinition, "infer" | "evaluate" | "cost"> {
  return {
    infer: inferReduction,
    evaluate: (inputs, context) => {
      const x = tensorAt(inputs, 0);
      const { axes, keep } = reductionAxes(x, optionalInts(inputs, 1), context.attributes);
      return [foldTensor(x, axes, keep, options)];
    },
    cost: ({ inputs }: CostContext) => ({ flops: (options.flops ?? 1) * elementCount(staticShape(inputs[0]) ?? [0]) }),
  };
}

/** The axes to reduce (none: every element by itself) and whether they stay as 1. */
export function reductionAxes(x: Tensor, given: readonly number[] | undefined, attributes: AttributeReader): { axes: number[]; keep: boolean } {
  const axes = !given || given.length === 0 ? emptyAxes(attributes, x.dims.length) : checkedAxes(given, x.dims.length);
  return { axes, keep: attributes.int("keepdims", 1) !== 0 };
}

function foldTensor(x: Tensor, axes: readonly number[], keep: boolean, options: Parameters<typeof reduction>[0]): Tensor {
  if (options.big && isBigArray(x.data)) return reduceBig(x, axes, keep, typeof options.big === "function" ? options.big(x.element) : options.big);
  return reduceNumbers(x, axes, keep, typeof options.fold === "function" ? options.fold(x.element) : options.fold);
}

