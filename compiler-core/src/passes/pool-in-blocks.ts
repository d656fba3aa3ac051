import { defineRewrite } from "./definition.ts";
import { fusedDomain, type OperatorNode } from "../ir/graph.ts";
import { Builder, floatShape, ownProducer, unblockInstead, windowOverBlocks } from "./support/blocked-layout.ts";

export const poolInBlocks = defineRewrite({
  name: "pool-in-blocks",
  title: "Pool whose result goes into blocks",
  summary: "Puts channels into blocks before a pool, not behind it.",
  why: "On blocks a pool works on whole vectors, whatever its stride; on rows each window is taken element by element. The steps behind it cancel.",
  exactness: "exact",
  roots: ["MaxPool", "AveragePool"],
  preconditions: [
    { name: "into blocks", doc: "A BlockChannels uses the result, and the input does not come out of blocks." },
    { name: "two dimensions", doc: "The pool is over two dimensions of a float32 value of static sizes, and its indices are not used." },
  ],
  match(root, context) {
    const { graph } = context;
    const users = graph.usesOfValue({ node: root.id, output: 0 }).flatMap((use) => (use.kind === "input" ? [context.find(use.user)] : []));
    const block = users.find((user): user is OperatorNode => user?.kind === "operator" && user.domain === fusedDomain && user.op === "BlockChannels");
    if (!block) return undefined;
    let holds = context.require("into blocks", ownProducer(root.inputs[0], "UnblockChannels", context) === undefined, "the input comes out of blocks");
    const rank = floatShape(root.inputs[0], context)?.length;
    const indices = root.outputs.length > 1 && graph.usesOfValue({ node: root.id, output: 1 }).length > 0;
    holds = context.require("two dimensions", rank === 4 && !indices, () => (indices ? "its indices are used" : `the input is ${context.type(root.inputs[0]).text}`)) && holds;
    return holds ? { nodes: [root.id], bindings: { block: context.attributes(block).int("block") } } : undefined;
  },
  rewrite(match, rewriter, context) {
    const root = context.find(match.root)!;
    const builder = new Builder(rewriter, context, root);
    const channels = floatShape(root.inputs[0], context)![1]!;
    const blocked = builder.node(root.op, [builder.block(root.inputs[0]!, match.bindings.block as number)], windowOverBlocks(root, context), "blocks", "");
    rewriter.update(blocked.node, { name: root.name, doc: root.doc, metadata: root.metadata });
    unblockInstead(rewriter, root, blocked, channels);
  },
  examples: [
    {
      title: "Between a normalization and a convolution on blocks",
      before: `graph @main(%x: float32[1, 4, 5, 5]) -> (%y: float32[1, 2, 2, 2, 2]) {
  %l = LRN(%x) {size = 3}
  %p = MaxPool(%l) {kernel_shape = [3, 3], strides = [2, 2]} "pool1"
  %y = graphwright.BlockChannels(%p) {block = 2}
  return %y
}`,
      after: `graph @main(%x: float32[1, 4, 5, 5]) -> (%y: float32[1, 2, 2, 2, 2]) {
  %l = LRN(%x) {size = 3}
  %p_blocked: float32[1, 2, 5, 5, 2] = graphwright.BlockChannels(%l) {block = 2}
  %p_blocks: float32[1, 2, 2, 2, 2] = MaxPool(%p_blocked) {kernel_shape = [3, 3, 1], strides = [2, 2, 1]} "pool1"
  %p: float32[1, 4, 2, 2] = graphwright.UnblockChannels(%p_blocks) {channels = 4}
  %y: float32[1, 2, 2, 2, 2] = graphwright.BlockChannels(%p) {block = 2}
  return %y
}`,
    },
    {
      title: "Indices of the largest elements",
      fails: "two dimensions",
      before: `graph @main(%x: float32[1, 4, 5, 5]) -> (%y: float32[1, 2, 2, 2, 2], %i: int64[1, 4, 2, 2]) {
  %p, %i = MaxPool(%x) {kernel_shape = [3, 3], strides = [2, 2]} "pool1"
  %y = graphwright.BlockChannels(%p) {block = 2}
  return %y, %i
}`,
      after: `graph @main(%x: float32[1, 4, 5, 5]) -> (%y: float32[1, 2, 2, 2, 2], %i: int64[1, 4, 2, 2]) {
  %p, %i = MaxPool(%x) {kernel_shape = [3, 3], strides = [2, 2]} "pool1"
  %y = graphwright.BlockChannels(%p) {block = 2}
  return %y, %i
}`,
    },
  ],
});
