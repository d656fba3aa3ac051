import { describeNode, type OperatorNode } from "../ir/graph.ts";
import { defineRewrite, type MatchContext } from "./definition.ts";
import { mergedNotes, replaceRoot, requireUsedOnce } from "./support/replacement.ts";

/** The axis counted from the front; as it is written where the rank is unknown. */
function axisOf(node: OperatorNode, context: MatchContext): number {
  const axis = context.attributes(node).int("axis", 1);
  const rank = node.inputs.map((ref) => context.shape(ref)?.length).find((r) => r !== undefined) ?? context.shape({ node: node.id, output: 0 })?.length;
  return axis < 0 && rank !== undefined ? axis + rank : axis;
}

export const concatOfConcat = defineRewrite({
  name: "concat-of-concat",
  title: "Concat of Concat",
  summary: "Joins the parts of an inner Concat together with the others in one Concat.",
  why: "The inner parts are copied once and not twice.",
  exactness: "exact",
  roots: ["Concat"],
  preconditions: [
    { name: "joins a Concat", doc: "An operand comes from a Concat." },
    { name: "same axis", doc: "Both join along one axis, once negative axes are counted from the front." },
    { name: "used once", doc: "The value between is used once, in the same graph, and is no output of the graph." },
  ],
  match(root, context) {
    const inners = root.inputs.map((ref) => context.producer(ref, "Concat")).filter((node) => node !== undefined);
    if (inners.length === 0) return undefined;
    context.require("joins a Concat", true, () => inners.map(describeNode).join(", "));
    const axis = axisOf(root, context);
    const alike = inners.filter((node) => axisOf(node, context) === axis);
    if (!context.require("same axis", alike.length > 0, () => `${axis}, and ${inners.map((node) => axisOf(node, context)).join(", ")}`)) return undefined;
    const inner = alike.find((node) => context.onlyUser({ node: node.id, output: 0 })?.id === root.id) ?? alike[0]!;
    if (!requireUsedOnce(context, "used once", { node: inner.id, output: 0 }, root)) return undefined;
    return { nodes: [root.id, inner.id], bindings: {} };
  },
  rewrite(match, rewriter, context) {
    const [root, inner] = match.nodes.map((id) => context.find(id)!) as [OperatorNode, OperatorNode];
    const inputs = root.inputs.flatMap((ref) => (ref?.node === inner.id ? inner.inputs : [ref]));
    replaceRoot(match, rewriter, { op: "Concat", inputs, attributes: root.attributes, name: root.name, order: root.order, ...mergedNotes(root, inner) });
  },
  examples: [
    {
      title: "Channels that are collected block by block",
      before: `graph @main(%x: float32[N, 2, 4], %z: float32[N, 3, 4], %w: float32[N, 1, 4]) -> (%y: float32[N, 6, 4]) {
  %a = Concat(%x, %z) {axis = 1}
  %y = Concat(%w, %a) {axis = -2}
  return %y
}`,
      after: `graph @main(%x: float32[N, 2, 4], %z: float32[N, 3, 4], %w: float32[N, 1, 4]) -> (%y: float32[N, 6, 4]) {
  %y = Concat(%w, %x, %z) {axis = -2}
  return %y
}`,
    },
    {
      title: "Another axis",
      fails: "same axis",
      before: `graph @main(%x: float32[2, 2], %z: float32[2, 2]) -> (%y: float32[4, 4]) {
  %a = Concat(%x, %z) {axis = 0}
  %y = Concat(%a, %a) {axis = 1}
  return %y
}`,
      after: `graph @main(%x: float32[2, 2], %z: float32[2, 2]) -> (%y: float32[4, 4]) {
  %a = Concat(%x, %z) {axis = 0}
  %y = Concat(%a, %a) {axis = 1}
  return %y
}`,
    },
    {
      title: "The inner value is needed itself",
      fails: "used once",
      before: `graph @main(%x: float32[2, 2], %z: float32[2, 2]) -> (%y: float32[6, 2], %n: float32[4, 2]) {
  %a = Concat(%x, %z) {axis = 0}
  %n = Neg(%a)
  %y = Concat(%x, %a) {axis = 0}
  return %y, %n
}`,
      after: `graph @main(%x: float32[2, 2], %z: float32[2, 2]) -> (%y: float32[6, 2], %n: float32[4, 2]) {
  %a = Concat(%x, %z) {axis = 0}
  %n = Neg(%a)
  %y = Concat(%x, %a) {axis = 0}
  return %y, %n
}`,
    },
  ],
});
