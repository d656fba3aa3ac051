import { ConstantValue } from "../ir/constant.ts";
import type { OperatorNode, ValueRef } from "../ir/graph.ts";
import { int64Vector, toIntegers } from "../ir/tensor.ts";
import { defineRewrite, type MatchContext } from "./definition.ts";
import { mergedNotes, replaceRoot, requireUsedOnce } from "./support/replacement.ts";

interface Range {
  readonly axis: number;
  readonly start: number;
  readonly end: number;
  readonly step: number;
}

/** The ranges of a Slice with constant operands, axes counted from the front; undefined when something is computed. */
function rangesOf(node: OperatorNode, context: MatchContext): Range[] | undefined {
  const operands = node.inputs.slice(1).map((ref) => (ref ? context.tensor(ref) : null));
  if (operands.includes(undefined)) return undefined;
  // Bounds beyond any size mean "to the end": kept where numbers are exact.
  const [starts, ends, axes, steps] = operands.map((t) => t && toIntegers(t).map((v) => Math.min(Math.max(v, Number.MIN_SAFE_INTEGER), Number.MAX_SAFE_INTEGER)));
  const rank = context.shape(node.inputs[0])?.length;
  if (!starts || !ends || rank === undefined) return undefined;
  return starts.map((start, i) => {
    const axis = axes?.[i] ?? i;
    return { axis: axis < 0 ? axis + rank : axis, start, end: ends[i]!, step: steps?.[i] ?? 1 };
  });
}

export const sliceOfSlice = defineRewrite({
  name: "slice-of-slice",
  title: "Slice of Slice",
  summary: "Cuts along different axes in one Slice.",
  why: "The data is copied once.",
  exactness: "exact",
  roots: ["Slice"],
  preconditions: [
    { name: "used once", doc: "The value between is used once, in the same graph, and is no output of the graph." },
    { name: "constant ranges", doc: "Starts, ends, axes and steps of both are constants, and the rank is known." },
    { name: "different axes", doc: "No axis is cut by both, once negative axes are counted from the front." },
  ],
  match(root, context) {
    const inner = context.producer(root.inputs[0], "Slice");
    if (!inner) return undefined;
    const holds = requireUsedOnce(context, "used once", root.inputs[0]!, root);
    const first = rangesOf(inner, context);
    const second = rangesOf(root, context);
    if (!context.require("constant ranges", first && second ? true : "unknown", first && second ? "they are" : "a range is computed, or the rank is unknown") || !first || !second) return undefined;
    const shared = first.filter((r) => second.some((s) => s.axis === r.axis)).map((r) => r.axis);
    if (!context.require("different axes", shared.length === 0, shared.length === 0 ? "they differ" : `both cut axis ${shared.join(", ")}`) || !holds) return undefined;
    return { nodes: [root.id, inner.id], bindings: { ranges: [...first, ...second] } };
  },
  rewrite(match, rewriter, context) {
    const root = context.find(match.root)!;
    const inner = context.find(match.nodes[1]!)!;
    const ranges = match.bindings.ranges as readonly Range[];
    const sources = [...inner.inputs.slice(1), ...root.inputs.slice(1)].flatMap((ref) => (ref ? [ref.node] : []));
    const operand = (name: keyof Range, suffix: string): ValueRef => {
      const ref = rewriter.addConstant({ value: ConstantValue.of(int64Vector(ranges.map((r) => r[name]))), name: context.freshName(`${root.outputs[0]!.name}_${suffix}`), region: root.region, order: root.order });
      rewriter.derive("fold", sources, [ref.node]);
      return ref;
    };
    replaceRoot(match, rewriter, {
      op: "Slice",
      inputs: [inner.inputs[0]!, operand("start", "starts"), operand("end", "ends"), operand("axis", "axes"), operand("step", "steps")],
      name: root.name,
      order: root.order,
      ...mergedNotes(root, inner),
    });
  },
  examples: [
    {
      title: "Rows, then columns",
      before: `graph @main(%x: float32[4, 4]) -> (%y: float32[2, 3]) {
  %one = constant int64[1] [1]
  %three = constant int64[1] [3]
  %big = constant int64[1] [9]
  %zero = constant int64[1] [0]
  %last = constant int64[1] [-1]
  %a = Slice(%x, %one, %three, %zero)
  %y = Slice(%a, %one, %big, %last)
  return %y
}`,
      after: `graph @main(%x: float32[4, 4]) -> (%y: float32[2, 3]) {
  %y_starts = constant int64[2] [1, 1]
  %y_ends = constant int64[2] [3, 9]
  %y_axes = constant int64[2] [0, 1]
  %y_steps = constant int64[2] [1, 1]
  %y = Slice(%x, %y_starts, %y_ends, %y_axes, %y_steps)
  return %y
}`,
    },
    {
      title: "Axis 3 and axis -1 of four are the same",
      fails: "different axes",
      before: `graph @main(%x: float32[1, 2, 3, 8]) -> (%y: float32[1, 2, 3, 2]) {
  %one = constant int64[1] [1]
  %five = constant int64[1] [5]
  %three = constant int64[1] [3]
  %last = constant int64[1] [-1]
  %a = Slice(%x, %one, %five, %three)
  %y = Slice(%a, %one, %three, %last)
  return %y
}`,
      after: `graph @main(%x: float32[1, 2, 3, 8]) -> (%y: float32[1, 2, 3, 2]) {
  %one = constant int64[1] [1]
  %five = constant int64[1] [5]
  %three = constant int64[1] [3]
  %last = constant int64[1] [-1]
  %a = Slice(%x, %one, %five, %three)
  %y = Slice(%a, %one, %three, %last)
  return %y
}`,
    },
  ],
});
