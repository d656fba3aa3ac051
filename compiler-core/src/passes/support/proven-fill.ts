import type { ValueRef } from "../../ir/graph.ts";
import { toNumbers } from "../../ir/tensor.ts";
import type { MatchContext } from "../definition.ts";
import { splatOf } from "./constant-numbers.ts";

/** Operators whose output's elements are all elements of their first input. */
const rearranging = ["Expand", "Flatten", "Gather", "GatherElements", "GatherND", "Identity", "Reshape", "Slice", "Split", "Squeeze", "Tile", "Transpose", "Unsqueeze"];
const nodeLimit = 32;

/**
 * The number that every element of a numeric value is proven to be, however many there are; the two zeros are two
 * numbers here. Undefined where it is not proven. Looks at most at 32 nodes.
 */
export function provenFill(ref: ValueRef | null | undefined, context: MatchContext, seen = new Map<string, number | undefined>()): number | undefined {
  if (!ref) return undefined;
  const key = `${ref.node}:${ref.output}`;
  if (seen.has(key) || seen.size >= nodeLimit) return seen.get(key);
  seen.set(key, undefined);
  const fill = fillOf(ref, context, seen);
  seen.set(key, fill);
  return fill;
}

function fillOf(ref: ValueRef, context: MatchContext, seen: Map<string, number | undefined>): number | undefined {
  const constant = context.constant(ref);
  if (constant) {
    if (constant.type.element === "string" || constant.type.element?.startsWith("complex")) return undefined;
    const splat = splatOf(constant);
    return splat !== 0 || toNumbers(constant.tensor()).every((v) => Object.is(v, splat)) ? splat : undefined;
  }
  const node = context.producer(ref, "ConstantOfShape", "Concat", ...rearranging);
  if (!node) return undefined;
  if (node.op === "ConstantOfShape") {
    const value = context.attributes(node).tensor("value");
    return value === undefined ? 0 : toNumbers(value)[0];
  }
  if (node.op !== "Concat") return provenFill(node.inputs[0], context, seen);
  const parts = node.inputs.map((input) => provenFill(input, context, seen));
  return parts.every((part) => part !== undefined && Object.is(part, parts[0])) ? parts[0] : undefined;
}
