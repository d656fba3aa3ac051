import { type OperatorNode, sameValue } from "../ir/graph.ts";
import type { MatchContext } from "./definition.ts";
import { activationPreconditions, otherFactor, requireActivation } from "./support/activation-pattern.ts";
import { insidePrecondition, operatorFusion, type Recognized, requireInside } from "./support/operator-fusion.ts";
import { productOf } from "./support/product.ts";

function recognize(root: OperatorNode, context: MatchContext): Recognized | undefined {
  const product = productOf(root, context);
  for (const gateRef of product.factors) {
    const tanh = context.producer(gateRef, "Tanh");
    const softplus = tanh && context.producer(tanh.inputs[0], "Softplus");
    if (!tanh || !softplus) continue;
    const x = otherFactor(product, gateRef);
    const own = x !== undefined && sameValue(softplus.inputs[0], x) && product.scale === 1;
    if (!context.require("x tanh(softplus(x))", own, "the Softplus is not of the other factor") || !x) return undefined;
    let holds = requireActivation(context, x, product.scalars);
    const nodes = [...product.nodes, tanh, softplus];
    holds = requireInside(context, nodes, root) && holds;
    return holds ? { nodes, op: "Mish", inputs: [x] } : undefined;
  }
  return undefined;
}

export const mishFusion = operatorFusion({
  name: "mish-fusion",
  title: "Mish",
  summary: "Writes x tanh(softplus(x)) as one Mish.",
  why: "Three passes over the activation become one. Misra 2019.",
  roots: ["Mul"],
  preconditions: [{ name: "x tanh(softplus(x))", doc: "The product is x times the Tanh of the Softplus of x." }, ...activationPreconditions, insidePrecondition],
  recognize,
  examples: [
    {
      title: "Three operators",
      before: `graph @main(%x: float32[N, 8]) -> (%y: float32[N, 8]) {
  %s = Softplus(%x)
  %t = Tanh(%s)
  %y = Mul(%x, %t)
  return %y
}`,
      after: `graph @main(%x: float32[N, 8]) -> (%y: float32[N, 8]) {
  %y = Mish(%x)
  return %y
}`,
    },
    {
      title: "The gate of another value",
      fails: "x tanh(softplus(x))",
      before: `graph @main(%x: float32[N, 8], %z: float32[N, 8]) -> (%y: float32[N, 8]) {
  %s = Softplus(%z)
  %t = Tanh(%s)
  %y = Mul(%x, %t)
  return %y
}`,
      after: `graph @main(%x: float32[N, 8], %z: float32[N, 8]) -> (%y: float32[N, 8]) {
  %s = Softplus(%z)
  %t = Tanh(%s)
  %y = Mul(%x, %t)
  return %y
}`,
    },
  ],
});
