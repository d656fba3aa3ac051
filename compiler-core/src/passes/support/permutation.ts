import type { OperatorNode } from "../../ir/graph.ts";
import type { MatchContext } from "../definition.ts";

/** A Transpose's permutation; without the attribute the axes are reversed, which needs a known rank. */
export function permutationOf(node: OperatorNode, context: MatchContext): readonly number[] | undefined {
  const perm = context.attributes(node).ints("perm");
  if (perm) return perm;
  const rank = context.shape(node.inputs[0])?.length;
  return rank === undefined ? undefined : Array.from({ length: rank }, (_, i) => rank - 1 - i);
}

export const isIdentityPermutation = (perm: readonly number[]): boolean => perm.every((axis, i) => axis === i);
