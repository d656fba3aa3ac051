import { type OperatorNode, sameValue, type ValueRef } from "../ir/graph.ts";
import { elementOf } from "../ir/value-type.ts";
import { tensorsIdentical, toNumbers } from "../ir/tensor.ts";
import { defineRewrite, type MatchContext } from "./definition.ts";
import { requireReplaceable, takeOver } from "./support/replacement.ts";

/** Scales for which (q - z) * s / s rounds back to q - z: nothing overflows or becomes subnormal on the way. */
function isHarmless(scale: number, element: string): boolean {
  const [least, most] = element === "float16" ? [2 ** -14, 65504 / 512] : [2 ** -126, 2 ** 110];
  return scale >= least && scale <= most;
}

/** Quantized types whose steps a scale of this type can tell apart after one rounding. */
const steps: Readonly<Record<string, readonly string[]>> = {
  float32: ["int8", "uint8", "int16", "uint16", "int4", "uint4"],
  float16: ["int8", "uint8", "int4", "uint4"],
};

function sameConstant(a: ValueRef | null | undefined, b: ValueRef | null | undefined, context: MatchContext): boolean {
  if (!a || !b) return !a && !b;
  if (sameValue(a, b)) return true;
  const [x, y] = [context.tensor(a), context.tensor(b)];
  return x !== undefined && y !== undefined && tensorsIdentical(x, y);
}

/** Where the scales lie: of no account for a single one. */
function layoutOf(node: OperatorNode, context: MatchContext): string {
  const attributes = context.attributes(node);
  return context.constant(node.inputs[1])?.count === 1 && attributes.int("block_size", 0) === 0 ? "" : `${attributes.int("axis", 1)}/${attributes.int("block_size", 0)}`;
}

export const quantizeOfDequantize = defineRewrite({
  name: "quantize-of-dequantize",
  title: "QuantizeLinear of DequantizeLinear",
  summary: "Uses the quantized numbers themselves where they are dequantized and quantized again alike.",
  why: "The two undo each other, and quantized operators can follow one another. The other way round, DequantizeLinear of QuantizeLinear, rounds and must stay.",
  exactness: "exact",
  roots: ["QuantizeLinear"],
  preconditions: [
    { name: "follows a DequantizeLinear", doc: "The input comes straight from a DequantizeLinear." },
    { name: "equal scale and zero point", doc: "Scales and zero points of both are the same bits, along the same axis and blocks." },
    { name: "same type", doc: "The quantized type is the same before and after." },
    { name: "rounds back", doc: "Every scale is a constant, positive, and neither so large nor so small that a product overflows or loses digits; the scale's type tells all steps of the quantized type apart." },
    { name: "replaceable", doc: "The value is not both an input and an output of a graph, nor an output under two names." },
  ],
  match(root, context) {
    const inner = context.producer(root.inputs[0], "DequantizeLinear");
    if (!context.require("follows a DequantizeLinear", inner !== undefined, "another operator gives the numbers") || !inner) return undefined;
    const equal = sameConstant(inner.inputs[1], root.inputs[1], context) && sameConstant(inner.inputs[2], root.inputs[2], context) && layoutOf(inner, context) === layoutOf(root, context);
    let holds = context.require("equal scale and zero point", equal, equal ? "they are" : "scale, zero point, axis or blocks differ");
    const source = inner.inputs[0]!;
    const [before, after] = [elementOf(context.type(source)), elementOf(context.type({ node: root.id, output: 0 }))];
    holds = context.require("same type", before === null || after === null ? "unknown" : before === after, () => `${before ?? "?"} and ${after ?? "?"}`) && holds;
    const scale = context.tensor(root.inputs[1]);
    const element = scale?.element;
    const harmless = scale && element && before ? (steps[element]?.includes(before) ?? false) && Array.from(toNumbers(scale)).every((s) => isHarmless(s, element)) : false;
    holds = context.require("rounds back", scale ? harmless : "unknown", () => (scale ? `scales are ${element}, the numbers ${before}` : "the scale is computed")) && holds;
    holds = requireReplaceable(context, "replaceable", { node: root.id, output: 0 }, source) && holds;
    return holds ? { nodes: [root.id, inner.id], bindings: {} } : undefined;
  },
  rewrite(match, rewriter, context) {
    takeOver(rewriter, { node: match.root, output: 0 }, context.find(match.nodes[1]!)!.inputs[0]!);
    rewriter.removeDead([match.root]);
  },
  examples: [
    {
      title: "The same scale and zero point",
      before: `graph @main(%x: uint8[N, 2, 4]) -> (%y: uint8[N, 2, 4]) {
  %s = constant float32[] [0.1]
  %z = constant uint8[] [128]
  %p = MaxPool(%x) {kernel_shape = [1]}
  %d = DequantizeLinear(%p, %s, %z)
  %y = QuantizeLinear(%d, %s, %z)
  return %y
}`,
      after: `graph @main(%x: uint8[N, 2, 4]) -> (%y: uint8[N, 2, 4]) {
  %y = MaxPool(%x) {kernel_shape = [1]}
  return %y
}`,
    },
    {
      title: "Another scale",
      fails: "equal scale and zero point",
      before: `graph @main(%x: uint8[N, 4]) -> (%y: uint8[N, 4]) {
  %s = constant float32[] [0.1]
  %t = constant float32[] [0.2]
  %z = constant uint8[] [128]
  %i = Transpose(%x) {perm = [0, 1]}
  %d = DequantizeLinear(%i, %s, %z)
  %y = QuantizeLinear(%d, %t, %z)
  return %y
}`,
      after: `graph @main(%x: uint8[N, 4]) -> (%y: uint8[N, 4]) {
  %s = constant float32[] [0.1]
  %t = constant float32[] [0.2]
  %z = constant uint8[] [128]
  %i = Transpose(%x) {perm = [0, 1]}
  %d = DequantizeLinear(%i, %s, %z)
  %y = QuantizeLinear(%d, %t, %z)
  return %y
}`,
    },
    {
      title: "A scale so small that digits are lost",
      fails: "rounds back",
      before: `graph @main(%x: uint8[N, 4]) -> (%y: uint8[N, 4]) {
  %s = constant float32[] [1e-44]
  %z = constant uint8[] [128]
  %i = Transpose(%x) {perm = [0, 1]}
  %d = DequantizeLinear(%i, %s, %z)
  %y = QuantizeLinear(%d, %s, %z)
  return %y
}`,
      after: `graph @main(%x: uint8[N, 4]) -> (%y: uint8[N, 4]) {
  %s = constant float32[] [1e-44]
  %z = constant uint8[] [128]
  %i = Transpose(%x) {perm = [0, 1]}
  %d = DequantizeLinear(%i, %s, %z)
  %y = QuantizeLinear(%d, %s, %z)
  return %y
}`,
    },
  ],
});
