import { addDims, type Dim, dimsDiffer, floorDivDims, maxDims, mulDims, subDims } from "../../ir/dim.ts";
import { type ElementType, elementTypes } from "../../ir/element-type.ts";
import { describeNode, type OperatorNode } from "../../ir/graph.ts";
import type { InferContext, InferredOutput } from "../../ir/type-rules.ts";
import { elementOf, shapeOf, type Shape, tensorType, unknownType, type ValueType } from "../../ir/value-type.ts";
import { GraphwrightError } from "../../support/diagnostic.ts";

/** One output of the same type as an input. */
const sameAs = (index: number) => (context: InferContext): readonly InferredOutput[] => [{ type: context.type(index) }];
export const sameAsInput = sameAs(0);

/** One output shaped like an input, of another element type. */
export const shapedLike = (index: number, element: ElementType | null) => (context: InferContext): readonly InferredOutput[] => [
  { type: tensorType(element, shapeOf(context.type(index))) },
];

/** The tensor type, or undefined when the input's rank is unknown. */
export function rankedInput(context: InferContext, index: number): { element: ElementType | null; shape: readonly Dim[] } | undefined {
  const type = context.type(index);
  return type.kind === "tensor" && type.shape !== null ? { element: type.element, shape: type.shape } : undefined;
}

/** Where a value comes from, in words: "input 1, made by conv1 (Conv)". */
export function originOf(context: InferContext, node: OperatorNode, index: number): string {
  const ref = node.inputs[index];
  if (!ref || !context.graph) return `input ${index}`;
  const producer = context.graph.node(ref.node);
  return `input ${index} (${context.type(index).text}, from ${describeNode(producer)})`;
}

/** Notes that two inputs cannot go together. */
export function reportConflict(context: InferContext, node: OperatorNode, a: number, b: number, why: string): void {
  context.report({
    severity: "error",
    code: "shape-contradiction",
    message: `${node.op}: ${why}: ${originOf(context, node, a)} disagrees with ${originOf(context, node, b)}.`,
    hint: "Look at the producers of both inputs: one of the two shapes is not what this node expects.",
  });
}

export function reportProblem(context: InferContext, node: OperatorNode, message: string): void {
  context.report({ severity: "error", code: "shape-contradiction", message: `${node.op}: ${message}` });
}

/** One dimension of a broadcast: undefined where two known sizes contradict. */
export function broadcastDim(a: Dim, b: Dim): Dim | undefined {
  if (a === b) return a;
  if (a === 1) return b;
  if (b === 1) return a;
  if (typeof a === "number" && typeof b === "number") return undefined;
  // A known size above 1 decides; the other must be that or 1.
  if (typeof a === "number") return a;
  if (typeof b === "number") return b;
  return maxDims(a, b);
}

/** Multidirectional broadcasting of all inputs' shapes; null where a rank is unknown. */
export function broadcastInputs(context: InferContext, node: OperatorNode, indices: readonly number[]): Shape {
  let shape: readonly Dim[] | null = [];
  let last = indices[0]!;
  for (const index of indices) {
    const next = shapeOf(context.type(index));
    if (next === null || shape === null) return null;
    const rank: number = Math.max(shape.length, next.length);
    const sum: Dim[] = [];
    for (let i = 0; i < rank; i++) {
      const a: Dim = i < rank - shape.length ? 1 : shape[i - (rank - shape.length)]!;
      const b: Dim = i < rank - next.length ? 1 : next[i - (rank - next.length)]!;
      const dim = broadcastDim(a, b);
      if (dim === undefined) reportConflict(context, node, last, index, `dimension ${i - rank} is ${a} and ${b}, which do not broadcast`);
      sum.push(dim ?? null);
    }
    shape = sum;
    last = index;
  }
  return shape;
}

/** Axis in 0..rank-1, or undefined when out of range. */
export function normalAxis(axis: number, rank: number): number | undefined {
  const normal = axis < 0 ? axis + rank : axis;
  return normal >= 0 && normal < rank ? normal : undefined;
}

/** Axis in 0..rank-1. Throws "axis-range". */
export function checkedAxis(axis: number, rank: number, name = "axis"): number {
  const normal = normalAxis(axis, rank);
  if (normal === undefined) throw new GraphwrightError("axis-range", `${name} is ${axis}, but the input has rank ${rank}.`);
  return normal;
}

export const productOf = (dims: readonly Dim[]): Dim => dims.reduce<Dim>((a, b) => mulDims(a, b), 1);

/** The elements of a small integer input when all are known numbers. */
export function knownInts(context: InferContext, index: number): number[] | undefined {
  const known = context.known(index) ?? constantInts(context, index);
  return known?.every((d) => typeof d === "number") ? (known as number[]) : undefined;
}

function constantInts(context: InferContext, index: number): number[] | undefined {
  const constant = context.constant(index);
  if (!constant || constant.count > 4096) return undefined;
  const { data } = constant.tensor();
  return Array.isArray(data) ? undefined : Array.from(data as ArrayLike<number | bigint>, Number);
}

/** No tensor has more dimensions; a longer vector of sizes or axes is a mistake in the model. */
const highestRank = 64;

/** Number of elements of a rank-1 input that holds sizes or axes, where known. */
export function vectorLength(context: InferContext, index: number): number | undefined {
  const shape = shapeOf(context.type(index));
  return shape?.length === 1 && typeof shape[0] === "number" && shape[0] <= highestRank ? shape[0] : undefined;
}

export const unknownShape = (rank: number): Dim[] => new Array<Dim>(Math.max(0, rank)).fill(null);

export const elementOfInput = (context: InferContext, index: number): ElementType | null => elementOf(context.type(index));

/** Is it a number beyond 2^53, which stands for an integer near it only? */
export const isRounded = (d: Dim): boolean => typeof d === "number" && !Number.isSafeInteger(d);

/** Is the integer one of the element type? Arithmetic wraps outside of it. */
const isWithin = (d: Dim, element: ElementType | null): boolean => typeof d !== "number" || element === null || elementTypes[element].bits >= 64 || (d >= -(2 ** 31) && d < 2 ** 31);

/**
 * Follows known elements through an elementwise operation. Numbers beyond 2^53 are not exact: arithmetic does not go on with
 * them, a choice among the operands does, and a comparison where they differ.
 */
export function knownBinary(context: InferContext, combine: (a: Dim, b: Dim) => Dim, of: "arithmetic" | "comparison" | "choice" = "arithmetic"): readonly Dim[] | undefined {
  const a = context.known(0);
  const b = context.known(1);
  const flat = [0, 1].every((i) => (shapeOf(context.type(i))?.length ?? 2) <= 1);
  if (!a || !b || !flat || (a.length !== b.length && a.length !== 1 && b.length !== 1)) return undefined;
  const count = a.length === 0 || b.length === 0 ? 0 : Math.max(a.length, b.length);
  const element = elementOf(context.type(0));
  return Array.from({ length: count }, (_, i) => {
    const [x, y] = [a[a.length === 1 ? 0 : i]!, b[b.length === 1 ? 0 : i]!];
    if (of === "comparison" && x === y && isRounded(x)) return null;
    if (of !== "arithmetic") return combine(x, y);
    const result = isRounded(x) || isRounded(y) ? null : combine(x, y);
    return isRounded(result) || !isWithin(result, element) ? null : result;
  });
}

/** One output, with `known` only where there is some. */
export const output = (type: ValueType, known?: readonly Dim[]): InferredOutput => (known ? { type, known } : { type });
export const tensorOutput = (element: ElementType | null, shape: Shape, known?: readonly Dim[]): InferredOutput => output(tensorType(element, shape), known);
export { addDims, dimsDiffer, floorDivDims, mulDims, subDims, unknownType };
