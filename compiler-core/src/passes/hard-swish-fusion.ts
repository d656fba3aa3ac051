import type { OperatorNode } from "../ir/graph.ts";
import type { MatchContext } from "./definition.ts";
import { activationPreconditions, clippedFromZero, lineIn, otherFactor, requireActivation } from "./support/activation-pattern.ts";
import { insidePrecondition, operatorFusion, type Recognized, requireInside } from "./support/operator-fusion.ts";
import { productOf } from "./support/product.ts";
import { isNear } from "./support/scalars.ts";

function recognize(root: OperatorNode, context: MatchContext): Recognized | undefined {
  const product = productOf(root, context);
  for (const gateRef of product.factors) {
    const gate = context.producer(gateRef, "HardSigmoid", "Clip");
    const x = gate && otherFactor(product, gateRef);
    if (!gate || !x) continue;
    const clip = clippedFromZero(gate, context);
    const line = lineIn(clip ? clip.data : gate.inputs[0]!, x, context);
    if (!context.require("x times a clipped line in x", line !== undefined && (clip !== undefined || gate.op === "HardSigmoid"), () => (line ? "the clip does not begin at 0" : "the gate is not a line in the other factor")) || !line) return undefined;
    // scale * min(max(slope x + shift, 0), high), with HardSigmoid's own line put in.
    const attributes = context.attributes(gate);
    const [alpha, beta, high] = clip ? [1, 0, clip.high] : [attributes.float("alpha", 0.2), attributes.float("beta", 0.5), 1];
    const slope = product.scale * alpha * line.scale;
    const shift = product.scale * (alpha * line.shift + beta);
    const exact = isNear(slope, 1 / 6, x, context) && isNear(shift, 0.5, x, context) && isNear(product.scale * high, 1, x, context);
    if (!context.require("3, 6 and 1/6", exact, () => `x times ${slope} x + ${shift}, clipped to ${product.scale * high}`)) return undefined;
    let holds = requireActivation(context, x, [...product.scalars, ...line.scalars]);
    const nodes = [...product.nodes, gate, ...line.nodes];
    holds = requireInside(context, nodes, root) && holds;
    return holds ? { nodes, op: "HardSwish", inputs: [x] } : undefined;
  }
  return undefined;
}

export const hardSwishFusion = operatorFusion({
  name: "hard-swish-fusion",
  title: "HardSwish",
  summary: "Writes x clip(x + 3, 0, 6) / 6, and x times HardSigmoid with slope 1/6, as one HardSwish.",
  why: "Four passes over the activation become one. Howard et al. 2019.",
  roots: ["Mul", "Div"],
  preconditions: [
    { name: "x times a clipped line in x", doc: "The product has the factors x and a Clip from 0, or a HardSigmoid, of a line in x; and no others." },
    { name: "3, 6 and 1/6", doc: "The line is x / 6 + 1/2, clipped at 1, each number within two units in the last place." },
    ...activationPreconditions,
    insidePrecondition,
  ],
  recognize,
  examples: [
    {
      title: "Shift, clip, product, division",
      before: `graph @main(%x: float32[N, 8]) -> (%y: float32[N, 8]) {
  %three = constant float32[1] [3]
  %low = constant float32[] [0]
  %six = constant float32[] [6]
  %a = Add(%x, %three)
  %c = Clip(%a, %low, %six)
  %m = Mul(%x, %c)
  %y = Div(%m, %six) "act"
  return %y
}`,
      after: `graph @main(%x: float32[N, 8]) -> (%y: float32[N, 8]) {
  %y = HardSwish(%x) "act"
  return %y
}`,
    },
    {
      title: "With a HardSigmoid of slope 1/6",
      before: `graph @main(%x: float32[N, 8]) -> (%y: float32[N, 8]) {
  %h = HardSigmoid(%x) {alpha = 0.16666667}
  %y = Mul(%x, %h)
  return %y
}`,
      after: `graph @main(%x: float32[N, 8]) -> (%y: float32[N, 8]) {
  %y = HardSwish(%x)
  return %y
}`,
    },
    {
      title: "HardSigmoid's own slope is 0.2",
      fails: "3, 6 and 1/6",
      before: `graph @main(%x: float32[N, 8]) -> (%y: float32[N, 8]) {
  %h = HardSigmoid(%x)
  %y = Mul(%x, %h)
  return %y
}`,
      after: `graph @main(%x: float32[N, 8]) -> (%y: float32[N, 8]) {
  %h = HardSigmoid(%x)
  %y = Mul(%x, %h)
  return %y
}`,
    },
    {
      title: "The gate is an output too",
      fails: "used only here",
      before: `graph @main(%x: float32[N, 8]) -> (%y: float32[N, 8], %h: float32[N, 8]) {
  %h = HardSigmoid(%x) {alpha = 0.16666667}
  %y = Mul(%x, %h)
  return %y, %h
}`,
      after: `graph @main(%x: float32[N, 8]) -> (%y: float32[N, 8], %h: float32[N, 8]) {
  %h = HardSigmoid(%x) {alpha = 0.16666667}
  %y = Mul(%x, %h)
  return %y, %h
}`,
    },
  ],
});
