import { describeNode } from "../../ir/graph.ts";
import { toIntegers } from "../../ir/tensor.ts";
import { GraphwrightError } from "../../support/diagnostic.ts";
import { type AxisSpec, forEach } from "../../tensor/build.ts";
import { integer, number } from "../../tensor/expression.ts";
import type { LoweringContext } from "../../tensor/lowering.ts";
import type { Buffer, Expression, Statement, Variable } from "../../tensor/program.ts";

/** Helpers that lowerings share. */

export function notLowered(context: LoweringContext, reason: string): GraphwrightError {
  return new GraphwrightError("not-lowered", `cannot be lowered: ${reason}.`, { node: describeNode(context.node) });
}

export function inputOf(context: LoweringContext, index: number): Buffer {
  const found = context.inputs[index];
  if (!found) throw notLowered(context, `input ${index} is missing`);
  return found;
}

export function outputOf(context: LoweringContext, index = 0): Buffer {
  const found = context.outputs[index];
  if (!found) throw notLowered(context, `output ${index} is missing`);
  return found;
}

/** Refuses nodes that use outputs beyond the first `count` (masks, running statistics, indices). */
export function onlyOutputs(context: LoweringContext, count: number): void {
  for (let i = count; i < context.outputs.length; i++)
    if (context.outputs[i]) throw notLowered(context, `its output ${i} is used, which only the first ${count} may be`);
}

/** The integers of an input that must be known at compile time, or undefined when the input is omitted. */
export function integersOf(context: LoweringContext, index: number, what: string): number[] | undefined {
  if (!context.inputs[index]) return undefined;
  const tensor = context.constant(index);
  if (!tensor) throw notLowered(context, `its ${what} are computed at run time`);
  return toIntegers(tensor);
}

/** Loop names by rank: n, c, h, w for images; i0, i1, ... otherwise. */
export function axisNames(rank: number): string[] {
  if (rank === 4) return ["n", "c", "h", "w"];
  return Array.from({ length: rank }, (_, i) => (rank === 1 ? "i" : `i${i}`));
}

export const spatialAxes = (dims: readonly number[], names: readonly string[] = axisNames(dims.length)): AxisSpec[] =>
  dims.map((extent, i) => ({ name: names[i] as string, extent }));

/** The indices of a buffer that is broadcast (NumPy rules) against the axes of the output. */
export function broadcastIndices(from: readonly number[], axes: readonly Expression[]): Expression[] {
  const skip = axes.length - from.length;
  return from.map((extent, d) => (extent === 1 ? integer(0) : (axes[d + skip] as Expression)));
}

export const zero = (element: Buffer["element"]): Expression => number(element, 0);

/** A negative axis counts from the end. */
export const normalizeAxis = (axis: number, rank: number): number => (axis < 0 ? axis + rank : axis);

/** Loops over all elements of a shape, in order; the body sees their variables. */
export function forAll(dims: readonly number[], body: (v: readonly Variable[]) => readonly Statement[], names: readonly string[] = axisNames(dims.length)): readonly Statement[] {
  const build = (d: number, v: readonly Variable[]): readonly Statement[] => (d === dims.length ? body(v) : [forEach(names[d]!, dims[d]!, (i) => build(d + 1, [...v, i]))]);
  return build(0, []);
}
