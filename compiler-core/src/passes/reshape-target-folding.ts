import { ConstantValue } from "../ir/constant.ts";
import type { ValueRef } from "../ir/graph.ts";
import { int64Vector } from "../ir/tensor.ts";
import { defineRewrite, type MatchContext } from "./definition.ts";
import { sameSize, sizeElements } from "./support/size-values.ts";

/** The target as a constant: numbers, 0 for a size copied from the data, -1 for one that follows from the others. */
function constantTarget(data: ValueRef, target: ValueRef, context: MatchContext): { target?: number[]; problem?: string } {
  const elements = sizeElements(target, context);
  if (!elements) return { problem: `${context.describe(target)} is not put together from sizes and numbers` };
  const rank = context.shape(data)?.length ?? 0;
  const open = elements.filter((element) => !("number" in element));
  const numbers = elements.flatMap((element) => ("number" in element ? [element.number] : []));
  // One open size among positive numbers follows from the number of elements, also when that is 0.
  if (open.length === 1 && numbers.every((n) => n > 0)) return { target: elements.map((element) => ("number" in element ? element.number : -1)) };
  const result: number[] = [];
  for (const [i, element] of elements.entries()) {
    if ("number" in element) result.push(element.number);
    else if (i < rank && sameSize(element, { of: data, axis: i }, context)) result.push(0);
    else return { problem: `element ${i} is the size of axis ${element.axis} of ${context.describe(element.of)}, which is not proven to be that of axis ${i} of the data` };
  }
  return { target: result };
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
    return context.require("sizes of the data", found.target ? true : "unknown", () => found.problem ?? `[${found.target!.join(", ")}]`) ? { nodes: [root.id, target.node], bindings: { target: found.target } } : undefined;
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
