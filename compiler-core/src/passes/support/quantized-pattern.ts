import { ConstantValue } from "../../ir/constant.ts";
import type { ElementType } from "../../ir/element-type.ts";
import type { OperatorNode, ValueRef } from "../../ir/graph.ts";
import type { Rewriter } from "../../ir/rewriter.ts";
import { fromNumbers, type Tensor, toNumbers } from "../../ir/tensor.ts";
import { elementOf } from "../../ir/value-type.ts";
import type { MatchContext, PreconditionInfo } from "../definition.ts";

/** value = (numbers - zero) * scale, by one scale or one for each index of an axis. */
export interface Quantized {
  /** the DequantizeLinear, or the QuantizeLinear */
  readonly node: OperatorNode;
  readonly numbers: ValueRef;
  readonly element: ElementType;
  readonly scale: Tensor;
  readonly scaleRef: ValueRef;
  readonly zeros: ArrayLike<number>;
  readonly zeroRef: ValueRef | undefined;
  /** undefined for one scale */
  readonly axis: number | undefined;
}

const bytes = ["int8", "uint8"];

/** How a QuantizeLinear or DequantizeLinear quantizes, where scale and zero point are constants and there are no blocks. */
export function quantization(node: OperatorNode | undefined, context: MatchContext): Quantized | undefined {
  const [data, scaleRef, zeroRef] = node?.inputs ?? [];
  const scale = context.tensor(scaleRef);
  if (!node || !data || !scaleRef || !scale || scale.element !== "float32" || scale.dims.length > 1) return undefined;
  const read = context.attributes(node);
  const zero = zeroRef ? context.tensor(zeroRef) : undefined;
  if ((zeroRef && !zero) || read.int("block_size", 0) !== 0) return undefined;
  const numbers = node.op === "DequantizeLinear" ? data : { node: node.id, output: 0 };
  const element = elementOf(context.type(numbers));
  if (element === null || !Array.from(toNumbers(scale)).every((s) => s > 0 && Number.isFinite(s))) return undefined;
  const count = scale.dims[0] ?? 1;
  const rank = context.shape(data)?.length;
  const axis = read.int("axis", 1);
  // A scale along an axis of length one says the same for all.
  if (count > 1 && rank === undefined) return undefined;
  return { node, numbers, element, scale, scaleRef, zeros: zero ? toNumbers(zero) : [0], zeroRef: zeroRef ?? undefined, axis: count > 1 ? (axis < 0 ? axis + rank! : axis) : undefined };
}

/** What a DequantizeLinear of 8-bit numbers gives. */
export function dequantized(ref: ValueRef | null | undefined, context: MatchContext): Quantized | undefined {
  const found = quantization(context.producer(ref, "DequantizeLinear"), context);
  return found && bytes.includes(found.element) ? found : undefined;
}

export const operandPreconditions: readonly PreconditionInfo[] = [
  { name: "dequantized operands", doc: "Both operands come from DequantizeLinears of 8-bit numbers with constant, positive float32 scales and constant zero points, without blocks." },
  { name: "scales of the operands", doc: "The left one has one scale; the right one has one, or one for each column or filter, and is then quantized around one zero point." },
  { name: "types that go together", doc: "The numbers are int8 with int8, or uint8 with either." },
];

/** States the preconditions of a quantized product of `a` and `b`, whose channels lie along `channels`. */
export function requireOperands(context: MatchContext, a: Quantized | undefined, b: Quantized | undefined, channels: number | undefined): { a: Quantized; b: Quantized } | undefined {
  if (!context.require("dequantized operands", a !== undefined && b !== undefined, () => (a && b ? `${a.element} and ${b.element}` : `the ${a ? "right" : "left"} one is not`)) || !a || !b) return undefined;
  const scales = a.axis === undefined && (b.axis === undefined || b.axis === channels) && Array.from(b.zeros).every((zero) => zero === b.zeros[0]);
  let holds = context.require("scales of the operands", scales, () => `${a.axis === undefined ? "one" : `along axis ${a.axis}`} and ${b.axis === undefined ? "one" : `along axis ${b.axis}`}`);
  holds = context.require("types that go together", a.element === "uint8" || b.element === "int8", `${a.element} and ${b.element}`) && holds;
  return holds ? { a, b } : undefined;
}

/** One number as a scalar constant, for a zero point or a scale; the constant that is there where it is a scalar already. */
export function scalarConstant(rewriter: Rewriter, context: MatchContext, value: number, element: ElementType, like: { readonly ref?: ValueRef | undefined; readonly node: OperatorNode; readonly suffix: string }): ValueRef {
  const old = like.ref && context.constant(like.ref);
  if (like.ref && old && old.dims.length === 0) return like.ref;
  const base = (like.ref && context.graph.valueName(like.ref)) || like.node.outputs[0]!.name;
  const ref = rewriter.addConstant({ value: ConstantValue.of(fromNumbers(element, [], [value])), name: context.freshName(`${base}_${like.suffix}`), region: like.node.region, order: like.node.order });
  rewriter.derive("fold", [like.ref?.node ?? like.node.id], [ref.node]);
  return ref;
}
