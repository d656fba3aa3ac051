import { describeNode, type NodeId } from "../ir/graph.ts";
import { defineRewrite } from "./definition.ts";
import { requireDeterministic } from "./support/determinism.ts";
import { regionsEqual, sameOperator } from "./support/equality.ts";
import { takeOver } from "./support/replacement.ts";

export const commonSubexpressionElimination = defineRewrite({
  name: "common-subexpression-elimination",
  title: "Common subexpression elimination",
  summary: "Uses the outputs of an earlier node that computes the same from the same inputs.",
  why: "The same value is computed once.",
  exactness: "exact",
  roots: ["*"],
  preconditions: [
    { name: "deterministic", doc: "The operator is known and gives equal outputs for equal inputs." },
    { name: "same operator", doc: "Domain, operator, attributes (tensors and floats by their bits) and the number of outputs are equal; optional inputs are equal position by position." },
    { name: "same bodies", doc: "Bodies, if there are any, are equal node by node." },
    { name: "at most one output", doc: "No value would be an output of the graph under two names." },
  ],
  match(root, context) {
    const { graph } = context;
    if (root.inputs.length === 0) return undefined;
    const alike = context.alike(root);
    if (alike.length < 2) return undefined;
    const before = (id: NodeId): boolean => graph.node(id).order < root.order || (graph.node(id).order === root.order && id < root.id);
    const first = alike.find(before);
    if (first === undefined) return undefined;
    if (!requireDeterministic(context, "deterministic", root)) return undefined;
    const wanted = root.outputs.map((output, i) => output.name !== "" || graph.usesOfValue({ node: root.id, output: i }).length > 0);
    const names = Object.keys(root.regions);
    const results = [...root.outputs.keys()].filter((i) => context.isResult({ node: root.id, output: i }));
    // The first that will do, and no list of all: thousands may be alike.
    let equal: NodeId | undefined;
    let twin: NodeId | undefined;
    let kept: NodeId | undefined;
    for (const id of alike) {
      if (kept !== undefined) break;
      const other = context.find(id)!;
      if (!before(id) || !sameOperator(root, other)) continue;
      if (other.outputs.length !== root.outputs.length || other.outputs.some((output, i) => output.name === "" && wanted[i])) continue;
      equal ??= id;
      const { regions } = other;
      if (names.length !== Object.keys(regions).length || !names.every((name) => name in regions && regionsEqual(graph, root.regions[name]!, regions[name]!))) continue;
      twin ??= id;
      if (!results.some((output) => context.isResult({ node: id, output }))) kept = id;
    }
    if (!context.require("same operator", equal !== undefined, () => (equal === undefined ? `${describeNode(graph.node(first))} has other attributes or outputs` : `the same as ${describeNode(graph.node(equal))}`))) return undefined;
    if (!context.require("same bodies", twin !== undefined, names.length === 0 ? "there are none" : twin !== undefined ? "they are equal" : "they differ")) return undefined;
    if (!context.require("at most one output", kept !== undefined, "both values are outputs of the graph")) return undefined;
    return { nodes: [root.id, kept!], bindings: { kept } };
  },
  rewrite(match, rewriter, context) {
    const kept = match.bindings.kept as number;
    for (const [output] of context.find(match.root)!.outputs.entries()) {
      const from = { node: match.root, output };
      if (rewriter.usesOfValue(from).length > 0) takeOver(rewriter, from, { node: kept, output });
    }
    rewriter.removeDead([match.root]);
  },
  examples: [
    {
      title: "Two equal operators on one value",
      before: `graph @main(%x: float32[N, 4]) -> (%y: float32[N, 4]) {
  %a = LeakyRelu(%x) {alpha = 0.25}
  %b = LeakyRelu(%x) {alpha = 0.25}
  %y = Mul(%a, %b)
  return %y
}`,
      after: `graph @main(%x: float32[N, 4]) -> (%y: float32[N, 4]) {
  %a = LeakyRelu(%x) {alpha = 0.25}
  %y = Mul(%a, %a)
  return %y
}`,
    },
    {
      title: "Attributes differ",
      fails: "same operator",
      before: `graph @main(%x: float32[N, 4]) -> (%y: float32[N, 4]) {
  %t = constant float32[] [1]
  %a = Clip(%x, %t, %t)
  %b = Celu(%a) {alpha = 0.25}
  %c = Celu(%a) {alpha = 0.5}
  %y = Mul(%b, %c)
  return %y
}`,
      after: `graph @main(%x: float32[N, 4]) -> (%y: float32[N, 4]) {
  %t = constant float32[] [1]
  %a = Clip(%x, %t, %t)
  %b = Celu(%a) {alpha = 0.25}
  %c = Celu(%a) {alpha = 0.5}
  %y = Mul(%b, %c)
  return %y
}`,
    },
    {
      title: "A lower bound is not an upper bound: optional inputs count by position",
      before: `graph @main(%x: float32[N, 4]) -> (%y: float32[N, 4]) {
  %c = constant float32[] [1]
  %a = Clip(%x, _, %c)
  %b = Clip(%x, %c)
  %y = Sub(%a, %b)
  return %y
}`,
      after: `graph @main(%x: float32[N, 4]) -> (%y: float32[N, 4]) {
  %c = constant float32[] [1]
  %a = Clip(%x, _, %c)
  %b = Clip(%x, %c)
  %y = Sub(%a, %b)
  return %y
}`,
    },
    {
      title: "Random numbers are drawn twice",
      fails: "deterministic",
      before: `graph @main(%x: float32[2, 4]) -> (%y: float32[2, 4]) {
  %a = RandomNormalLike(%x)
  %b = RandomNormalLike(%x)
  %y = Sub(%a, %b)
  return %y
}`,
      after: `graph @main(%x: float32[2, 4]) -> (%y: float32[2, 4]) {
  %a = RandomNormalLike(%x)
  %b = RandomNormalLike(%x)
  %y = Sub(%a, %b)
  return %y
}`,
    },
    {
      title: "Two outputs of the graph keep their names",
      fails: "at most one output",
      before: `graph @main(%x: float32[N, 4]) -> (%y: float32[N, 4], %z: float32[N, 4]) {
  %y = Relu(%x)
  %z = Relu(%x)
  return %y, %z
}`,
      after: `graph @main(%x: float32[N, 4]) -> (%y: float32[N, 4], %z: float32[N, 4]) {
  %y = Relu(%x)
  %z = Relu(%x)
  return %y, %z
}`,
    },
  ],
});
