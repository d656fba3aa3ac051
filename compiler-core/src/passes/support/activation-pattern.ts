import { sameValue, type OperatorNode, type ValueRef } from "../../ir/graph.ts";
import { elementOf } from "../../ir/value-type.ts";
import { isFloat } from "../../ir/element-type.ts";
import type { MatchContext, PreconditionInfo } from "../definition.ts";
import { type Product, withoutFactors } from "./product.ts";
import { scalarOf, wideningScalar, withScalar } from "./scalars.ts";

/** scale * x + shift, as one or two nodes with constants of one element. */
export interface Line {
  readonly data: ValueRef;
  readonly scale: number;
  readonly shift: number;
  readonly nodes: readonly OperatorNode[];
  readonly scalars: readonly ValueRef[];
}

/** `ref` as a line in `data`; the line through the origin with no nodes when they are the same value. */
export function lineIn(ref: ValueRef, data: ValueRef, context: MatchContext): Line | undefined {
  let at = ref;
  let [scale, shift] = [1, 0];
  const nodes: OperatorNode[] = [];
  const scalars: ValueRef[] = [];
  while (!sameValue(at, data)) {
    const node = context.producer(at, "Mul", "Div", "Add", "Sub");
    const step = node && withScalar(node, context);
    if (!node || !step || nodes.length === 3) return undefined;
    // The line so far is scale * y + shift; y is put in.
    switch (node.op) {
      case "Mul":
        scale *= step.value;
        break;
      case "Div":
        if (step.place === 0) return undefined;
        scale /= step.value;
        break;
      case "Add":
        shift += scale * step.value;
        break;
      default:
        shift += step.place === 1 ? -scale * step.value : scale * step.value;
        if (step.place === 0) scale = -scale;
    }
    nodes.push(node);
    scalars.push(step.ref);
    at = step.data;
  }
  return { data, scale, shift, nodes, scalars };
}

/** The data of a Clip with constant bounds [0, high]; Relu6 is one of them. */
export function clippedFromZero(node: OperatorNode | undefined, context: MatchContext): { data: ValueRef; high: number } | undefined {
  if (node?.op !== "Clip") return undefined;
  const [data, low, top] = node.inputs;
  const high = scalarOf(top, context);
  return data && high !== undefined && scalarOf(low, context) === 0 ? { data, high } : undefined;
}

export const activationPreconditions: readonly PreconditionInfo[] = [
  { name: "floating point", doc: "The elements are floating-point numbers." },
  { name: "nothing widens", doc: "No constant adds axes to the value." },
];

/** States the preconditions that activations share. */
export function requireActivation(context: MatchContext, data: ValueRef, scalars: readonly ValueRef[]): boolean {
  const element = elementOf(context.type(data));
  const float = element !== null && isFloat(element);
  const known = context.require("floating point", element === null ? "unknown" : float, element ?? "the element type is unknown");
  const wide = wideningScalar(scalars, data, context);
  return context.require("nothing widens", wide === undefined, wide ?? "every constant is one number") && known;
}

/** The value x of a product x * gate where the gate alone is given. */
export function otherFactor(product: Product, gate: ValueRef): ValueRef | undefined {
  const left = withoutFactors(product.factors, gate);
  return left?.length === 1 ? left[0] : undefined;
}
