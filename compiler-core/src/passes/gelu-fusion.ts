import type { OperatorNode, ValueRef } from "../ir/graph.ts";
import type { MatchContext } from "./definition.ts";
import { activationPreconditions, lineIn, otherFactor, requireActivation } from "./support/activation-pattern.ts";
import { insidePrecondition, operatorFusion, type Recognized, requireInside } from "./support/operator-fusion.ts";
import { productOf } from "./support/product.ts";
import { isNear, withScalar } from "./support/scalars.ts";

/** The factor 1 + erf(...) of a product. */
function errorFactor(factors: readonly ValueRef[], context: MatchContext): { gate: ValueRef; add: OperatorNode; erf: OperatorNode; one: { value: number; ref: ValueRef } } | undefined {
  for (const gate of factors) {
    const add = context.producer(gate, "Add");
    const one = add && withScalar(add, context);
    const erf = one && context.producer(one.data, "Erf");
    if (add && one && erf) return { gate, add, erf, one };
  }
  return undefined;
}

function recognize(root: OperatorNode, context: MatchContext): Recognized | undefined {
  const product = productOf(root, context);
  const found = errorFactor(product.factors, context);
  if (!found) return undefined;
  const { gate, add, erf, one } = found;
  const x = otherFactor(product, gate);
  const line = x && lineIn(erf.inputs[0]!, x, context);
  if (!context.require("x (1 + erf)", line !== undefined && line.shift === 0, () => (line ? `the error function is taken of a shifted value` : "the factors are not x and 1 + erf(x times a number)")) || !x || !line) return undefined;
  const exact = isNear(product.scale, 0.5, x, context) && isNear(line.scale, Math.SQRT1_2, x, context) && one.value === 1;
  if (!context.require("constants of the normal distribution", exact, () => `${product.scale} x (${one.value} + erf(${line.scale} x))`)) return undefined;
  const scalars = [...product.scalars, ...line.scalars, one.ref];
  let holds = requireActivation(context, x, scalars);
  const nodes = [...product.nodes, add, erf, ...line.nodes];
  holds = requireInside(context, nodes, root) && holds;
  return holds ? { nodes, op: "Gelu", inputs: [x] } : undefined;
}

export const geluFusion = operatorFusion({
  name: "gelu-fusion",
  title: "GELU",
  summary: "Writes x (1 + erf(x / sqrt 2)) / 2, in whatever order it is multiplied, as one Gelu.",
  why: "Five passes over the activation become one. Hendrycks and Gimpel 2016.",
  roots: ["Mul", "Div"],
  preconditions: [
    { name: "x (1 + erf)", doc: "The product has the factors x and 1 + erf of a multiple of x, and no others." },
    { name: "constants of the normal distribution", doc: "The numbers are 1/2, 1 and the root of 1/2, each within two units in the last place." },
    ...activationPreconditions,
    insidePrecondition,
  ],
  recognize,
  examples: [
    {
      title: "As exported from most frameworks",
      before: `graph @main(%x: float32[N, 8]) -> (%y: float32[N, 8]) {
  %root = constant float32[] [1.4142135]
  %one = constant float32[] [1]
  %half = constant float32[] [0.5]
  %d = Div(%x, %root)
  %e = Erf(%d)
  %a = Add(%e, %one)
  %m = Mul(%x, %a)
  %y = Mul(%m, %half) "act"
  return %y
}`,
      after: `graph @main(%x: float32[N, 8]) -> (%y: float32[N, 8]) {
  %y = Gelu(%x) "act"
  return %y
}`,
    },
    {
      title: "Halved first, the bias before it kept",
      before: `graph @main(%z: float32[N, 8], %b: float32[8]) -> (%y: float32[N, 8]) {
  %root = constant float32[1] [0.70710677]
  %one = constant float32[1] [1]
  %half = constant float32[1] [0.5]
  %x = Add(%z, %b)
  %d = Mul(%root, %x)
  %e = Erf(%d)
  %a = Add(%one, %e)
  %h = Mul(%half, %x)
  %y = Mul(%a, %h)
  return %y
}`,
      after: `graph @main(%z: float32[N, 8], %b: float32[8]) -> (%y: float32[N, 8]) {
  %x = Add(%z, %b)
  %y = Gelu(%x)
  return %y
}`,
    },
    {
      title: "1.41 is not the root of 2",
      fails: "constants of the normal distribution",
      before: `graph @main(%x: float32[N, 8]) -> (%y: float32[N, 8]) {
  %root = constant float32[] [1.41]
  %one = constant float32[] [1]
  %half = constant float32[] [0.5]
  %d = Div(%x, %root)
  %e = Erf(%d)
  %a = Add(%e, %one)
  %m = Mul(%x, %a)
  %y = Mul(%m, %half)
  return %y
}`,
      after: `graph @main(%x: float32[N, 8]) -> (%y: float32[N, 8]) {
  %root = constant float32[] [1.41]
  %one = constant float32[] [1]
  %half = constant float32[] [0.5]
  %d = Div(%x, %root)
  %e = Erf(%d)
  %a = Add(%e, %one)
  %m = Mul(%x, %a)
  %y = Mul(%m, %half)
  return %y
}`,
    },
    {
      title: "The operator set may not be raised",
      fails: "operator set",
      options: { highestOpset: 17 },
      before: `model {opset = {"" = 17}}
graph @main(%x: float32[N, 8]) -> (%y: float32[N, 8]) {
  %root = constant float32[] [1.4142135]
  %one = constant float32[] [1]
  %half = constant float32[] [0.5]
  %d = Div(%x, %root)
  %e = Erf(%d)
  %a = Add(%e, %one)
  %m = Mul(%x, %a)
  %y = Mul(%m, %half)
  return %y
}`,
      after: `model {opset = {"" = 17}}
graph @main(%x: float32[N, 8]) -> (%y: float32[N, 8]) {
  %root = constant float32[] [1.4142135]
  %one = constant float32[] [1]
  %half = constant float32[] [0.5]
  %d = Div(%x, %root)
  %e = Erf(%d)
  %a = Add(%e, %one)
  %m = Mul(%x, %a)
  %y = Mul(%m, %half)
  return %y
}`,
    },
  ],
});
