import { ConstantValue } from "../ir/constant.ts";
import type { ValueRef } from "../ir/graph.ts";
import { int64Vector } from "../ir/tensor.ts";
import { defineRewrite } from "./definition.ts";
import { mergedNotes, replaceRoot, requireUsedOnce } from "./support/replacement.ts";
import { type Range, rangesOf } from "./support/slice-ranges.ts";

const most = Number.MAX_SAFE_INTEGER;

/** Counted from the front and within the size; as it is where it can be said without the size. */
function fromFront({ axis, start, end, step }: Range, size: number | undefined): Range | undefined {
  if (step <= 0) return undefined;
  if (size === undefined) return start >= 0 && end >= 0 ? { axis, start, end, step } : undefined;
  const bound = (at: number): number => Math.min(size, Math.max(0, at < 0 ? at + size : at));
  return { axis, start: bound(start), end: bound(end), step };
}

/** One range for each axis that does what the first and then the second do, or why there is none. */
function cutTwice(first: readonly Range[], second: readonly Range[], sizeOf: (axis: number) => number | undefined): Range[] | string {
  const ranges = new Map(first.map((range) => [range.axis, range]));
  for (const range of second) {
    const { axis } = range;
    const before = ranges.get(axis);
    if (!before) {
      ranges.set(axis, range);
      continue;
    }
    const a = fromFront(before, sizeOf(axis));
    const b = a && fromFront(range, sizeOf(axis) === undefined ? undefined : Math.max(0, Math.ceil((a.end - a.start) / a.step)));
    if (!a || !b) return before.step <= 0 || range.step <= 0 ? `axis ${axis} is cut backwards` : `both cut axis ${axis}, whose size is not known, with bounds counted from its end`;
    ranges.set(axis, { axis, start: Math.min(most, a.start + b.start * a.step), end: Math.min(a.end, most, a.start + b.end * a.step), step: a.step * b.step });
  }
  return [...ranges.values()];
}

export const sliceOfSlice = defineRewrite({
  name: "slice-of-slice",
  title: "Slice of Slice",
  summary: "Cuts in one Slice what two that follow one another cut, along different axes or along one.",
  why: "The data is copied once.",
  exactness: "exact",
  roots: ["Slice"],
  preconditions: [
    { name: "used once", doc: "The value between is used once, in the same graph, and is no output of the graph." },
    { name: "constant ranges", doc: "Starts, ends, axes and steps of both are constants, and the rank is known." },
    {
      name: "ranges compose",
      doc: "An axis that both cut, once negative axes are counted from the front, is cut forwards by both, and its bounds are counted from the front or its size is known.",
    },
  ],
  match(root, context) {
    const inner = context.producer(root.inputs[0], "Slice");
    if (!inner) return undefined;
    const holds = requireUsedOnce(context, "used once", root.inputs[0]!, root);
    const first = rangesOf(inner, context);
    const second = rangesOf(root, context);
    if (!context.require("constant ranges", first && second ? true : "unknown", first && second ? "they are" : "a range is computed, or the rank is unknown") || !first || !second) return undefined;
    const sizes = context.shape(inner.inputs[0])!;
    const cut = cutTwice(first, second, (axis) => (typeof sizes[axis] === "number" ? sizes[axis] : undefined));
    if (!context.require("ranges compose", typeof cut !== "string", () => (typeof cut === "string" ? cut : cut.map((r) => `${r.start}:${r.end}:${r.step} on axis ${r.axis}`).join(", "))) || !holds || typeof cut === "string") return undefined;
    return { nodes: [root.id, inner.id], bindings: { ranges: cut } };
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
      before: `graph @main(%x: float32[1, 2, 3, 8]) -> (%y: float32[1, 2, 3, 2]) {
  %one = constant int64[1] [1]
  %six = constant int64[1] [6]
  %three = constant int64[1] [3]
  %two = constant int64[1] [2]
  %last = constant int64[1] [-1]
  %a = Slice(%x, %one, %six, %three)
  %y = Slice(%a, %one, %last, %last, %two)
  return %y
}`,
      after: `graph @main(%x: float32[1, 2, 3, 8]) -> (%y: float32[1, 2, 3, 2]) {
  %y_starts = constant int64[1] [2]
  %y_ends = constant int64[1] [5]
  %y_axes = constant int64[1] [3]
  %y_steps = constant int64[1] [2]
  %y = Slice(%x, %y_starts, %y_ends, %y_axes, %y_steps)
  return %y
}`,
    },
    ...([["Both from the end, of a size that is not known", "-4", "1"], ["Backwards", "1", "-1"]] as const).map(([title, start, step]) => {
      const text = `graph @main(%x: float32[N, 4]) -> (%y: float32[M, 4]) {
  %start = constant int64[1] [${start}]
  %big = constant int64[1] [${step === "1" ? 9 : -99}]
  %zero = constant int64[1] [0]
  %step = constant int64[1] [${step}]
  %a = Slice(%x, %start, %big, %zero, %step)
  %y = Slice(%a, %start, %big, %zero, %step)
  return %y
}`;
      return { title, fails: "ranges compose", before: text, after: text };
    }),
  ],
});
