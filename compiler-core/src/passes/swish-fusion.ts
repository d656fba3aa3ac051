import { float } from "../ir/attribute.ts";
import type { OperatorNode } from "../ir/graph.ts";
import type { MatchContext } from "./definition.ts";
import { activationPreconditions, lineIn, otherFactor, requireActivation } from "./support/activation-pattern.ts";
import { insidePrecondition, operatorFusion, type Recognized, requireInside } from "./support/operator-fusion.ts";
import { productOf } from "./support/product.ts";

export function recognizeSwish(root: OperatorNode, context: MatchContext): Recognized | undefined {
  const product = productOf(root, context);
  for (const gateRef of product.factors) {
    const gate = context.producer(gateRef, "Sigmoid");
    if (!gate) continue;
    const x = otherFactor(product, gateRef);
    const line = x && lineIn(gate.inputs[0]!, x, context);
    if (!context.require("x times its sigmoid", line !== undefined && line.shift === 0 && product.scale === 1, () => (line ? `${product.scale} x sigmoid(${line.scale} x + ${line.shift})` : "the sigmoid is not of the other factor")) || !x || !line) return undefined;
    let holds = requireActivation(context, x, line.scalars);
    const nodes = [...product.nodes, gate, ...line.nodes];
    holds = requireInside(context, nodes, root) && holds;
    return holds ? { nodes, op: "Swish", inputs: [x], attributes: line.scale === 1 ? {} : { alpha: float(Math.fround(line.scale)) } } : undefined;
  }
  return undefined;
}

export const swishPreconditions = [
  { name: "x times its sigmoid", doc: "The product is x times the Sigmoid of x, or of a multiple of x." },
  ...activationPreconditions,
  insidePrecondition,
];

export const swishFusion = operatorFusion({
  name: "swish-fusion",
  title: "Swish",
  summary: "Writes x sigmoid(x), also called SiLU, and x sigmoid(a x) as one Swish.",
  why: "Two passes over the activation become one. Ramachandran et al. 2017.",
  roots: ["Mul"],
  preconditions: swishPreconditions,
  recognize: recognizeSwish,
  examples: [
    {
      title: "SiLU, in a model of operator set 24",
      before: `model {opset = {"" = 24}}
graph @main(%x: float32[N, 8]) -> (%y: float32[N, 8]) {
  %s = Sigmoid(%x)
  %y = Mul(%x, %s)
  return %y
}`,
      after: `model {opset = {"" = 24}}
graph @main(%x: float32[N, 8]) -> (%y: float32[N, 8]) {
  %y = Swish(%x)
  return %y
}`,
    },
    {
      title: "With a factor inside",
      options: { highestOpset: 24 },
      before: `graph @main(%x: float32[N, 8]) -> (%y: float32[N, 8]) {
  %a = constant float32[] [1.702]
  %m = Mul(%x, %a)
  %s = Sigmoid(%m)
  %y = Mul(%s, %x)
  return %y
}`,
      after: `graph @main(%x: float32[N, 8]) -> (%y: float32[N, 8]) {
  %y = Swish(%x) {alpha = 1.702}
  return %y
}`,
    },
    {
      title: "The gate of another value",
      fails: "x times its sigmoid",
      options: { highestOpset: 24 },
      before: `graph @main(%x: float32[N, 8], %z: float32[N, 8]) -> (%y: float32[N, 8]) {
  %s = Sigmoid(%z)
  %y = Mul(%x, %s)
  return %y
}`,
      after: `graph @main(%x: float32[N, 8], %z: float32[N, 8]) -> (%y: float32[N, 8]) {
  %s = Sigmoid(%z)
  %y = Mul(%x, %s)
  return %y
}`,
    },
    {
      title: "Operator set 21 has no Swish",
      fails: "operator set",
      before: `graph @main(%x: float32[N, 8]) -> (%y: float32[N, 8]) {
  %s = Sigmoid(%x)
  %y = Mul(%x, %s)
  return %y
}`,
      after: `graph @main(%x: float32[N, 8]) -> (%y: float32[N, 8]) {
  %s = Sigmoid(%x)
  %y = Mul(%x, %s)
  return %y
}`,
    },
  ],
});
