import { isFloat } from "../ir/element-type.ts";
import type { OperatorNode, ValueRef } from "../ir/graph.ts";
import { toNumbers } from "../ir/tensor.ts";
import { defineRewrite, type MatchContext } from "./definition.ts";
import { mergedNotes, replaceRoot, requireUsedOnce } from "./support/replacement.ts";

/** What `node` is the reciprocal of, when it is Reciprocal(x) or 1 / x and the one does not widen x. */
function denominator(node: OperatorNode | undefined, context: MatchContext): ValueRef | undefined {
  if (!node) return undefined;
  if (node.op === "Reciprocal") return node.inputs[0] ?? undefined;
  const one = context.constant(node.inputs[0]);
  const below = node.inputs[1];
  if (!one || !below || one.count !== 1 || toNumbers(one.tensor())[0] !== 1) return undefined;
  const rank = context.shape(below)?.length;
  return one.dims.length === 0 || (rank !== undefined && one.dims.length <= rank) ? below : undefined;
}

export const reciprocalMultiply = defineRewrite({
  name: "reciprocal-multiply",
  title: "Multiplication by a reciprocal",
  summary: "Writes (1 / x) * y as y / x.",
  why: "One operator instead of two, and one rounding instead of two.",
  exactness: "reassociates",
  roots: ["Mul"],
  preconditions: [
    { name: "used once", doc: "The reciprocal is used by this Mul only, in the same graph, and is no output of the graph." },
    { name: "floating point", doc: "The elements are floating-point numbers: 1 / 3 of integers is 0." },
  ],
  match(root, context) {
    const place = root.inputs.findIndex((ref) => denominator(context.producer(ref, "Reciprocal", "Div"), context) !== undefined);
    if (place < 0) return undefined;
    const ref = root.inputs[place]!;
    const inner = context.find(ref.node)!;
    let holds = requireUsedOnce(context, "used once", ref, root);
    const type = context.type(ref);
    const element = type.kind === "tensor" ? type.element : null;
    holds = context.require("floating point", element === null ? "unknown" : isFloat(element), element ?? "the element type is unknown") && holds;
    return holds ? { nodes: [root.id, inner.id], bindings: { below: denominator(inner, context), above: root.inputs[1 - place] } } : undefined;
  },
  rewrite(match, rewriter, context) {
    const root = context.find(match.root)!;
    const { above, below } = match.bindings as { above: ValueRef; below: ValueRef };
    replaceRoot(match, rewriter, { op: "Div", inputs: [above, below], name: root.name, order: root.order, ...mergedNotes(root, context.find(match.nodes[1]!)!) });
  },
  examples: [
    {
      title: "Reciprocal, then Mul",
      before: `graph @main(%x: float32[N, 4], %z: float32[N, 4]) -> (%y: float32[N, 4]) {
  %r = Reciprocal(%x)
  %y = Mul(%r, %z)
  return %y
}`,
      after: `graph @main(%x: float32[N, 4], %z: float32[N, 4]) -> (%y: float32[N, 4]) {
  %y = Div(%z, %x)
  return %y
}`,
    },
    {
      title: "Of integers the reciprocal is mostly zero",
      fails: "floating point",
      before: `graph @main(%x: int32[N], %z: int32[N]) -> (%y: int32[N]) {
  %one = constant int32[] [1]
  %r = Div(%one, %x)
  %y = Mul(%r, %z)
  return %y
}`,
      after: `graph @main(%x: int32[N], %z: int32[N]) -> (%y: int32[N]) {
  %one = constant int32[] [1]
  %r = Div(%one, %x)
  %y = Mul(%r, %z)
  return %y
}`,
    },
  ],
});
