import { type OperatorNode, sameValue, type ValueRef } from "../../ir/graph.ts";
import type { MatchContext } from "../definition.ts";
import { innerProducer, scalarOf } from "./scalars.ts";

/** A tree of Mul, and Div by a number, as scale * factor * factor ... */
export interface Product {
  readonly scale: number;
  readonly factors: readonly ValueRef[];
  /** the nodes of the tree, root first */
  readonly nodes: readonly OperatorNode[];
  /** the constants that make up the scale */
  readonly scalars: readonly ValueRef[];
}

/** Trees of activations have at most this many products. */
const nodeLimit = 6;

/**
 * The product that `root` computes, in whatever order it is written. Nodes below the root belong to it as long as
 * nothing else uses them.
 */
export function productOf(root: OperatorNode, context: MatchContext): Product {
  const nodes: OperatorNode[] = [];
  const factors: ValueRef[] = [];
  const scalars: ValueRef[] = [];
  let scale = 1;
  const take = (ref: ValueRef, user: OperatorNode): void => {
    const number = scalarOf(ref, context);
    if (number !== undefined) {
      scale *= number;
      scalars.push(ref);
      return;
    }
    const node = innerProducer(ref, user, context, "Mul", "Div");
    if (node && nodes.length < nodeLimit && visit(node)) return;
    factors.push(ref);
  };
  const visit = (node: OperatorNode): boolean => {
    const [a, b] = node.inputs;
    if (!a || !b) return false;
    if (node.op === "Div") {
      const divisor = scalarOf(b, context);
      if (divisor === undefined) return false;
      nodes.push(node);
      scale /= divisor;
      scalars.push(b);
      take(a, node);
      return true;
    }
    nodes.push(node);
    take(a, node);
    take(b, node);
    return true;
  };
  if (!visit(root)) factors.push({ node: root.id, output: 0 });
  return { scale, factors, nodes, scalars };
}

/** The factors that are left when each of `wanted` is taken once; undefined when one is not there. */
export function withoutFactors(factors: readonly ValueRef[], ...wanted: readonly ValueRef[]): ValueRef[] | undefined {
  const left = [...factors];
  for (const each of wanted) {
    const at = left.findIndex((factor) => sameValue(factor, each));
    if (at < 0) return undefined;
    left.splice(at, 1);
  }
  return left;
}
