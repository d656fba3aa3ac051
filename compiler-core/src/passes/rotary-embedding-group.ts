import type { OperatorNode } from "../ir/graph.ts";
import { defineRewrite } from "./definition.ts";
import { fuseGroup } from "./support/fused-group.ts";
import { insidePrecondition, producersFirst, requireInside } from "./support/operator-fusion.ts";
import { rotationAt } from "./support/rotary-pattern.ts";

export const halves = (cos = "float32[N, 1, S, 4]"): string => `graph @main(%x: float32[N, 2, S, 4], %cos: ${cos}, %sin: ${cos}) -> (%y: float32[N, 2, S, 4]) {
  %zero = constant int64[1] [0]
  %two = constant int64[1] [2]
  %end = constant int64[1] [9223372036854775807]
  %last = constant int64[1] [-1]
  %a = Slice(%x, %zero, %two, %last)
  %b = Slice(%x, %two, %end, %last)
  %m = Neg(%b)
  %t = Concat(%m, %a) {axis = -1}
  %p = Mul(%x, %cos)
  %q = Mul(%t, %sin)
  %y = Add(%p, %q) "rope"
  return %y
}`;

export const rotaryEmbeddingGroup = defineRewrite({
  name: "rotary-embedding-group",
  title: "Rotary embedding as a group",
  summary: "Keeps the operators of a rotary embedding together in one fused group: pairs of features (halves of a head, or neighbours) that are turned by angles.",
  why: "Seven to ten passes over queries and keys become one. An export to ONNX writes the operators.",
  exactness: "exact",
  roots: ["Add", "Concat", "Reshape"],
  preconditions: [
    { name: "pairs are turned", doc: "It computes x cos + rotated(x) sin, or a cos - b sin beside b cos + a sin, where a and b are the two halves of the last axis, or its even and odd entries, and the result has the proven shape of x." },
    insidePrecondition,
  ],
  match(root, context) {
    const rotation = rotationAt(root, context);
    if (!rotation) return undefined;
    context.require("pairs are turned", true, () => (rotation.interleaved ? "neighbours are pairs" : "the halves are pairs"));
    if (!requireInside(context, rotation.nodes, root)) return undefined;
    const parts = producersFirst(rotation.nodes).filter((node) => node !== root);
    return { nodes: [root.id, ...parts.map((node) => node.id)], bindings: { parts: [...parts, root] } };
  },
  rewrite(match, rewriter, context) {
    const parts = match.bindings.parts as readonly OperatorNode[];
    fuseGroup(rewriter, context, { kind: "RotaryEmbedding", parts, anchor: parts.at(-1)! });
  },
  examples: [
    {
      title: "Halves of a head",
      before: halves(),
      after: `graph @main(%x: float32[N, 2, S, 4], %cos: float32[N, 1, S, 4], %sin: float32[N, 1, S, 4]) -> (%y: float32[N, 2, S, 4]) {
  %y = graphwright.Fused(%x, %cos, %sin) {kind = "RotaryEmbedding"} "rope" body (%A: float32[N, 2, S, 4], %B: float32[N, 1, S, 4], %B_1: float32[N, 1, S, 4]) {
    %starts_1 = constant int64[1] [0]
    %starts = constant int64[1] [2]
    %ends = constant int64[1] [9223372036854775807]
    %axes = constant int64[1] [-1]
    %a = Slice(%A, %starts_1, %starts, %axes)
    %b = Slice(%A, %starts, %ends, %axes)
    %m = Neg(%b)
    %t = Concat(%m, %a) {axis = -1}
    %p = Mul(%A, %B)
    %q = Mul(%t, %B_1)
    %y = Add(%p, %q) "rope"
    return %y
  }
  return %y
}`,
    },
    ...[halves().replace("-> (%y: float32[N, 2, S, 4])", "-> (%y: float32[N, 2, S, 4], %p: float32[N, 2, S, 4])").replace("return %y", "return %y, %p")].map((text) => ({ title: "A product is an output too", fails: insidePrecondition.name, before: text, after: text })),
  ],
});
