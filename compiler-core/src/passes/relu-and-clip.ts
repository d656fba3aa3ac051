import { fromNumbers, toNumbers } from "../ir/tensor.ts";
import type { ElementType } from "../ir/element-type.ts";
import { ConstantValue } from "../ir/constant.ts";
import type { OperatorNode, ValueRef } from "../ir/graph.ts";
import { defineRewrite } from "./definition.ts";
import { mergedNotes, replaceRoot, requireUsedOnce } from "./support/replacement.ts";

export const reluAndClip = defineRewrite({
  name: "relu-and-clip",
  title: "Relu and Clip",
  summary: "Writes a Relu before or after a Clip with constant bounds as one Clip.",
  why: "One pass over the activation instead of two.",
  exactness: "exact",
  roots: ["Clip", "Relu"],
  preconditions: [
    { name: "used once", doc: "The value between is used once, in the same graph, and is no output of the graph." },
    { name: "constant bounds", doc: "The Clip's bounds are constants or absent." },
  ],
  match(root, context) {
    const inner = context.producer(root.inputs[0], root.op === "Clip" ? "Relu" : "Clip");
    if (!inner) return undefined;
    let holds = requireUsedOnce(context, "used once", root.inputs[0]!, root);
    const clip = root.op === "Clip" ? root : inner;
    const computed = clip.inputs.slice(1).filter((ref) => ref && !context.constant(ref));
    holds = context.require("constant bounds", computed.length === 0, () => (computed.length === 0 ? "the bounds are constants" : `${context.describe(computed[0]!)} is computed`)) && holds;
    return holds ? { nodes: [root.id, inner.id], bindings: { clip, inner } } : undefined;
  },
  rewrite(match, rewriter, context) {
    const root = context.find(match.root)!;
    const { clip, inner } = match.bindings as { clip: OperatorNode; inner: OperatorNode };
    const [low, high] = [clip.inputs[1], clip.inputs[2]].map((ref) => (ref ? toNumbers(context.tensor(ref)!)[0]! : undefined));
    const bound = (old: ValueRef | null | undefined, value: number, suffix: string): ValueRef => {
      const element = rewriter.type(clip.inputs[0]) as { element?: ElementType };
      const type = (old ? context.constant(old)!.type.element : element.element) ?? "float32";
      const ref = rewriter.addConstant({ value: ConstantValue.of(fromNumbers(type, [], [value])), name: context.freshName(`${root.outputs[0]!.name}_${suffix}`), region: root.region, order: root.order });
      rewriter.derive("fold", old ? [old.node] : [], [ref.node]);
      return ref;
    };
    const min = low !== undefined && low >= 0 ? clip.inputs[1]! : bound(clip.inputs[1], 0, "min");
    // After a Clip, Relu also lifts an upper bound below zero.
    const lifted = clip === inner && high !== undefined && high < 0;
    const max = lifted ? bound(clip.inputs[2], 0, "max") : (clip.inputs[2] ?? null);
    replaceRoot(match, rewriter, { op: "Clip", inputs: max ? [inner.inputs[0]!, min, max] : [inner.inputs[0]!, min], name: root.name, order: root.order, ...mergedNotes(root, inner) });
  },
  examples: [
    {
      title: "Relu, then Clip from below zero",
      before: `graph @main(%x: float32[N, 4]) -> (%y: float32[N, 4]) {
  %low = constant float32[] [-1]
  %high = constant float32[] [6]
  %r = Relu(%x)
  %y = Clip(%r, %low, %high)
  return %y
}`,
      after: `graph @main(%x: float32[N, 4]) -> (%y: float32[N, 4]) {
  %high = constant float32[] [6]
  %y_min = constant float32[] [0]
  %y = Clip(%x, %y_min, %high)
  return %y
}`,
    },
    {
      title: "Clip to numbers below zero, then Relu: nothing but zero is left",
      before: `graph @main(%x: float32[N, 4]) -> (%y: float32[N, 4]) {
  %low = constant float32[] [-2]
  %high = constant float32[] [-1]
  %c = Clip(%x, %low, %high)
  %y = Relu(%c)
  return %y
}`,
      after: `graph @main(%x: float32[N, 4]) -> (%y: float32[N, 4]) {
  %y_min = constant float32[] [0]
  %y_max = constant float32[] [0]
  %y = Clip(%x, %y_min, %y_max)
  return %y
}`,
    },
    {
      title: "A computed bound",
      fails: "constant bounds",
      before: `graph @main(%x: float32[N, 4], %high: float32[]) -> (%y: float32[N, 4]) {
  %r = Relu(%x)
  %y = Clip(%r, _, %high)
  return %y
}`,
      after: `graph @main(%x: float32[N, 4], %high: float32[]) -> (%y: float32[N, 4]) {
  %r = Relu(%x)
  %y = Clip(%r, _, %high)
  return %y
}`,
    },
  ],
});
