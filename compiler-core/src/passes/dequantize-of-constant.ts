import { ConstantValue } from "../ir/constant.ts";
import type { ValueRef } from "../ir/graph.ts";
import { elementCount } from "../ir/value-type.ts";
import { evaluateNode } from "../evaluate/index.ts";
import { isTensor } from "../ops/definition.ts";
import { sizeText } from "./constant-folding.ts";
import { defineRewrite } from "./definition.ts";

/** Operators whose quantized weights are worth keeping: a runtime computes with the integers, or reads a quarter of the bytes. */
const keepers = new Set(["Conv", "ConvTranspose", "Gather", "Gemm", "MatMul", "QLinearConv", "QLinearMatMul"]);

export const dequantizeOfConstant = defineRewrite({
  name: "dequantize-of-constant",
  title: "DequantizeLinear of a constant",
  summary: "Dequantizes a constant that no convolution, matrix product or lookup uses: a bias, a table, an operand of a sum.",
  why: "What does not depend on the model's inputs is computed once. Weights of products stay quantized, since their integers are what a quantized model is for.",
  exactness: "exact",
  roots: ["DequantizeLinear"],
  preconditions: [
    { name: "constant operands", doc: "Numbers, scale and zero point are constants." },
    { name: "no weight", doc: "No Conv, ConvTranspose, Gather, Gemm or MatMul uses it as a weight, and no quantized operator works on dequantized values beside it." },
    { name: "within budget", doc: "The constant grows by no more than the folding budget.", budget: true },
  ],
  match(root, context, options) {
    const constants = root.inputs.map((ref) => ref && context.constant(ref));
    if (!context.require("constant operands", root.inputs.every((ref) => !ref || context.constant(ref)), () => (constants[0] ? "scale or zero point is computed" : "the numbers are computed"))) return undefined;
    const users = context.graph.usesOf(root.id).map((use) => (use.kind === "input" ? { node: context.find(use.user), index: use.index } : undefined));
    const isWeight = users.find((user) => !user?.node || user.node.domain !== "" || (keepers.has(user.node.op) && user.index < 2) || user.node.inputs.some((ref) => ref && ref.node !== root.id && context.producer(ref, "DequantizeLinear")));
    let holds = context.require("no weight", users.length > 0 && isWeight === undefined, () => (users.length === 0 ? "nothing uses it" : isWeight?.node ? `${context.describe({ node: isWeight.node.id, output: 0 })} uses it` : "it is an output of the graph, or nothing as plain uses it"));
    const [numbers] = constants;
    const grows = numbers ? 4 * elementCount(numbers.dims) - numbers.bytes : 0;
    holds = context.require("within budget", grows <= options.foldGrowthBytes, () => `it would grow by ${sizeText(grows)}, the budget is ${sizeText(options.foldGrowthBytes)}`, { enable: `Allow constants to grow by ${sizeText(grows)}.` }) && holds;
    return holds ? { nodes: [root.id], bindings: {} } : undefined;
  },
  rewrite(match, rewriter, context) {
    const root = context.find(match.root)!;
    const [value] = evaluateNode(context.graph, root, root.inputs.map((ref) => (ref ? context.tensor(ref)! : null)));
    if (!value || !isTensor(value)) throw new RangeError("DequantizeLinear gives a tensor");
    const ref: ValueRef = rewriter.addConstant({ value: ConstantValue.of(value), name: root.outputs[0]!.name, region: root.region, order: root.order, nodeName: root.name, doc: root.doc, metadata: root.metadata });
    rewriter.derive("fold", [root.id, ...root.inputs.flatMap((input) => (input ? [input.node] : []))], [ref.node]);
    rewriter.replaceUses({ node: root.id, output: 0 }, ref);
    rewriter.removeDead([root.id]);
  },
  examples: [
    {
      title: "An operand of a sum",
      before: `graph @main(%x: float32[N, 2]) -> (%y: float32[N, 2]) {
  %q = constant int8[2] [-4, 100]
  %s = constant float32[] [0.5]
  %d = DequantizeLinear(%q, %s)
  %y = Add(%x, %d)
  return %y
}`,
      after: `graph @main(%x: float32[N, 2]) -> (%y: float32[N, 2]) {
  %d = constant float32[2] [-2, 50]
  %y = Add(%x, %d)
  return %y
}`,
    },
    ...[`graph @main(%x: float32[N, 2]) -> (%y: float32[N, 2]) {
  %q = constant int8[2, 2] [-4, 100, 3, 4]
  %s = constant float32[] [0.5]
  %d = DequantizeLinear(%q, %s)
  %y = MatMul(%x, %d)
  return %y
}`].map((text) => ({ title: "A weight stays quantized", fails: "no weight", before: text, after: text })),
  ],
});
