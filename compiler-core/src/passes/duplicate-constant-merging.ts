import type { ConstantNode, NodeId } from "../ir/graph.ts";
import { constantRoot, defineRewrite } from "./definition.ts";
import { takeOver } from "./support/replacement.ts";

export const duplicateConstantMerging = defineRewrite<ConstantNode>({
  name: "duplicate-constant-merging",
  title: "Duplicate constant merging",
  summary: "Keeps one of several constants with the same type, shape and bits.",
  why: "Shared weights and repeated scalars are stored once, and operators on them become equal, so that common subexpressions show.",
  exactness: "exact",
  roots: [constantRoot],
  preconditions: [
    { name: "same bits", doc: "An earlier constant has the same element type, shape and bits. A default that the caller may override is not a constant." },
    { name: "same graph", doc: "Both lie in the same graph." },
    { name: "at most one output", doc: "Not both are outputs of the graph." },
  ],
  match(root, context) {
    // The first that will do, and no list of all: thousands may be alike.
    const isOutput = context.isResult({ node: root.id, output: 0 });
    let twin: NodeId | undefined;
    let near: NodeId | undefined;
    let kept: NodeId | undefined;
    for (const id of context.identicalConstants(root)) {
      if (id > root.id || kept !== undefined) break;
      twin ??= id;
      if (context.graph.node(id).region !== root.region) continue;
      near ??= id;
      if (!isOutput || !context.isResult({ node: id, output: 0 })) kept = id;
    }
    const told = (id: NodeId): string => context.describe({ node: id, output: 0 });
    if (!context.require("same bits", twin !== undefined, () => (twin === undefined ? "no earlier constant is the same" : `the same as ${told(near ?? twin)}`))) return undefined;
    if (!context.require("same graph", near !== undefined, () => (near === undefined ? `${told(twin!)} lies in another graph` : "both lie in one graph"))) return undefined;
    if (!context.require("at most one output", kept !== undefined, () => (kept === undefined ? "both are outputs of the graph" : "not both are outputs"))) return undefined;
    return { nodes: [root.id, kept!], bindings: { kept } };
  },
  rewrite(match, rewriter) {
    takeOver(rewriter, { node: match.root, output: 0 }, { node: match.bindings.kept as number, output: 0 });
    rewriter.removeDead([match.root]);
  },
  examples: [
    {
      title: "Two equal scalars",
      before: `graph @main(%x: float32[N, 4], %z: float32[N, 4]) -> (%y: float32[N, 4]) {
  %a = constant float32[] [2]
  %b = constant float32[] [2]
  %c = Mul(%x, %a)
  %d = Mul(%z, %b)
  %y = Add(%c, %d)
  return %y
}`,
      after: `graph @main(%x: float32[N, 4], %z: float32[N, 4]) -> (%y: float32[N, 4]) {
  %a = constant float32[] [2]
  %c = Mul(%x, %a)
  %d = Mul(%z, %a)
  %y = Add(%c, %d)
  return %y
}`,
    },
    {
      title: "Zero and negative zero differ in their bits",
      fails: "same bits",
      before: `graph @main(%x: float32[N, 4], %z: float32[N, 4]) -> (%y: float32[N, 4]) {
  %a = constant float32[] [0]
  %b = constant float32[] [-0.0]
  %c = Mul(%x, %a)
  %d = Mul(%z, %b)
  %y = Add(%c, %d)
  return %y
}`,
      after: `graph @main(%x: float32[N, 4], %z: float32[N, 4]) -> (%y: float32[N, 4]) {
  %a = constant float32[] [0]
  %b = constant float32[] [-0.0]
  %c = Mul(%x, %a)
  %d = Mul(%z, %b)
  %y = Add(%c, %d)
  return %y
}`,
    },
  ],
});
