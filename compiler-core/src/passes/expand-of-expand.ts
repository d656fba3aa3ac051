import { ConstantValue } from "../ir/constant.ts";
import { int64Vector, toIntegers } from "../ir/tensor.ts";
import { defineRewrite } from "./definition.ts";
import { mergedNotes, replaceRoot } from "./support/replacement.ts";

export const expandOfExpand = defineRewrite({
  name: "expand-of-expand",
  title: "Expand of Expand",
  summary: "Expands straight to what both targets together give.",
  why: "The value is written once.",
  exactness: "exact",
  roots: ["Expand"],
  preconditions: [{ name: "targets agree", doc: "Both targets are constants, and at each place, counted from the back, they are equal or one of them is 1." }],
  match(root, context) {
    const inner = context.producer(root.inputs[0], "Expand");
    if (!inner) return undefined;
    const [a, b] = [inner, root].map((node) => context.tensor(node.inputs[1])).map((target) => target && toIntegers(target));
    if (!context.require("targets agree", a && b ? true : "unknown", () => (a && b ? "they do" : "a target is computed")) || !a || !b) return undefined;
    const rank = Math.max(a.length, b.length);
    const target: number[] = [];
    for (let i = 0; i < rank; i++) {
      const [p, q] = [a[i - (rank - a.length)] ?? 1, b[i - (rank - b.length)] ?? 1];
      if (p !== q && p !== 1 && q !== 1) return void context.require("targets agree", false, `${p} and ${q} at place ${i}`);
      target.push(p === 1 ? q : p);
    }
    return { nodes: [root.id, inner.id], bindings: { target } };
  },
  rewrite(match, rewriter, context) {
    const [root, inner] = match.nodes.map((id) => context.find(id)!);
    const target = rewriter.addConstant({ value: ConstantValue.of(int64Vector(match.bindings.target as number[])), name: context.freshName(`${root!.outputs[0]!.name}_target`), region: root!.region, order: root!.order });
    rewriter.derive("fold", [inner!.inputs[1]!.node, root!.inputs[1]!.node], [target.node]);
    replaceRoot(match, rewriter, { op: "Expand", inputs: [inner!.inputs[0]!, target], name: root!.name, order: root!.order, ...mergedNotes(root!, inner!) });
  },
  examples: [
    {
      title: "Columns, then rows",
      before: `graph @main(%x: float32[1, 1]) -> (%y: float32[2, 3, 4]) {
  %s = constant int64[2] [1, 4]
  %t = constant int64[3] [2, 3, 1]
  %a = Expand(%x, %s)
  %y = Expand(%a, %t)
  return %y
}`,
      after: `graph @main(%x: float32[1, 1]) -> (%y: float32[2, 3, 4]) {
  %y_target = constant int64[3] [2, 3, 4]
  %y = Expand(%x, %y_target)
  return %y
}`,
    },
    {
      title: "A computed target",
      fails: "targets agree",
      before: `graph @main(%x: float32[1, 1], %t: int64[2]) -> (%y: float32[?, ?]) {
  %s = constant int64[2] [1, 4]
  %a = Expand(%x, %s)
  %y = Expand(%a, %t)
  return %y
}`,
      after: `graph @main(%x: float32[1, 1], %t: int64[2]) -> (%y: float32[?, ?]) {
  %s = constant int64[2] [1, 4]
  %a = Expand(%x, %s)
  %y = Expand(%a, %t)
  return %y
}`,
    },
  ],
});
