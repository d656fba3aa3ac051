import { string } from "../ir/attribute.ts";
import { type OperatorNode, sameValue, type ValueRef } from "../ir/graph.ts";
import type { MatchContext } from "./definition.ts";
import { activationPreconditions, otherFactor, requireActivation } from "./support/activation-pattern.ts";
import { insidePrecondition, operatorFusion, type Recognized, requireInside } from "./support/operator-fusion.ts";
import { type Product, productOf, withoutFactors } from "./support/product.ts";
import { isNear, scalarOf, withScalar } from "./support/scalars.ts";

interface Cubic {
  /** first * x + third * x^3 */
  readonly first: number;
  readonly third: number;
  readonly nodes: readonly OperatorNode[];
  readonly scalars: readonly ValueRef[];
}

/** `ref` as factor * x^power. */
function monomial(ref: ValueRef, x: ValueRef, context: MatchContext): { factor: number; power: number; nodes: OperatorNode[]; scalars: ValueRef[] } | undefined {
  if (sameValue(ref, x)) return { factor: 1, power: 1, nodes: [], scalars: [] };
  const node = context.producer(ref, "Mul", "Div", "Pow");
  if (!node) return undefined;
  const product: Product = node.op === "Pow" ? { scale: 1, factors: [ref], nodes: [], scalars: [] } : productOf(node, context);
  let power = 0;
  const nodes = [...product.nodes];
  const scalars = [...product.scalars];
  for (const factor of product.factors) {
    if (sameValue(factor, x)) {
      power++;
      continue;
    }
    const pow = context.producer(factor, "Pow");
    const exponent = scalarOf(pow?.inputs[1], context);
    if (pow && sameValue(pow.inputs[0], x) && (exponent === 2 || exponent === 3)) {
      power += exponent;
      nodes.push(pow);
      scalars.push(pow.inputs[1]!);
      continue;
    }
    // x * x, kept for several uses within the pattern.
    const square = context.producer(factor, "Mul");
    if (!square || !sameValue(square.inputs[0], x) || !sameValue(square.inputs[1], x)) return undefined;
    power += 2;
    nodes.push(square);
  }
  return { factor: product.scale, power, nodes, scalars };
}

/** The argument of the hyperbolic tangent: c (x + d x^3), or c x (1 + d x^2). */
function cubicOf(ref: ValueRef, x: ValueRef, context: MatchContext): Cubic | undefined {
  const outer = context.producer(ref, "Mul", "Div");
  const product = outer && productOf(outer, context);
  const sumRef = product ? product.factors.find((f) => context.producer(f, "Add")) : ref;
  const sum = context.producer(sumRef, "Add");
  if (!sum || !sumRef) return undefined;
  const left = product ? withoutFactors(product.factors, sumRef) : [];
  const scale = product?.scale ?? 1;
  const common = { nodes: [...(product?.nodes ?? []), sum], scalars: [...(product?.scalars ?? [])] };
  if (left?.length === 0) {
    const [a, b] = sum.inputs.map((input) => monomial(input!, x, context));
    if (!a || !b || a.power + b.power !== 4 || Math.abs(a.power - b.power) !== 2) return undefined;
    const [one, three] = a.power === 1 ? [a, b] : [b, a];
    return { first: scale * one.factor, third: scale * three.factor, nodes: [...common.nodes, ...a.nodes, ...b.nodes], scalars: [...common.scalars, ...a.scalars, ...b.scalars] };
  }
  const one = withScalar(sum, context);
  const square = one && monomial(one.data, x, context);
  if (!left || left.length !== 1 || !sameValue(left[0], x) || !one || square?.power !== 2) return undefined;
  return { first: scale * one.value, third: scale * square.factor, nodes: [...common.nodes, ...square.nodes], scalars: [...common.scalars, ...square.scalars, one.ref] };
}

function recognize(root: OperatorNode, context: MatchContext): Recognized | undefined {
  const product = productOf(root, context);
  for (const gate of product.factors) {
    const add = context.producer(gate, "Add");
    const one = add && withScalar(add, context);
    const tanh = one && context.producer(one.data, "Tanh");
    if (!add || !one || !tanh) continue;
    const x = otherFactor(product, gate);
    const cubic = x && cubicOf(tanh.inputs[0]!, x, context);
    if (!context.require("x (1 + tanh)", cubic !== undefined, "the factors are not x and 1 + tanh(c (x + d x^3))") || !x || !cubic) return undefined;
    const slope = Math.sqrt(2 / Math.PI);
    const exact = isNear(product.scale, 0.5, x, context) && one.value === 1 && isNear(cubic.first, slope, x, context) && isNear(cubic.third / cubic.first, 0.044715, x, context);
    if (!context.require("constants of the approximation", exact, () => `${product.scale} x (${one.value} + tanh(${cubic.first} x + ${cubic.third} x^3))`)) return undefined;
    let holds = requireActivation(context, x, [...product.scalars, ...cubic.scalars, one.ref]);
    const nodes = [...new Set([...product.nodes, add, tanh, ...cubic.nodes])];
    holds = requireInside(context, nodes, root) && holds;
    return holds ? { nodes, op: "Gelu", inputs: [x], attributes: { approximate: string("tanh") } } : undefined;
  }
  return undefined;
}

export const tanhGeluFusion = operatorFusion({
  name: "tanh-gelu-fusion",
  title: "GELU by hyperbolic tangent",
  summary: "Writes x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2 as one Gelu with approximate = \"tanh\".",
  why: "Eight passes over the activation become one. It is a function of its own, never replaced by the exact GELU.",
  roots: ["Mul", "Div"],
  preconditions: [
    { name: "x (1 + tanh)", doc: "The product has the factors x and 1 + tanh of c (x + d x^3) or c x (1 + d x^2), and no others." },
    { name: "constants of the approximation", doc: "The numbers are 1/2, 1, sqrt(2 / pi) and 0.044715, each within two units in the last place." },
    ...activationPreconditions,
    insidePrecondition,
  ],
  recognize,
  examples: [
    {
      title: "With a cube by Pow",
      before: `graph @main(%x: float32[N, 8]) -> (%y: float32[N, 8]) {
  %three = constant float32[] [3]
  %d = constant float32[] [0.044715]
  %c = constant float32[] [0.7978846]
  %one = constant float32[] [1]
  %half = constant float32[] [0.5]
  %p = Pow(%x, %three)
  %q = Mul(%p, %d)
  %r = Add(%x, %q)
  %s = Mul(%r, %c)
  %t = Tanh(%s)
  %u = Add(%t, %one)
  %h = Mul(%x, %half)
  %y = Mul(%h, %u) "act"
  return %y
}`,
      after: `graph @main(%x: float32[N, 8]) -> (%y: float32[N, 8]) {
  %y = Gelu(%x) {approximate = "tanh"} "act"
  return %y
}`,
    },
    {
      title: "Factored, with a product for the square",
      before: `graph @main(%x: float32[N, 8]) -> (%y: float32[N, 8]) {
  %d = constant float32[] [0.044715]
  %c = constant float32[] [0.7978846]
  %one = constant float32[] [1]
  %half = constant float32[] [0.5]
  %p = Mul(%x, %x)
  %q = Mul(%d, %p)
  %r = Add(%one, %q)
  %s = Mul(%c, %x)
  %t = Mul(%s, %r)
  %g = Tanh(%t)
  %u = Add(%one, %g)
  %v = Mul(%x, %u)
  %y = Mul(%half, %v)
  return %y
}`,
      after: `graph @main(%x: float32[N, 8]) -> (%y: float32[N, 8]) {
  %y = Gelu(%x) {approximate = "tanh"}
  return %y
}`,
    },
    {
      title: "0.0447 is not 0.044715",
      fails: "constants of the approximation",
      before: `graph @main(%x: float32[N, 8]) -> (%y: float32[N, 8]) {
  %three = constant float32[] [3]
  %d = constant float32[] [0.0447]
  %c = constant float32[] [0.7978846]
  %one = constant float32[] [1]
  %half = constant float32[] [0.5]
  %p = Pow(%x, %three)
  %q = Mul(%p, %d)
  %r = Add(%x, %q)
  %s = Mul(%r, %c)
  %t = Tanh(%s)
  %u = Add(%t, %one)
  %h = Mul(%x, %half)
  %y = Mul(%h, %u)
  return %y
}`,
      after: `graph @main(%x: float32[N, 8]) -> (%y: float32[N, 8]) {
  %three = constant float32[] [3]
  %d = constant float32[] [0.0447]
  %c = constant float32[] [0.7978846]
  %one = constant float32[] [1]
  %half = constant float32[] [0.5]
  %p = Pow(%x, %three)
  %q = Mul(%p, %d)
  %r = Add(%x, %q)
  %s = Mul(%r, %c)
  %t = Tanh(%s)
  %u = Add(%t, %one)
  %h = Mul(%x, %half)
  %y = Mul(%h, %u)
  return %y
}`,
    },
  ],
});
