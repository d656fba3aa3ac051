import type { OperatorNode } from "../ir/graph.ts";
import { defineRewrite } from "./definition.ts";
import { alongLastAxis, attentionCore, surroundings } from "./support/attention-pattern.ts";
import { fuseGroup } from "./support/fused-group.ts";
import { insidePrecondition, producersFirst, requireInside } from "./support/operator-fusion.ts";

const heads = (mask: string, more: { inputs?: string; k?: string; perm?: string } = {}): string => `graph @main(%q: float32[N, 2, S, 4], %k: float32[N, ${more.k ?? "2, T, 4"}], %v: float32[N, 2, T, 4]${more.inputs ?? ""}) -> (%y: float32[N, 2, S, 4]) {
  %c = constant float32[] [0.5]
  %t = Transpose(%k) {perm = [${more.perm ?? "0, 1, 3, 2"}]}
  %p = MatMul(%q, %t)
  %s = Mul(%p, %c)${mask}
  %w = Softmax(%${mask === "" ? "s" : "a"})
  %y = MatMul(%w, %v) "attend"
  return %y
}`;

export const attentionGroup = defineRewrite({
  name: "attention-group",
  title: "Attention as a group",
  summary: "Keeps softmax(mask(q k^T)) v together in a fused group, with the moves of heads before and after it.",
  why: "One kernel can compute a block of queries at a time and never write the scores. Any mask, scale, cap, cast or repetition of heads may stand between, since the group holds the operators themselves; an export to ONNX writes them.",
  exactness: "exact",
  roots: ["MatMul"],
  preconditions: [
    { name: "a softmax of a product", doc: "The left factor is the Softmax of a product of two computed values, with element-by-element operators between: scales, masks that are added or chosen by Where, caps, casts; after it a guard against rows without keys may stand." },
    { name: "along the keys", doc: "The Softmax runs along the last axis." },
    insidePrecondition,
  ],
  match(root, context) {
    const core = attentionCore(root, context);
    if (!core) return undefined;
    context.require("a softmax of a product", true, () => [core.product, ...[...core.scores].reverse(), core.softmax, ...[...core.after].reverse(), root].map((node) => node.op).join(", "));
    const along = alongLastAxis(core.softmax, context);
    if (!context.require("along the keys", along ?? "unknown", () => (along === undefined ? "the rank is unknown" : `axis ${context.attributes(core.softmax).int("axis", -1)}`))) return undefined;
    const inner = [root, ...core.after, core.softmax, ...core.scores, core.product];
    if (!requireInside(context, inner, root)) return undefined;
    const { before, behind } = surroundings(core, inner, context);
    const parts = producersFirst([...behind, ...inner, ...before]);
    const last = behind.at(-1) ?? root;
    return { nodes: [root.id, ...parts.filter((node) => node !== root).map((node) => node.id)], bindings: { parts: [...parts.filter((node) => node !== last), last] } };
  },
  rewrite(match, rewriter, context) {
    const parts = match.bindings.parts as readonly OperatorNode[];
    fuseGroup(rewriter, context, { kind: "Attention", parts, anchor: context.find(match.root)! });
  },
  examples: [
    {
      title: "With padding masked by minus infinity",
      before: heads("\n  %zero = constant float32[] [0]\n  %none = constant float32[] [-inf]\n  %m = Where(%keep, %zero, %none)\n  %a = Add(%s, %m)", { inputs: ", %keep: bool[N, 1, 1, T]" }),
      after: `graph @main(%q: float32[N, 2, S, 4], %k: float32[N, 2, T, 4], %v: float32[N, 2, T, 4], %keep: bool[N, 1, 1, T]) -> (%y: float32[N, 2, S, 4]) {
  %c = constant float32[] [0.5]
  %zero = constant float32[] [0]
  %none = constant float32[] [-inf]
  %m = Where(%keep, %zero, %none)
  %y = graphwright.Fused(%k, %q, %c, %m, %v) {kind = "Attention"} "attend" body (%data: float32[N, 2, T, 4], %A: float32[N, 2, S, 4], %B: float32[], %B_1: float32[N, 1, 1, T], %B_2: float32[N, 2, T, 4]) {
    %t = Transpose(%data) {perm = [0, 1, 3, 2]}
    %p = MatMul(%A, %t)
    %s = Mul(%p, %B)
    %a = Add(%s, %B_1)
    %w = Softmax(%a)
    %y = MatMul(%w, %B_2) "attend"
    return %y
  }
  return %y
}`,
    },
    { title: "The Softmax runs along the queries", fails: "along the keys", before: heads("").replace("Softmax(%s)", "Softmax(%s) {axis = 2}"), after: heads("").replace("Softmax(%s)", "Softmax(%s) {axis = 2}") },
    ...[heads("").replace("-> (%y: float32[N, 2, S, 4])", "-> (%y: float32[N, 2, S, 4], %w: float32[N, 2, S, T])").replace("return %y", "return %y, %w")].map((text) => ({ title: "The weights are an output", fails: insidePrecondition.name, before: text, after: text })),
  ],
});
