import type { OperatorNode, ValueRef } from "../../ir/graph.ts";
import { isFloat } from "../../ir/element-type.ts";
import { toNumbers } from "../../ir/tensor.ts";
import type { MatchContext } from "../definition.ts";

/**
 * y = scale * x + shift with constants that are one number, or one number a channel (axis 1). Worked out in float64,
 * rounded once at the end.
 */
export interface ChannelAffine {
  readonly scale: ArrayLike<number>;
  readonly shift: ArrayLike<number>;
}

export const affineOps = ["Mul", "Add", "Sub", "Div"] as const;

/** An operator that is affine in one operand, the others being constants. */
export interface AffineStep {
  readonly node: OperatorNode;
  readonly data: ValueRef;
  readonly constants: readonly ValueRef[];
}

/** The operand that is computed and the one that is constant; undefined unless there is one of each. */
function constantOperand(node: OperatorNode, context: MatchContext): { data: ValueRef; constant: ValueRef; dataIndex: 0 | 1 } | undefined {
  const [a, b] = node.inputs;
  if (!a || !b) return undefined;
  const left = context.constant(a);
  const right = context.constant(b);
  if (left && !right) return { data: b, constant: a, dataIndex: 1 };
  if (right && !left) return { data: a, constant: b, dataIndex: 0 };
  return undefined;
}

/** The affine form of `node` as far as operators and constants say; numbers and shapes are looked at later. */
export function affineStep(node: OperatorNode | undefined, context: MatchContext): AffineStep | undefined {
  if (!node || node.domain !== "") return undefined;
  if (node.op === "BatchNormalization") {
    const [data, ...parameters] = node.inputs;
    if (!data || parameters.length < 4 || !parameters.every((p): p is ValueRef => context.constant(p) !== undefined)) return undefined;
    return isInference(node, context) ? { node, data, constants: parameters } : undefined;
  }
  if (!(affineOps as readonly string[]).includes(node.op)) return undefined;
  const operand = constantOperand(node, context);
  // A constant over the data is not affine.
  if (!operand || (node.op === "Div" && operand.dataIndex === 1)) return undefined;
  return { node, data: operand.data, constants: [operand.constant] };
}

/** Inference mode: running statistics are read, none are written. */
export const isInference = (node: OperatorNode, context: MatchContext): boolean =>
  context.attributes(node).int("training_mode", 0) === 0 && !node.outputs.slice(1).some((_, i) => context.graph.usesOfValue({ node: node.id, output: i + 1 }).length > 0);

/**
 * Why a constant of dimensions `dims` does not act on each channel of a value of `rank` alike, or undefined when it
 * does. Broadcasting aligns at the last axis, and the constant must not add axes or widen one.
 */
export function channelProblem(dims: readonly number[], rank: number | undefined, channels: number | undefined, axis = 1): string | undefined {
  if (dims.length === 0) return undefined;
  if (rank === undefined) return "the rank of the value is unknown, so the constant's axes cannot be aligned";
  if (dims.length > rank) return `the constant has rank ${dims.length} and would widen a value of rank ${rank}`;
  for (const [i, size] of dims.entries()) {
    const at = rank - dims.length + i;
    if (size === 1) continue;
    if (at !== axis) return `the constant ${shapeText(dims)} varies on axis ${at}, which is not the channel axis ${axis}`;
    if (size !== channels) return `the constant has ${size} channels, the value ${channels ?? "an unknown number"}`;
  }
  return undefined;
}

export const shapeText = (dims: readonly unknown[]): string => `[${dims.join(", ")}]`;

/** The numbers of an affine step whose constants act on each channel alike. */
export function affineNumbers(step: AffineStep, context: MatchContext): ChannelAffine {
  const { node, constants } = step;
  const read = (ref: ValueRef): ArrayLike<number> => toNumbers(context.tensor(ref)!);
  if (node.op === "BatchNormalization") {
    const [scale, bias, mean, variance] = constants.map(read) as [ArrayLike<number>, ArrayLike<number>, ArrayLike<number>, ArrayLike<number>];
    const epsilon = context.attributes(node).float("epsilon", 1e-5);
    const factor = Float64Array.from({ length: scale.length }, (_, i) => scale[i]! / Math.sqrt(variance[i]! + epsilon));
    return { scale: factor, shift: Float64Array.from(factor, (f, i) => bias[i]! - mean[i]! * f) };
  }
  const values = Float64Array.from(read(constants[0]!));
  switch (node.op) {
    case "Mul":
      return { scale: values, shift: [0] };
    case "Div":
      return { scale: values.map((v) => 1 / v), shift: [0] };
    case "Add":
      return { scale: [1], shift: values };
    default:
      // Sub: data - constant, or constant - data.
      return node.inputs[0] === step.data ? { scale: [1], shift: values.map((v) => -v) } : { scale: [-1], shift: values };
  }
}

export const at = (values: ArrayLike<number>, channel: number): number => values[values.length === 1 ? 0 : channel]!;

/** `second` after `first`. */
export function compose(first: ChannelAffine, second: ChannelAffine): ChannelAffine {
  const length = Math.max(first.scale.length, first.shift.length, second.scale.length, second.shift.length);
  return {
    scale: Float64Array.from({ length }, (_, c) => at(first.scale, c) * at(second.scale, c)),
    shift: Float64Array.from({ length }, (_, c) => at(first.shift, c) * at(second.scale, c) + at(second.shift, c)),
  };
}

export function all(values: ArrayLike<number>, test: (v: number) => boolean): boolean {
  for (let i = 0; i < values.length; i++) if (!test(values[i]!)) return false;
  return true;
}

/** Largest finite number of a floating-point type, for the precondition that folded numbers stay finite. */
export const largest: Readonly<Record<string, number>> = {
  float16: 65504,
  bfloat16: 3.3895313892515355e38,
  float32: 3.4028234663852886e38,
  float64: Number.MAX_VALUE,
};

/** True when every number is finite in `element`. */
export const staysFinite = (element: string, ...arrays: readonly ArrayLike<number>[]): boolean =>
  arrays.every((values) => all(values, (v) => Math.abs(v) <= (largest[element] ?? 0)));

/** The one floating-point type of all these values; undefined when they differ or are not floating point. */
export function commonFloat(context: MatchContext, refs: readonly (ValueRef | null | undefined)[]): string | undefined {
  const kinds = new Set(refs.filter((ref) => ref).map((ref) => {
    const type = context.type(ref);
    return type.kind === "tensor" ? type.element : null;
  }));
  const [only] = kinds;
  return kinds.size === 1 && only && isFloat(only) && only in largest ? only : undefined;
}
