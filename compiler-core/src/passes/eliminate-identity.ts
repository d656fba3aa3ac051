import { defineRewrite } from "./definition.ts";
import { requireReplaceable, takeOver } from "./support/replacement.ts";

export const eliminateIdentity = defineRewrite({
  name: "eliminate-identity",
  title: "Identity elimination",
  summary: "Uses the input of an Identity in place of its output.",
  why: "Identity copies a tensor and computes nothing; importers and exporters leave many behind, and each hides a pattern from other rewrites.",
  exactness: "exact",
  roots: ["Identity"],
  preconditions: [{ name: "replaceable", doc: "The value is not both an input and an output of a graph, nor an output under two names, nor captured and returned." }],
  match(root, context) {
    const source = root.inputs[0];
    if (!source) return undefined;
    const copy = { node: root.id, output: 0 };
    return requireReplaceable(context, "replaceable", copy, source) ? { nodes: [root.id], bindings: { source } } : undefined;
  },
  rewrite(match, rewriter, context) {
    takeOver(rewriter, { node: match.root, output: 0 }, context.find(match.root)!.inputs[0]!);
    rewriter.removeDead([match.root]);
  },
  examples: [
    {
      title: "Between two operators",
      before: `graph @main(%x: float32[N, 4]) -> (%y: float32[N, 4]) {
  %a = Relu(%x)
  %b = Identity(%a)
  %y = Neg(%b)
  return %y
}`,
      after: `graph @main(%x: float32[N, 4]) -> (%y: float32[N, 4]) {
  %a = Relu(%x)
  %y = Neg(%a)
  return %y
}`,
    },
    {
      title: "Before an output: the output's name stays",
      before: `graph @main(%x: float32[N, 4]) -> (%y: float32[N, 4]) {
  %a = Relu(%x)
  %y = Identity(%a)
  return %y
}`,
      after: `graph @main(%x: float32[N, 4]) -> (%y: float32[N, 4]) {
  %y = Relu(%x)
  return %y
}`,
    },
    {
      title: "From an input straight to an output: it must stay",
      fails: "replaceable",
      before: `graph @main(%x: float32[N, 4]) -> (%y: float32[N, 4]) {
  %y = Identity(%x)
  return %y
}`,
      after: `graph @main(%x: float32[N, 4]) -> (%y: float32[N, 4]) {
  %y = Identity(%x)
  return %y
}`,
    },
    {
      title: "One value under two output names: it must stay",
      fails: "replaceable",
      before: `graph @main(%x: float32[N, 4]) -> (%a: float32[N, 4], %y: float32[N, 4]) {
  %a = Relu(%x)
  %y = Identity(%a)
  return %a, %y
}`,
      after: `graph @main(%x: float32[N, 4]) -> (%a: float32[N, 4], %y: float32[N, 4]) {
  %a = Relu(%x)
  %y = Identity(%a)
  return %a, %y
}`,
    },
  ],
});
