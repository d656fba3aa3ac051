import type { OperatorNode } from "../ir/graph.ts";
import { toIntegers } from "../ir/tensor.ts";
import { defineRewrite, type MatchContext } from "./definition.ts";
import { requireReplaceable, takeOver } from "./support/replacement.ts";

/** The axes in the value that has them: Unsqueeze's result, Squeeze's input. Sorted, counted from the front. */
function axesOf(node: OperatorNode, context: MatchContext): number[] | undefined {
  const axes = context.tensor(node.inputs[1]);
  if (!axes) return undefined;
  const list = toIntegers(axes);
  const base = context.shape(node.inputs[0])?.length;
  const rank = base === undefined ? undefined : node.op === "Unsqueeze" ? base + list.length : base;
  if (rank === undefined && list.some((a) => a < 0)) return undefined;
  return list.map((a) => (a < 0 ? a + rank! : a)).sort((a, b) => a - b);
}

export const squeezeOfUnsqueeze = defineRewrite({
  name: "squeeze-of-unsqueeze",
  title: "Squeeze of Unsqueeze",
  summary: "Removes a Squeeze and an Unsqueeze of the same axes that follow one another, in either order.",
  why: "They undo each other.",
  exactness: "exact",
  roots: ["Squeeze", "Unsqueeze"],
  preconditions: [
    { name: "same axes", doc: "Both act on the same axes, which are constants; negative ones are counted from the front first." },
    { name: "replaceable", doc: "The value is not both an input and an output of a graph, nor an output under two names." },
  ],
  match(root, context) {
    const inner = context.producer(root.inputs[0], root.op === "Squeeze" ? "Unsqueeze" : "Squeeze");
    if (!inner) return undefined;
    const first = axesOf(inner, context);
    const second = axesOf(root, context);
    const known = first && second;
    let holds = context.require("same axes", known ? first.join() === second.join() : "unknown", () => (known ? `[${first.join(", ")}] and [${second.join(", ")}]` : "axes or rank are unknown"));
    const source = inner.inputs[0]!;
    holds = requireReplaceable(context, "replaceable", { node: root.id, output: 0 }, source) && holds;
    return holds ? { nodes: [root.id, inner.id], bindings: {} } : undefined;
  },
  rewrite(match, rewriter, context) {
    takeOver(rewriter, { node: match.root, output: 0 }, context.find(match.nodes[1]!)!.inputs[0]!);
    rewriter.removeDead([match.root]);
  },
  examples: [
    {
      title: "The same axis, once from the end",
      before: `graph @main(%x: float32[N, 4]) -> (%y: float32[N, 4]) {
  %last = constant int64[1] [-1]
  %two = constant int64[1] [2]
  %a = Relu(%x)
  %b = Unsqueeze(%a, %last)
  %c = Squeeze(%b, %two)
  %y = Neg(%c)
  return %y
}`,
      after: `graph @main(%x: float32[N, 4]) -> (%y: float32[N, 4]) {
  %a = Relu(%x)
  %y = Neg(%a)
  return %y
}`,
    },
    {
      title: "Another axis of size one",
      fails: "same axes",
      before: `graph @main(%x: float32[1, 4]) -> (%y: float32[4, 1]) {
  %zero = constant int64[1] [0]
  %two = constant int64[1] [2]
  %a = Relu(%x)
  %b = Unsqueeze(%a, %two)
  %y = Squeeze(%b, %zero)
  return %y
}`,
      after: `graph @main(%x: float32[1, 4]) -> (%y: float32[4, 1]) {
  %zero = constant int64[1] [0]
  %two = constant int64[1] [2]
  %a = Relu(%x)
  %b = Unsqueeze(%a, %two)
  %y = Squeeze(%b, %zero)
  return %y
}`,
    },
  ],
});
