import { int } from "../ir/attribute.ts";
import { ConstantValue } from "../ir/constant.ts";
import type { ValueRef } from "../ir/graph.ts";
import { fromNumbers, toNumbers } from "../ir/tensor.ts";
import { defineRewrite } from "./definition.ts";
import { dequantized, operandPreconditions, type Quantized, requireOperands, scalarConstant } from "./support/quantized-pattern.ts";
import { mergedNotes, replaceRoot } from "./support/replacement.ts";

const layer = (body: string, constants: string): string => `graph @main(%x: uint8[N, 2], %w: int8[2, 3]) -> (%y: float32[N, 3]) {
  ${constants}
  ${body}
  return %y
}`;
const dequantize = `%s = constant float32[] [0.5]
  %z = constant uint8[] [128]
  %t = constant float32[] [0.25]
  %o = constant int8[] [0]`;

export const integerProduct = defineRewrite({
  name: "integer-product",
  title: "Integer convolution and matrix product",
  summary: "Multiplies the quantized numbers themselves, by MatMulInteger or ConvInteger, and brings the sums to scale afterwards.",
  why: "8-bit integers are multiplied and summed exactly in 32 bits; the scales are applied once for each result.",
  exactness: "reassociates",
  roots: ["MatMul", "Conv"],
  preconditions: [
    ...operandPreconditions,
    { name: "no bias", doc: "A convolution has no bias." },
    { name: "no overflow", doc: "A result sums at most 32768 products, which 32 bits hold." },
    { name: "known rank", doc: "The rank of the result is known, and a convolution has one image axis or two." },
  ],
  match(root, context) {
    if (![0, 1].every((place) => context.producer(root.inputs[place], "DequantizeLinear"))) return undefined;
    const shape = context.shape(root.inputs[1]);
    const operands = requireOperands(context, dequantized(root.inputs[0], context), dequantized(root.inputs[1], context), root.op === "Conv" ? 0 : shape ? shape.length - 1 : undefined);
    if (!operands) return undefined;
    let holds = context.require("no bias", !root.inputs[2], root.inputs[2] ? "there is one" : "there is none");
    const terms = root.op === "Conv" ? shape?.slice(1) : shape?.slice(-2, -1);
    const count = terms?.every((d): d is number => typeof d === "number") ? terms.reduce((p, d) => p * d, 1) : undefined;
    holds = context.require("no overflow", count === undefined ? "unknown" : count <= 32768, `${count ?? "an unknown number of"} products`) && holds;
    const rank = context.shape({ node: root.id, output: 0 })?.length;
    holds = context.require("known rank", rank === undefined ? "unknown" : root.op === "MatMul" || rank <= 4, `rank ${rank ?? "unknown"}`) && holds;
    return holds ? { nodes: [root.id, operands.a.node.id, operands.b.node.id], bindings: { ...operands, rank } } : undefined;
  },
  rewrite(match, rewriter, context) {
    const root = context.find(match.root)!;
    const { a, b, rank } = match.bindings as { a: Quantized; b: Quantized; rank: number };
    const place = { region: root.region, order: root.order };
    const name = root.outputs[0]!.name;
    const zero = (q: Quantized): ValueRef => scalarConstant(rewriter, context, Number(q.zeros[0]), q.element, { ref: q.zeroRef, node: root, suffix: "zero" });
    const sums = rewriter.addNode({ op: root.op === "Conv" ? "ConvInteger" : "MatMulInteger", inputs: [a.numbers, b.numbers, zero(a), zero(b)], attributes: root.attributes, outputs: [context.freshName(`${name}_sums`)], name: root.name, ...place, ...mergedNotes(root) });
    const numbers = rewriter.addNode({ op: "Cast", inputs: [{ node: sums, output: 0 }], attributes: { to: int(1) }, outputs: [context.freshName(`${name}_numbers`)], ...place });
    const [scale] = toNumbers(a.scale);
    const scales = Float64Array.from(toNumbers(b.scale), (s) => s * scale!);
    const dims = scales.length === 1 ? [] : root.op === "Conv" ? [scales.length, ...new Array<number>(rank - 2).fill(1)] : [scales.length];
    const factor = rewriter.addConstant({ value: ConstantValue.of(fromNumbers("float32", dims, scales)), name: context.freshName(`${name}_scale`), ...place });
    rewriter.derive("fold", [a.scaleRef.node, b.scaleRef.node], [factor.node]);
    replaceRoot(match, rewriter, { op: "Mul", inputs: [{ node: numbers, output: 0 }, factor], order: root.order });
  },
  examples: [
    {
      title: "A product of matrices",
      before: layer("%a = DequantizeLinear(%x, %s, %z)\n  %b = DequantizeLinear(%w, %t, %o)\n  %y = MatMul(%a, %b)", dequantize),
      after: layer("%y_sums = MatMulInteger(%x, %w, %z, %o)\n  %y_numbers = Cast(%y_sums) {to = 1}\n  %y_scale = constant float32[] [0.125]\n  %y = Mul(%y_numbers, %y_scale)", "%z = constant uint8[] [128]\n  %o = constant int8[] [0]"),
    },
    ...[layer("%a = DequantizeLinear(%x, %s, %z)\n  %b = DequantizeLinear(%w, %t, %o) {axis = 0}\n  %y = MatMul(%a, %b)", dequantize.replace("float32[] [0.25]", "float32[2] [0.25, 0.5]").replace("int8[] [0]", "int8[2] [0, 0]"))].map((text) => ({ title: "A scale for each row of the right factor", fails: "scales of the operands", before: text, after: text })),
  ],
});
