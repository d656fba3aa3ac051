import { float } from "../ir/attribute.ts";
import type { OperatorNode, ValueRef } from "../ir/graph.ts";
import type { MatchContext } from "./definition.ts";
import { activationPreconditions, clippedFromZero, requireActivation } from "./support/activation-pattern.ts";
import { insidePrecondition, operatorFusion, type Recognized, requireInside } from "./support/operator-fusion.ts";
import { isNear, withScalar } from "./support/scalars.ts";

function recognize(root: OperatorNode, context: MatchContext): Recognized | undefined {
  const outer = withScalar(root, context);
  if (!outer || (root.op === "Div" && outer.place === 0)) return undefined;
  const clip = context.producer(outer.data, "Clip");
  const clipped = clippedFromZero(clip, context);
  if (!clip || !clipped) return undefined;
  const scale = root.op === "Div" ? 1 / outer.value : outer.value;
  const whole = isNear(scale * clipped.high, 1, outer.data, context);
  if (!context.require("clipped to 1", whole, () => `the result ends at ${scale * clipped.high}`)) return undefined;
  const shift = context.producer(clipped.data, "Add");
  const sum = shift && withScalar(shift, context);
  // Only what lies between this product and its sum: a product before that may belong to a convolution.
  if (!context.require("a shift before it", sum !== undefined, () => `${context.describe(clipped.data)} adds no number`) || !shift || !sum) return undefined;
  const x: ValueRef = sum.data;
  let holds = requireActivation(context, x, [outer.ref, sum.ref]);
  const nodes = [root, clip, shift];
  holds = requireInside(context, nodes, root) && holds;
  return holds ? { nodes, op: "HardSigmoid", inputs: [x], attributes: { alpha: float(Math.fround(scale)), beta: float(Math.fround(scale * sum.value)) } } : undefined;
}

export const hardSigmoidFusion = operatorFusion({
  name: "hard-sigmoid-fusion",
  title: "HardSigmoid",
  summary: "Writes clip(x + 3, 0, 6) / 6, and the like with other numbers, as one HardSigmoid.",
  why: "Three passes over the activation become one.",
  roots: ["Mul", "Div"],
  preconditions: [
    { name: "clipped to 1", doc: "The value comes from a Clip from 0 to the reciprocal of the factor." },
    { name: "a shift before it", doc: "The Clip's data is a value plus a number." },
    ...activationPreconditions,
    insidePrecondition,
  ],
  recognize,
  examples: [
    {
      title: "The gate of squeeze and excitation",
      before: `graph @main(%x: float32[N, 8, 1, 1]) -> (%y: float32[N, 8, 1, 1]) {
  %three = constant float32[1] [3]
  %low = constant float32[] [0]
  %six = constant float32[] [6]
  %a = Add(%x, %three)
  %c = Clip(%a, %low, %six)
  %y = Div(%c, %six)
  return %y
}`,
      after: `graph @main(%x: float32[N, 8, 1, 1]) -> (%y: float32[N, 8, 1, 1]) {
  %y = HardSigmoid(%x) {alpha = 0.16666667, beta = 0.5}
  return %y
}`,
    },
    {
      title: "It ends at 2",
      fails: "clipped to 1",
      before: `graph @main(%x: float32[N, 8]) -> (%y: float32[N, 8]) {
  %three = constant float32[1] [3]
  %low = constant float32[] [0]
  %six = constant float32[] [6]
  %a = Add(%x, %three)
  %c = Clip(%a, %low, %six)
  %y = Div(%c, %three)
  return %y
}`,
      after: `graph @main(%x: float32[N, 8]) -> (%y: float32[N, 8]) {
  %three = constant float32[1] [3]
  %low = constant float32[] [0]
  %six = constant float32[] [6]
  %a = Add(%x, %three)
  %c = Clip(%a, %low, %six)
  %y = Div(%c, %three)
  return %y
}`,
    },
  ],
});
