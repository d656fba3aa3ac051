import { int } from "../ir/attribute.ts";
import { printDim } from "../ir/dim.ts";
import type { ValueRef } from "../ir/graph.ts";
import { shapesEqual } from "../ir/value-type.ts";
import { defineRewrite } from "./definition.ts";
import { mergedNotes, requireReplaceable, requireUsedOnce } from "./support/replacement.ts";

export const softmaxOfFlatten = defineRewrite({
  name: "softmax-of-flatten",
  title: "Softmax of Flatten",
  summary: "Runs a Softmax or LogSoftmax, made on a flattened value that is shaped back afterwards, on the value itself.",
  why: "Before operator set 13 Softmax flattened its input by definition; what is left of that are two operators that do nothing where only one axis is longer than 1.",
  exactness: "exact",
  roots: ["Reshape"],
  preconditions: [
    { name: "flattened before", doc: "The data comes straight from a Softmax or LogSoftmax over the last axis of a matrix, which comes from a Flatten or Reshape." },
    { name: "used once", doc: "The values between are used once, in the same graph, and are no outputs of the graph." },
    { name: "shaped back", doc: "The result is proven to have the shape of the value that was flattened." },
    { name: "one long axis", doc: "The columns of the matrix are one axis of that value: the axes behind the split that are flattened with it have size 1." },
    { name: "replaceable", doc: "The value is not an output of a graph under two names." },
  ],
  match(root, context) {
    const softmax = context.producer(root.inputs[0], "Softmax", "LogSoftmax");
    if (!softmax) return undefined;
    const flat = context.producer(softmax.inputs[0], "Flatten", "Reshape");
    const matrix = context.shape(softmax.inputs[0]);
    const axis = context.attributes(softmax).int("axis", -1);
    const overLast = matrix?.length === 2 && (axis === -1 || axis === 1);
    if (!context.require("flattened before", flat !== undefined && overLast, () => (flat ? `axis ${axis} of ${context.type(softmax.inputs[0]).text}` : "no Flatten or Reshape before it")) || !flat || !matrix) return undefined;
    let holds = requireUsedOnce(context, "used once", root.inputs[0]!, root);
    if (context.onlyUser(softmax.inputs[0]!) !== softmax) holds = context.require("used once", false, "the flattened value is used elsewhere") && holds;
    const source = flat.inputs[0] as ValueRef;
    const shape = context.shape(source);
    const after = context.shape({ node: root.id, output: 0 });
    const back = shapesEqual(shape ?? null, after ?? null);
    if (!context.require("shaped back", back ? true : shape && after && ![...shape, ...after].includes(null) ? "failed" : "unknown", () => `${context.type(source).text} and ${context.type({ node: root.id, output: 0 }).text}`) || !shape) return undefined;
    // The matrix is [everything before the split, everything after it]: the long axis is the last that is not 1.
    const long = shape.findLastIndex((d) => d !== 1);
    const columns = matrix[1];
    const alone = long >= 0 && columns !== undefined && columns !== null && shape[long] === columns;
    holds = context.require("one long axis", alone, () => `[${shape.map(printDim).join(", ")}] flattened to [${matrix.map(printDim).join(", ")}]`) && holds;
    holds = requireReplaceable(context, "replaceable", { node: root.id, output: 0 }, { node: softmax.id, output: 0 }) && holds;
    return holds ? { nodes: [root.id, softmax.id, flat.id], bindings: { source, axis: long } } : undefined;
  },
  rewrite(match, rewriter, context) {
    const [root, softmax] = match.nodes.map((id) => context.find(id)!) as [NonNullable<ReturnType<typeof context.find>>, NonNullable<ReturnType<typeof context.find>>];
    const { source, axis } = match.bindings as { source: ValueRef; axis: number };
    const { name, type } = root.outputs[0]!;
    const id = rewriter.addNode({ op: softmax.op, inputs: [source], attributes: { ...softmax.attributes, axis: int(axis) }, outputs: [{ name, type }], name: softmax.name, region: root.region, order: softmax.order, ...mergedNotes(softmax, root) });
    rewriter.derive("fuse", match.nodes, [id]);
    rewriter.replaceUses({ node: root.id, output: 0 }, { node: id, output: 0 });
    rewriter.removeDead([root.id]);
  },
  examples: [
    {
      title: "Behind a global pool the axes after the channels have size 1",
      before: `graph @main(%x: float32[N, 5, 1, 1]) -> (%y: float32[N, 5, 1, 1]) {
  %s = constant int64[4] [0, 5, 1, 1]
  %f = Flatten(%x)
  %p = Softmax(%f) "prob"
  %y = Reshape(%p, %s)
  return %y
}`,
      after: `graph @main(%x: float32[N, 5, 1, 1]) -> (%y: float32[N, 5, 1, 1]) {
  %y = Softmax(%x) {axis = 1} "prob"
  return %y
}`,
    },
    {
      title: "Two axes are flattened into one",
      fails: "one long axis",
      before: `graph @main(%x: float32[2, 5, 3, 1]) -> (%y: float32[2, 5, 3, 1]) {
  %s = constant int64[4] [2, 5, 3, 1]
  %f = Flatten(%x)
  %p = Softmax(%f)
  %y = Reshape(%p, %s)
  return %y
}`,
      after: `graph @main(%x: float32[2, 5, 3, 1]) -> (%y: float32[2, 5, 3, 1]) {
  %s = constant int64[4] [2, 5, 3, 1]
  %f = Flatten(%x)
  %p = Softmax(%f)
  %y = Reshape(%p, %s)
  return %y
}`,
    },
  ],
});
