import { dimsEqual } from "../ir/dim.ts";
import type { OperatorNode, ValueRef } from "../ir/graph.ts";
import { defineRewrite } from "./definition.ts";
import { commonFloat, shapeText } from "./support/channel-affine.ts";
import { mergedNotes, replaceRoot, requireUsedOnce } from "./support/replacement.ts";

export const matmulAddToGemm = defineRewrite({
  name: "matmul-add-to-gemm",
  title: "MatMul and Add to Gemm",
  summary: "Writes a matrix product of two matrices, a MatMul or a Gemm without bias, and the bias added to it as one Gemm.",
  why: "One operator instead of two, and the sum is done while the product is in registers.",
  exactness: "reassociates",
  roots: ["Add"],
  preconditions: [
    { name: "adds to a product", doc: "One operand comes straight from a MatMul, or from a Gemm without a bias." },
    { name: "used once", doc: "The product is used by this Add only, in the same graph, and is no output of the graph." },
    { name: "matrices", doc: "Both factors have rank 2." },
    { name: "same precision", doc: "Factors and bias have one floating-point type." },
    { name: "bias fits", doc: "The bias has rank 2 or less, and each of its dimensions is 1 or, proven, that of the product: it does not widen the product." },
  ],
  match(root, context) {
    const productOf = (ref: ValueRef | null | undefined): OperatorNode | undefined => {
      const node = context.producer(ref, "MatMul", "Gemm");
      return node?.op === "Gemm" && node.inputs[2] ? undefined : node;
    };
    const place = root.inputs.findIndex((ref) => productOf(ref));
    const value = root.inputs[place];
    const bias = root.inputs[1 - place];
    const product = productOf(value);
    if (!context.require("adds to a product", product !== undefined, "neither operand comes from a MatMul or a Gemm without bias") || !product || !value || !bias) return undefined;
    let holds = requireUsedOnce(context, "used once", value, root);
    const [a, b] = product.inputs as [ValueRef, ValueRef];
    const ranks = [a, b].map((ref) => context.shape(ref)?.length);
    const matrices = ranks.every((rank) => rank === 2);
    holds = context.require("matrices", matrices ? true : ranks.includes(undefined) ? "unknown" : "failed", `ranks ${ranks[0] ?? "unknown"} and ${ranks[1] ?? "unknown"}`) && holds;
    const element = commonFloat(context, [a, b, bias]);
    holds = context.require("same precision", element !== undefined, () => [a, b, bias].map((ref) => context.type(ref).text).join(", ")) && holds;
    const shape = context.shape(bias);
    const turned = (name: string): number => context.attributes(product).int(name, 0);
    const target = product.op === "Gemm" ? [context.shape(a)?.[turned("transA") ? 1 : 0], context.shape(b)?.[turned("transB") ? 0 : 1]] : [context.shape(a)?.[0], context.shape(b)?.[1]];
    const fits = shape !== undefined && shape.length <= 2 && shape.every((d, i) => d === 1 || dimsEqual(d, target[2 - shape.length + i] ?? null));
    holds = context.require("bias fits", fits ? true : shape === undefined || shape.includes(null) ? "unknown" : "failed", () => `the bias is ${context.type(bias).text}, the product ${shapeText(target.map((d) => d ?? "?"))}`) && holds;
    return holds ? { nodes: [root.id, product.id], bindings: { bias, product } } : undefined;
  },
  rewrite(match, rewriter, context) {
    const root = context.find(match.root)!;
    const { bias, product } = match.bindings as { bias: ValueRef; product: typeof root };
    // Without a bias beta said nothing.
    const { beta: _, ...attributes } = product.op === "Gemm" ? product.attributes : {};
    replaceRoot(match, rewriter, { op: "Gemm", inputs: [...product.inputs.slice(0, 2), bias], attributes, name: product.name, order: root.order, ...mergedNotes(product, root) });
  },
  examples: [
    {
      title: "A fully connected layer",
      before: `graph @main(%x: float32[N, 2]) -> (%y: float32[N, 3]) {
  %w = constant float32[2, 3] [1, 2, 3, 4, 5, 6]
  %b = constant float32[3] [1, 2, 3]
  %p = MatMul(%x, %w) "fc"
  %y = Add(%b, %p)
  return %y
}`,
      after: `graph @main(%x: float32[N, 2]) -> (%y: float32[N, 3]) {
  %w = constant float32[2, 3] [1, 2, 3, 4, 5, 6]
  %b = constant float32[3] [1, 2, 3]
  %y = Gemm(%x, %w, %b) "fc"
  return %y
}`,
    },
    {
      title: "A bias beside a Gemm with a transposed factor",
      before: `graph @main(%x: float32[N, 2], %r: float32[N, 3]) -> (%y: float32[N, 3]) {
  %w = constant float32[3, 2] [1, 2, 3, 4, 5, 6]
  %p = Gemm(%x, %w) {transB = 1, alpha = 2.0, beta = 0.5} "fc"
  %y = Add(%p, %r)
  return %y
}`,
      after: `graph @main(%x: float32[N, 2], %r: float32[N, 3]) -> (%y: float32[N, 3]) {
  %w = constant float32[3, 2] [1, 2, 3, 4, 5, 6]
  %y = Gemm(%x, %w, %r) {transB = 1, alpha = 2.0} "fc"
  return %y
}`,
    },
    {
      title: "The sum widens the product to more rows",
      fails: "bias fits",
      before: `graph @main(%x: float32[1, 2]) -> (%y: float32[4, 2]) {
  %w = constant float32[2, 2] [1, 2, 3, 4]
  %b = constant float32[4, 1] [1, 2, 3, 4]
  %p = MatMul(%x, %w)
  %y = Add(%p, %b)
  return %y
}`,
      after: `graph @main(%x: float32[1, 2]) -> (%y: float32[4, 2]) {
  %w = constant float32[2, 2] [1, 2, 3, 4]
  %b = constant float32[4, 1] [1, 2, 3, 4]
  %p = MatMul(%x, %w)
  %y = Add(%p, %b)
  return %y
}`,
    },
    {
      title: "A batch of matrices is no Gemm",
      fails: "matrices",
      before: `graph @main(%x: float32[N, 4, 2]) -> (%y: float32[N, 4, 2]) {
  %w = constant float32[2, 2] [1, 2, 3, 4]
  %b = constant float32[1] [1]
  %p = MatMul(%x, %w)
  %y = Add(%p, %b)
  return %y
}`,
      after: `graph @main(%x: float32[N, 4, 2]) -> (%y: float32[N, 4, 2]) {
  %w = constant float32[2, 2] [1, 2, 3, 4]
  %b = constant float32[1] [1]
  %p = MatMul(%x, %w)
  %y = Add(%p, %b)
  return %y
}`,
    },
  ],
});
