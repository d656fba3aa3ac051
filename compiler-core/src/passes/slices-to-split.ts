import { int } from "../ir/attribute.ts";
import { ConstantValue } from "../ir/constant.ts";
import type { OperatorNode } from "../ir/graph.ts";
import { int64Vector } from "../ir/tensor.ts";
import { defineRewrite, type MatchContext } from "./definition.ts";
import { mergedNotes } from "./support/replacement.ts";
import { rangesOf } from "./support/slice-ranges.ts";

/** A Slice that cuts one axis of known size, and its bounds clamped to that size. */
interface Part {
  readonly node: OperatorNode;
  readonly axis: number;
  readonly start: number;
  readonly end: number;
}

/** `node` as a part; or what is in the way, "other" where it is no Slice along one axis with step 1. */
function partOf(node: OperatorNode, context: MatchContext): Part | "computed" | "other" | "open" {
  const ranges = rangesOf(node, context);
  if (!ranges) return "computed";
  const [range] = ranges;
  if (ranges.length !== 1 || !range || range.step !== 1) return "other";
  const size = context.shape(node.inputs[0])?.[range.axis];
  if (typeof size !== "number") return "open";
  const clamp = (at: number): number => Math.min(size, Math.max(0, at < 0 ? at + size : at));
  return { node, axis: range.axis, start: clamp(range.start), end: clamp(range.end) };
}

export const slicesToSplit = defineRewrite({
  name: "slices-to-split",
  title: "Slices to Split",
  summary: "Writes Slices that cut a value into consecutive parts as one Split.",
  why: "Exporters write halves, chunks and rotated halves as one Slice each; as one Split the value is read once and the parts are known to belong together.",
  exactness: "exact",
  roots: ["Slice"],
  preconditions: [
    { name: "constant ranges", doc: "Starts, ends, axes and steps are constants, and the rank is known." },
    { name: "one axis", doc: "The Slice cuts one axis with step 1." },
    { name: "known size", doc: "The size of that axis is a number." },
    { name: "parts add up", doc: "Other Slices of the same value along the same axis, in the same graph, cut what this one leaves: the parts follow one another without gap or overlap from the first element to the last, and none is empty." },
    { name: "first part", doc: "The Slice is the first of them in the graph." },
  ],
  match(root, context) {
    const data = root.inputs[0];
    if (!data) return undefined;
    const siblings = context.graph.usesOfValue(data).flatMap((use) => {
      const user = use.kind === "input" && use.index === 0 ? context.find(use.user) : undefined;
      return user && user.region === root.region && user.domain === "" && user.op === "Slice" ? [user] : [];
    });
    if (siblings.length < 2) return undefined;
    const own = partOf(root, context);
    if (!context.require("constant ranges", own !== "computed" ? true : "unknown", own !== "computed" ? "they are" : "a range is computed, or the rank is unknown")) return undefined;
    if (!context.require("one axis", own !== "other", own !== "other" ? "one axis, step 1" : "several axes, or a step")) return undefined;
    if (!context.require("known size", typeof own === "object" ? true : "unknown", () => `${context.type(data).text}`) || typeof own !== "object") return undefined;
    const size = context.shape(data)![own.axis] as number;
    const parts = siblings.map((node) => partOf(node, context)).filter((part): part is Part => typeof part === "object" && part.axis === own.axis && part.end > part.start && part.end - part.start < size);
    parts.sort((a, b) => a.start - b.start || a.end - b.end);
    const tiles = parts.length > 1 && parts.every((part, i) => part.start === (i === 0 ? 0 : parts[i - 1]!.end)) && parts.at(-1)!.end === size && parts.some((part) => part.node.id === root.id);
    if (!context.require("parts add up", tiles, () => `${parts.map((part) => `[${part.start}, ${part.end})`).join(" and ")} of ${size}`)) return undefined;
    const first = parts.reduce((a, b) => (b.node.order < a.node.order || (b.node.order === a.node.order && b.node.id < a.node.id) ? b : a));
    if (!context.require("first part", first.node.id === root.id, () => (first.node.id === root.id ? "it is" : `${context.describe({ node: first.node.id, output: 0 })} comes first`))) return undefined;
    return { nodes: [root.id, ...parts.filter((part) => part.node.id !== root.id).map((part) => part.node.id)], bindings: { parts, axis: own.axis } };
  },
  rewrite(match, rewriter, context) {
    const root = context.find(match.root)!;
    const { parts, axis } = match.bindings as { parts: readonly Part[]; axis: number };
    const at = { region: root.region, order: root.order };
    const sizes = rewriter.addConstant({ value: ConstantValue.of(int64Vector(parts.map((part) => part.end - part.start))), name: context.freshName(`${root.outputs[0]!.name}_sizes`), ...at });
    rewriter.derive("fold", [...new Set(parts.flatMap(({ node }) => node.inputs.slice(1).flatMap((ref) => (ref ? [ref.node] : []))))], [sizes.node]);
    const split = rewriter.addNode({
      op: "Split",
      inputs: [root.inputs[0]!, sizes],
      attributes: { axis: int(axis) },
      outputs: parts.map(({ node }) => node.outputs[0]!),
      name: root.name,
      ...at,
      ...mergedNotes(root, ...parts.map(({ node }) => node)),
    });
    rewriter.derive("fuse", match.nodes, [split]);
    for (const [output, { node }] of parts.entries()) rewriter.replaceUses({ node: node.id, output: 0 }, { node: split, output });
    rewriter.removeDead(parts.map(({ node }) => node.id));
  },
  examples: [
    {
      title: "Two halves, the second to the end",
      before: `graph @main(%x: float32[N, 6]) -> (%y: float32[N, 6]) {
  %zero = constant int64[1] [0]
  %half = constant int64[1] [3]
  %end = constant int64[1] [9223372036854775807]
  %last = constant int64[1] [-1]
  %b = Slice(%x, %half, %end, %last)
  %a = Slice(%x, %zero, %half, %last)
  %n = Neg(%b)
  %y = Concat(%n, %a) {axis = -1}
  return %y
}`,
      after: `graph @main(%x: float32[N, 6]) -> (%y: float32[N, 6]) {
  %b_sizes = constant int64[2] [3, 3]
  %a, %b = Split(%x, %b_sizes) {axis = 1}
  %n = Neg(%b)
  %y = Concat(%n, %a) {axis = -1}
  return %y
}`,
    },
    {
      title: "Parts that overlap",
      fails: "parts add up",
      before: `graph @main(%x: float32[N, 6]) -> (%a: float32[N, 4], %b: float32[N, 3]) {
  %zero = constant int64[1] [0]
  %three = constant int64[1] [3]
  %four = constant int64[1] [4]
  %end = constant int64[1] [6]
  %one = constant int64[1] [1]
  %a = Slice(%x, %zero, %four, %one)
  %b = Slice(%x, %three, %end, %one)
  return %a, %b
}`,
      after: `graph @main(%x: float32[N, 6]) -> (%a: float32[N, 4], %b: float32[N, 3]) {
  %zero = constant int64[1] [0]
  %three = constant int64[1] [3]
  %four = constant int64[1] [4]
  %end = constant int64[1] [6]
  %one = constant int64[1] [1]
  %a = Slice(%x, %zero, %four, %one)
  %b = Slice(%x, %three, %end, %one)
  return %a, %b
}`,
    },
    {
      title: "Even and odd columns",
      fails: "one axis",
      before: `graph @main(%x: float32[N, 6]) -> (%a: float32[N, 3], %b: float32[N, 3]) {
  %zero = constant int64[1] [0]
  %end = constant int64[1] [6]
  %one = constant int64[1] [1]
  %two = constant int64[1] [2]
  %a = Slice(%x, %zero, %end, %one, %two)
  %b = Slice(%x, %one, %end, %one, %two)
  return %a, %b
}`,
      after: `graph @main(%x: float32[N, 6]) -> (%a: float32[N, 3], %b: float32[N, 3]) {
  %zero = constant int64[1] [0]
  %end = constant int64[1] [6]
  %one = constant int64[1] [1]
  %two = constant int64[1] [2]
  %a = Slice(%x, %zero, %end, %one, %two)
  %b = Slice(%x, %one, %end, %one, %two)
  return %a, %b
}`,
    },
    {
      title: "A symbolic size may be smaller than the bound",
      fails: "known size",
      before: `graph @main(%x: float32[N, 6]) -> (%a: float32[?, 6], %b: float32[?, 6]) {
  %zero = constant int64[1] [0]
  %three = constant int64[1] [3]
  %end = constant int64[1] [9223372036854775807]
  %a = Slice(%x, %zero, %three, %zero)
  %b = Slice(%x, %three, %end, %zero)
  return %a, %b
}`,
      after: `graph @main(%x: float32[N, 6]) -> (%a: float32[?, 6], %b: float32[?, 6]) {
  %zero = constant int64[1] [0]
  %three = constant int64[1] [3]
  %end = constant int64[1] [9223372036854775807]
  %a = Slice(%x, %zero, %three, %zero)
  %b = Slice(%x, %three, %end, %zero)
  return %a, %b
}`,
    },
  ],
});
