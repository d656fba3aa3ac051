import { defineRewrite } from "./definition.ts";
import { ownProducer } from "./support/blocked-layout.ts";

export const blockOfUnblock = defineRewrite({
  name: "block-of-unblock",
  title: "BlockChannels of UnblockChannels",
  summary: "Channels taken out of blocks and put back into blocks of the same size stay where they were.",
  why: "The data is not moved. Lanes beyond the channels may hold other finite values than 0: packed filters are 0 there.",
  exactness: "exact",
  roots: ["graphwright.BlockChannels"],
  preconditions: [{ name: "same blocks", doc: "Both have blocks of one size, and as many." }],
  match(root, context) {
    const inner = ownProducer(root.inputs[0], "UnblockChannels", context);
    if (!inner) return undefined;
    const before = context.shape(inner.inputs[0]);
    const after = context.shape({ node: root.id, output: 0 });
    const same = before !== undefined && after !== undefined && before.at(-1) === after.at(-1) && before[1] === after[1];
    return context.require("same blocks", same, () => `${context.type(inner.inputs[0]).text} and ${context.type({ node: root.id, output: 0 }).text}`) ? { nodes: [root.id, inner.id], bindings: {} } : undefined;
  },
  rewrite(match, rewriter, context) {
    const inner = context.find(match.nodes[1]!)!;
    rewriter.replaceUses({ node: match.root, output: 0 }, inner.inputs[0]!);
    rewriter.removeDead([match.root]);
  },
  examples: [
    {
      title: "Out of blocks and back",
      before: `graph @main(%a: float32[1, 2, 3, 3, 2]) -> (%y: float32[1, 2, 3, 3, 2]) {
  %p = Relu(%a)
  %u = graphwright.UnblockChannels(%p) {channels = 4}
  %q = graphwright.BlockChannels(%u) {block = 2}
  %y = Neg(%q)
  return %y
}`,
      after: `graph @main(%a: float32[1, 2, 3, 3, 2]) -> (%y: float32[1, 2, 3, 3, 2]) {
  %p: float32[1, 2, 3, 3, 2] = Relu(%a)
  %y: float32[1, 2, 3, 3, 2] = Neg(%p)
  return %y
}`,
    },
    {
      title: "Blocks of another size",
      fails: "same blocks",
      before: `graph @main(%a: float32[1, 2, 3, 3, 2]) -> (%y: float32[1, 1, 3, 3, 4]) {
  %u = graphwright.UnblockChannels(%a) {channels = 4}
  %y = graphwright.BlockChannels(%u) {block = 4}
  return %y
}`,
      after: `graph @main(%a: float32[1, 2, 3, 3, 2]) -> (%y: float32[1, 1, 3, 3, 4]) {
  %u = graphwright.UnblockChannels(%a) {channels = 4}
  %y = graphwright.BlockChannels(%u) {block = 4}
  return %y
}`,
    },
  ],
});
