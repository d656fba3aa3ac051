import { ConstantValue } from "../ir/constant.ts";
import { int64Vector, toIntegers } from "../ir/tensor.ts";
import { defineRewrite } from "./definition.ts";
import { mergedNotes, replaceRoot } from "./support/replacement.ts";

/** Where `count` axes put in or taken out lie, from the front of a value of `rank`. */
const fromFront = (axes: readonly number[], rank: number): number[] => axes.map((axis) => (axis < 0 ? axis + rank : axis));

export const unsqueezeOfUnsqueeze = defineRewrite({
  name: "unsqueeze-of-unsqueeze",
  title: "Unsqueeze of Unsqueeze, Squeeze of Squeeze",
  summary: "Puts in, or takes out, all axes of length 1 at once.",
  why: "One operator instead of two.",
  exactness: "exact",
  roots: ["Unsqueeze", "Squeeze"],
  preconditions: [{ name: "known axes", doc: "The axes of both are constants, and the rank is known, so that negative axes can be counted from the front." }],
  match(root, context) {
    const inner = context.producer(root.inputs[0], root.op);
    if (!inner) return undefined;
    const rank = context.shape(inner.inputs[0])?.length;
    const lists = [inner, root].map((node) => context.tensor(node.inputs[1]));
    const known = rank !== undefined && lists[0] !== undefined && lists[1] !== undefined;
    if (!context.require("known axes", known ? true : "unknown", () => (known ? "they are" : "axes are computed or absent, or the rank is unknown")) || !known) return undefined;
    const [first, second] = lists.map((list) => toIntegers(list!)) as [number[], number[]];
    let axes: number[];
    if (root.op === "Unsqueeze") {
      const between = rank + first.length;
      const outer = fromFront(second, between + second.length);
      // Places of the result that the second does not put in hold the value between, in order.
      const kept = Array.from({ length: between + second.length }, (_, i) => i).filter((i) => !outer.includes(i));
      axes = [...outer, ...fromFront(first, between).map((axis) => kept[axis]!)];
    } else {
      const inside = fromFront(first, rank);
      const kept = Array.from({ length: rank }, (_, i) => i).filter((i) => !inside.includes(i));
      axes = [...inside, ...fromFront(second, rank - first.length).map((axis) => kept[axis]!)];
    }
    return { nodes: [root.id, inner.id], bindings: { axes: axes.sort((a, b) => a - b) } };
  },
  rewrite(match, rewriter, context) {
    const [root, inner] = match.nodes.map((id) => context.find(id)!);
    const axes = rewriter.addConstant({ value: ConstantValue.of(int64Vector(match.bindings.axes as number[])), name: context.freshName(`${root!.outputs[0]!.name}_axes`), region: root!.region, order: root!.order });
    rewriter.derive("fold", [inner!.inputs[1]!.node, root!.inputs[1]!.node], [axes.node]);
    replaceRoot(match, rewriter, { op: root!.op, inputs: [inner!.inputs[0]!, axes], name: root!.name, order: root!.order, ...mergedNotes(root!, inner!) });
  },
  examples: [
    {
      title: "Axes for heads and queries",
      before: `graph @main(%x: float32[N, S]) -> (%y: float32[N, 1, 1, S]) {
  %one = constant int64[1] [1]
  %last = constant int64[1] [-2]
  %a = Unsqueeze(%x, %one)
  %y = Unsqueeze(%a, %last)
  return %y
}`,
      after: `graph @main(%x: float32[N, S]) -> (%y: float32[N, 1, 1, S]) {
  %y_axes = constant int64[2] [1, 2]
  %y = Unsqueeze(%x, %y_axes)
  return %y
}`,
    },
    {
      title: "The second comes before the first",
      before: `graph @main(%x: float32[4, 5]) -> (%y: float32[1, 4, 1, 5]) {
  %one = constant int64[1] [1]
  %zero = constant int64[1] [0]
  %a = Unsqueeze(%x, %one)
  %y = Unsqueeze(%a, %zero)
  return %y
}`,
      after: `graph @main(%x: float32[4, 5]) -> (%y: float32[1, 4, 1, 5]) {
  %y_axes = constant int64[2] [0, 2]
  %y = Unsqueeze(%x, %y_axes)
  return %y
}`,
    },
    {
      title: "Squeezed twice",
      before: `graph @main(%x: float32[1, 4, 1, 5]) -> (%y: float32[4, 5]) {
  %zero = constant int64[1] [0]
  %one = constant int64[1] [-2]
  %a = Squeeze(%x, %zero)
  %y = Squeeze(%a, %one)
  return %y
}`,
      after: `graph @main(%x: float32[1, 4, 1, 5]) -> (%y: float32[4, 5]) {
  %y_axes = constant int64[2] [0, 2]
  %y = Squeeze(%x, %y_axes)
  return %y
}`,
    },
    {
      title: "The rank is unknown",
      fails: "known axes",
      before: `graph @main(%x: float32[*]) -> (%y: float32[*]) {
  %last = constant int64[1] [-1]
  %a = Unsqueeze(%x, %last)
  %y = Unsqueeze(%a, %last)
  return %y
}`,
      after: `graph @main(%x: float32[*]) -> (%y: float32[*]) {
  %last = constant int64[1] [-1]
  %a = Unsqueeze(%x, %last)
  %y = Unsqueeze(%a, %last)
  return %y
}`,
    },
  ],
});
