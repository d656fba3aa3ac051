import { ConstantValue } from "../ir/constant.ts";
import { dimsEqual } from "../ir/dim.ts";
import type { OperatorNode, ValueRef } from "../ir/graph.ts";
import { int64Vector, toIntegers } from "../ir/tensor.ts";
import { defineRewrite, type MatchContext } from "./definition.ts";
import { shapeText } from "./support/channel-affine.ts";
import { mergedNotes, replaceRoot } from "./support/replacement.ts";

const reshaping = ["Reshape", "Flatten", "Squeeze", "Unsqueeze"] as const;

interface Target {
  /** undefined when the target of the last Reshape serves as it is */
  readonly sizes?: readonly number[];
  readonly problem?: string;
  readonly unknown?: boolean;
}

/** The target of a Reshape with its copies of dimensions worked out, for a source of another shape. */
function reshapeTarget(root: OperatorNode, source: ValueRef, context: MatchContext): Target {
  const tensor = context.tensor(root.inputs[1]);
  if (!tensor) return { problem: "the shape is computed", unknown: true };
  const sizes = toIntegers(tensor);
  if (!sizes.includes(0) || context.attributes(root).int("allowzero", 0) !== 0) return {};
  const [before, between] = [context.shape(source), context.shape(root.inputs[0])];
  let asItIs = true;
  const worked = sizes.map((size, axis) => {
    const copied = between?.[axis];
    if (size !== 0 || (copied !== undefined && before?.[axis] !== undefined && dimsEqual(copied, before[axis]))) return size;
    asItIs = false;
    return typeof copied === "number" && copied > 0 ? copied : undefined;
  });
  const open = worked.findIndex((size) => size === undefined);
  if (open >= 0) return { problem: `0 copies dimension ${open} of ${context.type(root.inputs[0]).text}, and the source is ${context.type(source).text}`, unknown: between === undefined };
  return asItIs ? {} : { sizes: worked as number[] };
}

/** The shape that a Flatten, Squeeze or Unsqueeze gives, as a target: at most one size may be left open. */
function knownTarget(root: OperatorNode, context: MatchContext): Target {
  const shape = context.shape({ node: root.id, output: 0 });
  if (!shape) return { problem: "the rank of the result is unknown", unknown: true };
  const open = shape.filter((d) => typeof d !== "number").length;
  if (open > 1) return { problem: `the result is ${shapeText(shape.map((d) => d ?? "?"))}, and one size at most may be left open`, unknown: true };
  if (shape.includes(0)) return { problem: "a size is 0, which a target would copy" };
  return { sizes: shape.map((d) => (typeof d === "number" ? d : -1)) };
}

export const reshapeOfReshape = defineRewrite({
  name: "reshape-of-reshape",
  title: "Reshape of Reshape",
  summary: "Gives the value before a Reshape, Flatten, Squeeze or Unsqueeze the last shape at once, where another of them follows.",
  why: "The shape between does not matter; without it other rewrites see the value itself.",
  exactness: "exact",
  roots: reshaping,
  preconditions: [
    {
      name: "target says all",
      doc: "The last shape does not hang on the one between. A Reshape's is a constant whose zeros, which copy dimensions of the shape between, copy known ones or ones that the source has at the same place (with allowzero 0 is a size of its own); after a Flatten, Squeeze or Unsqueeze all sizes but one are known and none is 0.",
    },
  ],
  match(root, context) {
    const inner = context.producer(root.inputs[0], ...reshaping);
    const source = inner?.inputs[0];
    if (!inner || !source) return undefined;
    // Chains of one of these, or of the two that undo each other, have rewrites of their own, which need no sizes.
    if (root.op !== "Reshape" && inner.op !== "Reshape" && inner.op !== "Flatten") return undefined;
    const { sizes, problem, unknown } = root.op === "Reshape" ? reshapeTarget(root, source, context) : knownTarget(root, context);
    if (!context.require("target says all", problem === undefined ? true : unknown ? "unknown" : "failed", () => problem ?? (sizes ? `the shape is ${shapeText(sizes)}` : `the shape is ${shapeText(toIntegers(context.tensor(root.inputs[1])!))}`))) return undefined;
    return { nodes: [root.id, inner.id], bindings: { sizes } };
  },
  rewrite(match, rewriter, context) {
    const root = context.find(match.root)!;
    const inner = context.find(match.nodes[1]!)!;
    const sizes = match.bindings.sizes as readonly number[] | undefined;
    if (!sizes) {
      rewriter.update(match.root, { inputs: [inner.inputs[0]!, root.inputs[1]!] });
      rewriter.removeDead([inner.id]);
      return;
    }
    const target = rewriter.addConstant({ value: ConstantValue.of(int64Vector(sizes)), name: context.freshName(`${root.outputs[0]!.name}_shape`), region: root.region, order: root.order });
    rewriter.derive("fold", [(root.inputs[1] ?? root.inputs[0]!).node], [target.node]);
    replaceRoot(match, rewriter, { op: "Reshape", inputs: [inner.inputs[0]!, target], name: root.name, order: root.order, ...mergedNotes(root, inner) });
  },
  examples: [
    {
      title: "By way of a flat shape",
      before: `graph @main(%x: float32[N, 6]) -> (%y: float32[M, 3]) {
  %flat = constant int64[1] [-1]
  %s = constant int64[2] [-1, 3]
  %a = Reshape(%x, %flat)
  %y = Reshape(%a, %s)
  return %y
}`,
      after: `graph @main(%x: float32[N, 6]) -> (%y: float32[M, 3]) {
  %s = constant int64[2] [-1, 3]
  %y = Reshape(%x, %s)
  return %y
}`,
    },
    {
      title: "0 copies a known dimension of the shape between",
      before: `graph @main(%x: float32[2, 6]) -> (%y: float32[3, 4]) {
  %t = constant int64[2] [3, -1]
  %s = constant int64[2] [0, 4]
  %a = Reshape(%x, %t)
  %y = Reshape(%a, %s)
  return %y
}`,
      after: `graph @main(%x: float32[2, 6]) -> (%y: float32[3, 4]) {
  %y_shape = constant int64[2] [3, 4]
  %y = Reshape(%x, %y_shape)
  return %y
}`,
    },
    {
      title: "0 copies a dimension that the source has too",
      before: `graph @main(%x: float32[N, 6]) -> (%y: float32[N, 2, 3]) {
  %t = constant int64[3] [0, 3, 2]
  %s = constant int64[3] [0, 2, 3]
  %a = Reshape(%x, %t)
  %y = Reshape(%a, %s)
  return %y
}`,
      after: `graph @main(%x: float32[N, 6]) -> (%y: float32[N, 2, 3]) {
  %s = constant int64[3] [0, 2, 3]
  %y = Reshape(%x, %s)
  return %y
}`,
    },
    {
      title: "Flattened after a Reshape",
      before: `graph @main(%x: float32[N, 6]) -> (%y: float32[N, 6]) {
  %t = constant int64[3] [-1, 3, 2]
  %a = Reshape(%x, %t)
  %y = Flatten(%a)
  return %y
}`,
      after: `graph @main(%x: float32[N, 6]) -> (%y: float32[N, 6]) {
  %y_shape = constant int64[2] [-1, 6]
  %y = Reshape(%x, %y_shape)
  return %y
}`,
    },
    {
      title: "0 copies a dimension of the shape between that is not known",
      fails: "target says all",
      before: `graph @main(%x: float32[N, 6]) -> (%y: float32[M, 2, 2]) {
  %t = constant int64[2] [-1, 4]
  %s = constant int64[3] [0, 2, 2]
  %a = Reshape(%x, %t)
  %y = Reshape(%a, %s)
  return %y
}`,
      after: `graph @main(%x: float32[N, 6]) -> (%y: float32[M, 2, 2]) {
  %t = constant int64[2] [-1, 4]
  %s = constant int64[3] [0, 2, 2]
  %a = Reshape(%x, %t)
  %y = Reshape(%a, %s)
  return %y
}`,
    },
  ],
});
