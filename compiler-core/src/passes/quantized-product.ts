import { ConstantValue } from "../ir/constant.ts";
import type { OperatorNode, ValueRef } from "../ir/graph.ts";
import type { Rewriter } from "../ir/rewriter.ts";
import { fromNumbers, int64Vector, toNumbers } from "../ir/tensor.ts";
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
  if (product.op === "Gemm") return context.attributes(product).int("transB", 0) === 0 ? 1 : 0;
  const rank = context.shape(product.inputs[1])?.length;
  return rank === undefined ? undefined : rank - 1;
};

/** Why a Gemm is no product by a constant with a row added, or undefined when it is. */
function plainGemm(gemm: OperatorNode, context: MatchContext): string | undefined {
  const read = context.attributes(gemm);
  const weight = context.producer(gemm.inputs[1], "DequantizeLinear")?.inputs[0];
  const columns = weight ? context.shape(weight)?.[read.int("transB", 0) === 0 ? 1 : 0] : undefined;
  if (!weight || !context.constant(weight)) return "the right factor is computed";
  if (read.int("transA", 0) !== 0) return "the left factor is transposed";
  if (read.float("alpha", 1) !== 1 || (gemm.inputs[2] && read.float("beta", 1) !== 1)) return "it is scaled";
  const row = gemm.inputs[2] ? context.shape(gemm.inputs[2]) : undefined;
  if (gemm.inputs[2] && (row?.at(-1) !== columns || row!.slice(0, -1).some((d) => d !== 1))) return "what it adds is no row";
  return undefined;
}

/** The right factor as filters [columns, rows, 1, 1]. */
function filtersOf(gemm: OperatorNode, { numbers, node }: Quantized, rewriter: Rewriter, context: MatchContext): ValueRef {
  const tensor = context.tensor(numbers)!;
  const [p, q] = tensor.dims as [number, number];
  const transposed = context.attributes(gemm).int("transB", 0) !== 0;
  const [rows, columns] = transposed ? [q, p] : [p, q];
  const data = toNumbers(tensor);
  const filters = transposed ? data : Float64Array.from({ length: p * q }, (_, i) => Number(data[(i % rows) * columns + Math.floor(i / rows)]));
  const name = context.freshName(`${context.graph.valueName(numbers) || gemm.outputs[0]!.name}_filters`);
  const made = rewriter.addConstant({ value: ConstantValue.of(fromNumbers(tensor.element, [columns, rows, 1, 1], filters)), name, region: node.region, order: node.order });
  rewriter.derive("fold", [numbers.node], [made.node]);
  return made;
}

const layer = (body: string, more = ""): string => `graph @main(%x: uint8[N, 2], %w: int8[2, 3]${more}) -> (%y: uint8[N, 3]) {
  %s = constant float32[] [0.5]
  %z = constant uint8[] [128]
  %t = constant float32[] [0.25]
  %o = constant int8[] [0]
  ${body}
  return %y
}`;

const gemm = (body: string, constants: string): string => `graph @main(%x: uint8[N, 3]) -> (%y: uint8[N, 2]) {
  %s = constant float32[] [0.5]
  %z = constant uint8[] [128]
  %t = constant float32[] [0.25]
  %o = constant int8[] [0]
  ${constants}
  ${body}
  return %y
}`;

export const quantizedProduct = defineRewrite({
  name: "quantized-product",
  title: "Quantized convolution and matrix product",
  summary: "Writes a Conv, Gemm or MatMul of dequantized numbers whose result is quantized as one QLinearConv or QLinearMatMul; a Gemm, which has a bias, as a convolution of images of one place.",
  why: "Integers of 8 bits are multiplied and summed in 32; no float32 tensor is written between.",
  exactness: "approximates",
  // float32 sums before the one rounding, integers before the other: at a tie they part.
  tolerance: { share: 0, steps: 1 },
  roots: ["QuantizeLinear"],
  preconditions: [
    { name: "quantizes a product", doc: "The input comes straight from a Conv, Gemm or MatMul; a Gemm multiplies by a constant, neither transposes nor scales the left factor, and adds a constant row or nothing." },
    { name: "used once", doc: "The product is used by this QuantizeLinear only, in the same graph, and is no output." },
    ...operandPreconditions,
    { name: "result", doc: "It is quantized with one constant scale and a constant zero point into the type of the left operand." },
    { name: "bias in steps", doc: "The bias, if any, is a constant, dequantized or not, and fits 32-bit steps of the product of the scales." },
  ],
  match(root, context) {
    const product = context.producer(root.inputs[0], "Conv", "Gemm", "MatMul");
    if (!product || ![0, 1].some((place) => context.producer(product.inputs[place], "DequantizeLinear"))) return undefined;
    const plain = product.op === "Gemm" ? plainGemm(product, context) : undefined;
    if (!context.require("quantizes a product", plain === undefined, plain ?? product.op)) return undefined;
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
    const gemm = product.op === "Gemm";
    const place = { region: root.region, order: root.order };
    const base = root.outputs[0]!.name;
    const axes = (): ValueRef => rewriter.addConstant({ value: ConstantValue.of(int64Vector([2, 3])), name: context.freshName(`${base}_axes`), ...place });
    let left = a.numbers;
    let right = b.numbers;
    if (gemm) {
      left = { node: rewriter.addNode({ op: "Unsqueeze", inputs: [left, axes()], outputs: [context.freshName(`${base}_places`)], ...place }), output: 0 };
      right = filtersOf(product, b, rewriter, context);
    }
    const inputs = [left, ...operand(a), right, ...operand(b), ...operand(result)];
    if (product.op !== "MatMul" && bias.steps) {
      const name = context.graph.valueName(bias.source!);
      const steps = rewriter.addConstant({ value: ConstantValue.of(fromNumbers("int32", [bias.steps.length], bias.steps)), name: context.freshName(`${name || root.outputs[0]!.name}_steps`), region: root.region, order: root.order });
      rewriter.derive("fold", [bias.source!.node, a.scaleRef.node, b.scaleRef.node], [steps.node]);
      inputs.push(steps);
    }
    if (gemm) {
      const conv = rewriter.addNode({ op: "QLinearConv", inputs, outputs: [context.freshName(`${base}_image`)], name: product.name, ...place, ...mergedNotes(product, root) });
      replaceRoot(match, rewriter, { op: "Squeeze", inputs: [{ node: conv, output: 0 }, axes()], order: root.order });
      return;
    }
    replaceRoot(match, rewriter, { op: product.op === "Conv" ? "QLinearConv" : "QLinearMatMul", inputs, attributes: product.attributes, name: product.name, order: root.order, ...mergedNotes(product, root) });
  },
  examples: [
    {
      title: "A product of matrices",
      before: layer("%a = DequantizeLinear(%x, %s, %z)\n  %b = DequantizeLinear(%w, %t, %o)\n  %p = MatMul(%a, %b)\n  %y = QuantizeLinear(%p, %s, %z)"),
      after: layer("%y = QLinearMatMul(%x, %s, %z, %w, %t, %o, %s, %z)"),
    },
    {
      title: "A Gemm with its row",
      before: gemm("%a = DequantizeLinear(%x, %s, %z)\n  %b = DequantizeLinear(%w, %t, %o)\n  %c = constant float32[2] [0.25, 1]\n  %p = Gemm(%a, %b, %c)\n  %y = QuantizeLinear(%p, %s, %z)", "%w = constant int8[3, 2] [1, 2, 3, 4, 5, 6]"),
      after: gemm("%y_axes = constant int64[2] [2, 3]\n  %y_places = Unsqueeze(%x, %y_axes)\n  %c_steps = constant int32[2] [2, 8]\n  %y_image = QLinearConv(%y_places, %s, %z, %w_filters, %t, %o, %s, %z, %c_steps)\n  %y_axes_1 = constant int64[2] [2, 3]\n  %y = Squeeze(%y_image, %y_axes_1)", "%w_filters = constant int8[2, 3, 1, 1] [1, 3, 5, 2, 4, 6]"),
    },
    ...[layer("%a = DequantizeLinear(%x, %s, %z)\n  %b = DequantizeLinear(%w, %t, %o)\n  %p = MatMul(%a, %b)\n  %y = QuantizeLinear(%p, %u, %z)", ", %u: float32[]")].map((text) => ({ title: "A scale that is computed", fails: "result", before: text, after: text })),
  ],
});
