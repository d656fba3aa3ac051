import { elementKind } from "../ir/element-type.ts";
import type { ValueRef } from "../ir/graph.ts";
import { toNumbers } from "../ir/tensor.ts";
import { shapesEqual } from "../ir/value-type.ts";
import { defineRewrite } from "./definition.ts";
import { splatOf } from "./support/constant-numbers.ts";
import { requireReplaceable, takeOver } from "./support/replacement.ts";

/** The neutral element by operator, and the operands that may hold it. */
const neutralOf: Readonly<Record<string, { value: number; places: readonly number[] }>> = {
  Add: { value: 0, places: [0, 1] },
  Sub: { value: 0, places: [1] },
  Mul: { value: 1, places: [0, 1] },
  Div: { value: 1, places: [1] },
  Pow: { value: 1, places: [1] },
};

export const noOpArithmetic = defineRewrite({
  name: "no-op-arithmetic",
  title: "No-op arithmetic",
  summary: "Removes x + 0, x - 0, x * 1, x / 1 and x ^ 1.",
  why: "They copy a tensor and hide patterns from other rewrites.",
  exactness: "exact",
  roots: Object.keys(neutralOf),
  preconditions: [
    { name: "neutral constant", doc: "One operand is a constant whose every element is 0 (Add, Sub) or 1 (Mul, Div, Pow)." },
    { name: "same type", doc: "The result has the element type and, proven, the shape of the other operand: the constant does not widen it." },
    { name: "sign of zero", doc: "-0 + 0 is +0, so adding +0 (or subtracting -0) changes -0. It is allowed unless the run is strict." },
    { name: "replaceable", doc: "The value is not both an input and an output of a graph, nor an output under two names." },
  ],
  match(root, context, options) {
    const { value, places } = neutralOf[root.op]!;
    const place = places.find((i) => context.constant(root.inputs[i]) && !context.constant(root.inputs[1 - i]));
    if (place === undefined) return undefined;
    const constantRef = root.inputs[place]!;
    const source = root.inputs[1 - place] as ValueRef;
    const constant = context.constant(constantRef)!;
    const { element } = constant.type;
    if (!element || elementKind(element) === "string" || elementKind(element) === "complex") return undefined;
    const neutral = splatOf(constant) === value;
    if (!context.require("neutral constant", neutral, () => (neutral ? `every element is ${value}` : `${context.describe(constantRef)} has an element ${toNumbers(constant.tensor()).find((v) => v !== value)}`))) return undefined;
    const numbers = value === 0 ? toNumbers(constant.tensor()) : [];
    const result = { node: root.id, output: 0 };
    const sourceType = context.type(source);
    const resultType = context.type(result);
    const rank = context.shape(source)?.length;
    const ones = constant.dims.every((d) => d === 1) && (constant.dims.length === 0 || (rank !== undefined && constant.dims.length <= rank));
    const sameShape = ones || (sourceType.kind === "tensor" && resultType.kind === "tensor" && shapesEqual(sourceType.shape, resultType.shape));
    const sameElement = sourceType.kind === "tensor" && (root.op !== "Pow" ? true : resultType.kind === "tensor" && sourceType.element === resultType.element);
    const unknown = rank === undefined || (context.shape(result) ?? []).some((d) => d === null);
    let holds = context.require("same type", sameShape && sameElement ? true : unknown ? "unknown" : "failed", () => `${sourceType.text} and ${resultType.text}`);
    const flips = elementKind(element) === "float" && ((root.op === "Add" && Array.from(numbers).some((v) => Object.is(v, 0))) || (root.op === "Sub" && Array.from(numbers).some((v) => Object.is(v, -0))));
    holds = context.require("sign of zero", !flips || !options.strict, flips ? "-0 becomes +0" : "zeros keep their sign", { enable: "Run without the strict option." }) && holds;
    holds = requireReplaceable(context, "replaceable", result, source) && holds;
    return holds ? { nodes: [root.id], bindings: { source } } : undefined;
  },
  rewrite(match, rewriter) {
    takeOver(rewriter, { node: match.root, output: 0 }, match.bindings.source as ValueRef);
    rewriter.removeDead([match.root]);
  },
  examples: [
    {
      title: "A product with one",
      before: `graph @main(%x: float32[N, 4]) -> (%y: float32[N, 4]) {
  %one = constant float32[4] splat(1)
  %a = Relu(%x)
  %b = Mul(%one, %a)
  %y = Neg(%b)
  return %y
}`,
      after: `graph @main(%x: float32[N, 4]) -> (%y: float32[N, 4]) {
  %a = Relu(%x)
  %y = Neg(%a)
  return %y
}`,
    },
    {
      title: "The constant widens the value",
      fails: "same type",
      before: `graph @main(%x: float32[1, 4]) -> (%y: float32[3, 4]) {
  %zero = constant float32[3, 1] splat(0)
  %a = Relu(%x)
  %b = Add(%a, %zero)
  %y = Neg(%b)
  return %y
}`,
      after: `graph @main(%x: float32[1, 4]) -> (%y: float32[3, 4]) {
  %zero = constant float32[3, 1] splat(0)
  %a = Relu(%x)
  %b = Add(%a, %zero)
  %y = Neg(%b)
  return %y
}`,
    },
    {
      title: "Even one number more than the rank widens",
      fails: "same type",
      before: `graph @main(%x: float32[4]) -> (%y: float32[1, 4]) {
  %one = constant float32[1, 1] [1]
  %a = Relu(%x)
  %b = Div(%a, %one)
  %y = Neg(%b)
  return %y
}`,
      after: `graph @main(%x: float32[4]) -> (%y: float32[1, 4]) {
  %one = constant float32[1, 1] [1]
  %a = Relu(%x)
  %b = Div(%a, %one)
  %y = Neg(%b)
  return %y
}`,
    },
    {
      title: "Strict: adding +0 turns -0 into +0",
      fails: "sign of zero",
      options: { strict: true },
      before: `graph @main(%x: float32[4]) -> (%y: float32[4]) {
  %zero = constant float32[] [0]
  %a = Floor(%x)
  %b = Add(%a, %zero)
  %y = Neg(%b)
  return %y
}`,
      after: `graph @main(%x: float32[4]) -> (%y: float32[4]) {
  %zero = constant float32[] [0]
  %a = Floor(%x)
  %b = Add(%a, %zero)
  %y = Neg(%b)
  return %y
}`,
    },
  ],
});
