import { ConstantValue } from "../ir/constant.ts";
import type { OperatorNode, ValueRef } from "../ir/graph.ts";
import { fromNumbers, toNumbers } from "../ir/tensor.ts";
import { defineRewrite, type MatchContext } from "./definition.ts";
import { dequantized, operandPreconditions, type Quantized, quantization, requireOperands, scalarConstant } from "./support/quantized-pattern.ts";
import { mergedNotes, replaceRoot, requireUsedOnce } from "./support/replacement.ts";

/** The bias of a convolution in steps of the product's scale: int32 numbers, each off by half a step at most. */
function biasSteps(conv: OperatorNode, a: Quantized, b: Quantized, context: MatchContext): { steps?: Float64Array; problem?: string; source?: ValueRef } {
  const ref = conv.inputs[2];
  if (!ref) return {};
  const dequantize = context.producer(ref, "DequantizeLinear");
  const parts = dequantize ? dequantize.inputs.map((input) => (input ? context.tensor(input) : null)) : [context.tensor(ref)];
  if (parts.includes(undefined) || !parts[0]) return { problem: "the bias is computed" };
  const own = parts[1] ? toNumbers(parts[1]) : [1];
  const zero = parts[2] ? toNumbers(parts[2]) : [0];
  const at = (values: ArrayLike<number>, i: number): number => Number(values[values.length === 1 ? 0 : i]);
  const [sa] = toNumbers(a.scale);
  const sb = toNumbers(b.scale);
  const steps = Float64Array.from(toNumbers(parts[0]!), (v, i) => Math.round(((v - at(zero, i)) * at(own, i)) / (Number(sa) * at(sb, i))));
  return steps.every((v) => Math.abs(v) < 2 ** 30) ? { steps, source: dequantize?.inputs[0] ?? ref } : { problem: "the bias is more than 2^30 steps" };
}

const channelsOf = (product: OperatorNode, context: MatchContext): number | undefined => {
  if (product.op === "Conv") return 0;
  const rank = context.shape(product.inputs[1])?.length;
  return rank === undefined ? undefined : rank - 1;
};

const layer = (body: string, more = ""): string => `graph @main(%x: uint8[N, 2], %w: int8[2, 3]${more}) -> (%y: uint8[N, 3]) {
  %s = constant float32[] [0.5]
  %z = constant uint8[] [128]
  %t = constant float32[] [0.25]
  %o = constant int8[] [0]
  ${body}
  return %y
}`;

export const quantizedProduct = defineRewrite({
  name: "quantized-product",
  title: "Quantized convolution and matrix product",
  summary: "Writes a Conv or MatMul of dequantized numbers whose result is quantized as one QLinearConv or QLinearMatMul.",
  why: "Integers of 8 bits are multiplied and summed in 32; no float32 tensor is written between.",
  exactness: "approximates",
  // float32 sums before the one rounding, integers before the other: at a tie they part.
  tolerance: { share: 0, steps: 1 },
  roots: ["QuantizeLinear"],
  preconditions: [
    { name: "quantizes a product", doc: "The input comes straight from a Conv or MatMul." },
    { name: "used once", doc: "The product is used by this QuantizeLinear only, in the same graph, and is no output." },
    ...operandPreconditions,
    { name: "result", doc: "It is quantized with one constant scale and a constant zero point into the type of the left operand." },
    { name: "bias in steps", doc: "The bias, if any, is a constant, dequantized or not, and fits 32-bit steps of the product of the scales." },
  ],
  match(root, context) {
    const product = context.producer(root.inputs[0], "Conv", "MatMul");
    if (!product || ![0, 1].some((place) => context.producer(product.inputs[place], "DequantizeLinear"))) return undefined;
    context.require("quantizes a product", true, product.op);
    const once = requireUsedOnce(context, "used once", root.inputs[0]!, root);
    const operands = requireOperands(context, dequantized(product.inputs[0], context), dequantized(product.inputs[1], context), channelsOf(product, context));
    const result = quantization(root, context);
    if (!operands) return undefined;
    const { a, b } = operands;
    const fits = result !== undefined && result.axis === undefined && result.element === a.element;
    const holds = context.require("result", fits, () => (result ? `${result.element}, ${result.axis === undefined ? "one scale" : "scales along an axis"}` : "scale or zero point is computed"));
    const bias = biasSteps(product, a, b, context);
    if (!context.require("bias in steps", bias.problem === undefined, bias.problem ?? (bias.steps ? `${bias.steps.length} numbers` : "there is none")) || !holds || !once) return undefined;
    const matched = [root, product, a.node, b.node];
    return { nodes: matched.map((node) => node.id), bindings: { product, a, b, result, bias } };
  },
  rewrite(match, rewriter, context) {
    const root = context.find(match.root)!;
    const { product, a, b, result, bias } = match.bindings as { product: OperatorNode; a: Quantized; b: Quantized; result: Quantized; bias: ReturnType<typeof biasSteps> };
    const operand = (q: Quantized): ValueRef[] => {
      const scale = q.axis === undefined ? scalarConstant(rewriter, context, Number(toNumbers(q.scale)[0]), "float32", { ref: q.scaleRef, node: root, suffix: "scalar" }) : q.scaleRef;
      return [scale, scalarConstant(rewriter, context, Number(q.zeros[0]), q.element, { ref: q.zeroRef, node: root, suffix: "zero" })];
    };
    const inputs = [a.numbers, ...operand(a), b.numbers, ...operand(b), ...operand(result)];
    if (product.op === "Conv" && bias.steps) {
      const name = context.graph.valueName(bias.source!);
      const steps = rewriter.addConstant({ value: ConstantValue.of(fromNumbers("int32", [bias.steps.length], bias.steps)), name: context.freshName(`${name || root.outputs[0]!.name}_steps`), region: root.region, order: root.order });
      rewriter.derive("fold", [bias.source!.node, a.scaleRef.node, b.scaleRef.node], [steps.node]);
      inputs.push(steps);
    }
    replaceRoot(match, rewriter, { op: product.op === "Conv" ? "QLinearConv" : "QLinearMatMul", inputs, attributes: product.attributes, name: product.name, order: root.order, ...mergedNotes(product, root) });
  },
  examples: [
    {
      title: "A product of matrices",
      before: layer("%a = DequantizeLinear(%x, %s, %z)\n  %b = DequantizeLinear(%w, %t, %o)\n  %p = MatMul(%a, %b)\n  %y = QuantizeLinear(%p, %s, %z)"),
      after: layer("%y = QLinearMatMul(%x, %s, %z, %w, %t, %o, %s, %z)"),
    },
    ...[layer("%a = DequantizeLinear(%x, %s, %z)\n  %b = DequantizeLinear(%w, %t, %o)\n  %p = MatMul(%a, %b)\n  %y = QuantizeLinear(%p, %u, %z)", ", %u: float32[]")].map((text) => ({ title: "A scale that is computed", fails: "result", before: text, after: text })),
  ],
});
