import { ConstantValue } from "../ir/constant.ts";
import { dimsEqual } from "../ir/dim.ts";
import type { ValueRef } from "../ir/graph.ts";
import { int64Vector } from "../ir/tensor.ts";
import { defineRewrite, type MatchContext } from "./definition.ts";
import { sameSize, sizeElements } from "./support/size-values.ts";

/** One element of the target: a number, the size of the data's axis at the same place, or another size. */
type Place = number | "copied" | "open";

/** From how the target is put together. */
function tracedPlaces(data: ValueRef, target: ValueRef, context: MatchContext): Place[] | undefined {
  const rank = context.shape(data)?.length ?? 0;
  return sizeElements(target, context)?.map((element, i) => {
    if ("number" in element) return element.number;
    return i < rank && sameSize(element, { of: data, axis: i }, context) ? "copied" : "open";
  });
}

/** From what shape inference knows of its elements. */
function inferredPlaces(data: ValueRef, target: ValueRef, context: MatchContext): Place[] | undefined {
  const shape = context.shape(data) ?? [];
  return context.graph.find(target.node)?.outputs[target.output]?.known?.map((dim, i) => (typeof dim === "number" ? dim : i < shape.length && dimsEqual(dim, shape[i]!) ? "copied" : "open"));
}

/** The target as a constant: numbers, 0 for a size copied from the data, -1 for one that follows from the others. */
function constantTarget(data: ValueRef, target: ValueRef, context: MatchContext): number[] | string {
  let problem = `${context.describe(target)} is not put together from sizes and numbers`;
  for (const places of [tracedPlaces(data, target, context), inferredPlaces(data, target, context)]) {
    if (!places) continue;
    const numbers = places.filter((place) => typeof place === "number");
    // One size among positive numbers follows from the number of elements, also when that is 0.
    if (places.length - numbers.length === 1 && numbers.every((n) => n > 0)) return places.map((place) => (typeof place === "number" ? place : -1));
    const open = places.indexOf("open");
    if (open < 0) return places.map((place) => (typeof place === "number" ? place : 0));
    problem = `element ${open} is a size that is not proven to be that of the data's axis ${open}`;
  }
  return problem;
}

export const reshapeTargetFolding = defineRewrite({
  name: "reshape-target-folding",
  title: "Reshape target folding",
  summary: "Writes the target of a Reshape that is put together at run time from sizes of the data as a constant with 0 (copied) and -1 (follows).",
  why: "A handful of Shape, Gather, Unsqueeze and Concat before each Reshape goes away, and the sizes stay dynamic.",
  exactness: "exact",
  roots: ["Reshape"],
  preconditions: [
    { name: "computed target", doc: "The target is not a constant, and allowzero is 0." },
    { name: "sizes of the data", doc: "Each element is a number, or the size of an axis that is proven to be as long as the data's axis at the same place; or all but one are positive numbers." },
  ],
  match(root, context) {
    const [data, target] = root.inputs;
    if (!data || !target || context.constant(target)) return undefined;
    if (!context.require("computed target", context.attributes(root).int("allowzero", 0) === 0, "allowzero is 1: 0 would be a size of its own")) return undefined;
    const found = constantTarget(data, target, context);
    return context.require("sizes of the data", typeof found === "string" ? "unknown" : true, () => (typeof found === "string" ? found : `[${found.join(", ")}]`)) ? { nodes: [root.id, target.node], bindings: { target: found } } : undefined;
  },
  rewrite(match, rewriter, context) {
    const root = context.find(match.root)!;
    const old = root.inputs[1]!;
    const target = rewriter.addConstant({
      value: ConstantValue.of(int64Vector(match.bindings.target as number[])),
      name: context.freshName(`${context.graph.valueName(old) || root.outputs[0]!.name}_target`),
      region: root.region,
      order: root.order,
    });
    rewriter.derive("fold", [old.node], [target.node]);
    rewriter.update(root.id, { inputs: [root.inputs[0]!, target] });
    rewriter.removeDead([old.node]);
  },
  examples: [
    {
      title: "Heads split off behind a projection",
      before: `graph @main(%x: float32[N, S, 8]) -> (%y: float32[N, S, 2, 4]) {
  %w = constant float32[8, 8] random(1)
  %zero = constant int64[1] [0]
  %one = constant int64[1] [1]
  %heads = constant int64[2] [2, 4]
  %p = MatMul(%x, %w)
  %s = Shape(%x)
  %n = Gather(%s, %zero)
  %t = Gather(%s, %one)
  %target = Concat(%n, %t, %heads) {axis = 0}
  %y = Reshape(%p, %target)
  return %y
}`,
      after: `graph @main(%x: float32[N, S, 8]) -> (%y: float32[N, S, 2, 4]) {
  %w = constant float32[8, 8] random(1)
  %p = MatMul(%x, %w)
  %target_target = constant int64[4] [0, 0, 2, 4]
  %y = Reshape(%p, %target_target)
  return %y
}`,
    },
    {
      title: "One open size follows from the others",
      before: `graph @main(%x: float32[N, 3, 4]) -> (%y: float32[N, 12]) {
  %twelve = constant int64[1] [12]
  %n = Shape(%x) {start = 0, end = 1}
  %target = Concat(%n, %twelve) {axis = 0}
  %y = Reshape(%x, %target)
  return %y
}`,
      after: `graph @main(%x: float32[N, 3, 4]) -> (%y: float32[N, 12]) {
  %target_target = constant int64[2] [-1, 12]
  %y = Reshape(%x, %target_target)
  return %y
}`,
    },
    {
      title: "The sizes of another value",
      fails: "sizes of the data",
      before: `graph @main(%x: float32[?, ?], %z: float32[?, ?]) -> (%y: float32[?, ?]) {
  %s = Shape(%z)
  %y = Reshape(%x, %s)
  return %y
}`,
      after: `graph @main(%x: float32[?, ?], %z: float32[?, ?]) -> (%y: float32[?, ?]) {
  %s = Shape(%z)
  %y = Reshape(%x, %s)
  return %y
}`,
    },
  ],
});
