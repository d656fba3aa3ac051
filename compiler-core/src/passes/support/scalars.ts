import type { OperatorNode, ValueRef } from "../../ir/graph.ts";
import { elementOf } from "../../ir/value-type.ts";
import { toNumbers } from "../../ir/tensor.ts";
import { epsilonOf } from "../check/compare.ts";
import type { MatchContext } from "../definition.ts";

/** The number of a constant that has one element. */
export function scalarOf(ref: ValueRef | null | undefined, context: MatchContext): number | undefined {
  const constant = context.constant(ref);
  return constant?.count === 1 ? toNumbers(constant.tensor())[0] : undefined;
}

/** Equal up to two units in the last place of the constants' type: 1.41421 is not the root of 2 in float32. */
export function isNear(value: number, wanted: number, like: ValueRef, context: MatchContext): boolean {
  const element = elementOf(context.type(like));
  return element !== null && Math.abs(value - wanted) <= 2 * epsilonOf(element) * Math.abs(wanted);
}

/** A binary node with one constant of one element: that number and the other operand. */
export function withScalar(node: OperatorNode, context: MatchContext): { data: ValueRef; value: number; ref: ValueRef; place: number } | undefined {
  for (const place of [1, 0]) {
    const ref = node.inputs[place];
    const data = node.inputs[1 - place];
    const value = ref && data ? scalarOf(ref, context) : undefined;
    if (ref && data && value !== undefined && !context.constant(data)) return { data, value, ref, place };
  }
  return undefined;
}

/** `value` comes from one of these operators, and only `user` uses it. */
export function innerProducer(value: ValueRef | null | undefined, user: OperatorNode, context: MatchContext, ...ops: string[]): OperatorNode | undefined {
  const node = context.producer(value, ...ops);
  return node && value && context.onlyUser(value)?.id === user.id ? node : undefined;
}

/** Why one of the one-element constants gives the result more axes than `data` has, or undefined when none does. */
export function wideningScalar(scalars: readonly ValueRef[], data: ValueRef, context: MatchContext): string | undefined {
  const rank = context.shape(data)?.length;
  const wide = scalars.find((ref) => {
    const axes = context.constant(ref)!.dims.length;
    return axes > 0 && (rank === undefined || axes > rank);
  });
  if (!wide) return undefined;
  return rank === undefined ? `the rank of ${context.describe(data)} is unknown, and ${context.describe(wide)} has ${context.constant(wide)!.dims.length} axes` : `${context.describe(wide)} has ${context.constant(wide)!.dims.length} axes, ${context.describe(data)} has ${rank}`;
}
