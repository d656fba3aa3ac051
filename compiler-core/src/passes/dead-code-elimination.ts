import type { ConstantNode, OperatorNode } from "../ir/graph.ts";
import { constantRoot, defineRewrite } from "./definition.ts";

export const deadCodeElimination = defineRewrite<OperatorNode | ConstantNode>({
  name: "dead-code-elimination",
  title: "Dead code elimination",
  summary: "Removes a node whose outputs nothing uses, and then whatever only it used.",
  why: "Work and weights that no output depends on cost time and space for nothing.",
  exactness: "exact",
  roots: ["*", constantRoot],
  preconditions: [{ name: "unused", doc: "No node, no body of an If, Loop or Scan, and no output uses any output of the node." }],
  match(root, context) {
    const uses = context.graph.usesOf(root.id);
    const holds = context.require("unused", uses.length === 0, () => (uses.length === 0 ? "nothing uses it" : uses.length === 1 ? "it has 1 use" : `it has ${uses.length} uses`));
    return holds ? { nodes: [root.id], bindings: {} } : undefined;
  },
  rewrite(match, rewriter) {
    rewriter.removeDead([match.root]);
  },
  examples: [
    {
      title: "A chain that leads nowhere, with its weights",
      before: `graph @main(%x: float32[N, 4]) -> (%y: float32[N, 4]) {
  %w = constant float32[4] [1, 2, 3, 4]
  %a = Mul(%x, %w)
  %b = Neg(%a)
  %y = Relu(%x)
  return %y
}`,
      after: `graph @main(%x: float32[N, 4]) -> (%y: float32[N, 4]) {
  %y = Relu(%x)
  return %y
}`,
    },
    {
      title: "A value that only a body of an If captures is used",
      fails: "unused",
      before: `graph @main(%x: float32[4], %c: bool[]) -> (%y: float32[4]) {
  %a = Neg(%x)
  %y = If(%c) then_branch () { %t = Relu(%a) return %t } else_branch () { %e = Neg(%a) return %e }
  return %y
}`,
      after: `graph @main(%x: float32[4], %c: bool[]) -> (%y: float32[4]) {
  %a = Neg(%x)
  %y = If(%c) then_branch () { %t = Relu(%a) return %t } else_branch () { %e = Neg(%a) return %e }
  return %y
}`,
    },
  ],
});
