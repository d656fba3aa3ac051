import type { ConstantValue } from "../../ir/constant.ts";
import type { ValueRef } from "../../ir/graph.ts";
import { toNumbers } from "../../ir/tensor.ts";
import type { MatchContext } from "../definition.ts";
import { largest } from "./channel-affine.ts";
import { magnitudeOf } from "./constant-numbers.ts";

const least = 2 ** -14;
const smallShares = new WeakMap<ConstantValue, number>();

/** The share of numbers that are not 0 and so small that float16 holds them with fewer digits, or not at all. */
function smallShare(constant: ConstantValue): number {
  let share = smallShares.get(constant);
  if (share === undefined) {
    const numbers = toNumbers(constant.tensor());
    let small = 0;
    for (let i = 0; i < numbers.length; i++) if (numbers[i] !== 0 && Math.abs(numbers[i]!) < least) small++;
    share = numbers.length === 0 ? 0 : small / numbers.length;
    smallShares.set(constant, share);
  }
  return share;
}

/** States that float16 holds these float32 constants: each number to 2^-11 of it, but for one in a hundred. */
export function requireHalfRange(context: MatchContext, name: string, refs: readonly ValueRef[]): boolean {
  const losses = refs.map((ref) => ({ ref, magnitude: magnitudeOf(context.constant(ref)!), small: smallShare(context.constant(ref)!) }));
  const bad = losses.find(({ magnitude, small }) => !(magnitude <= largest["float16"]!) || small > 0.01);
  const told = bad ?? losses[0];
  return context.require(name, bad === undefined, () => (told ? `${context.describe(told.ref)}: largest ${told.magnitude.toPrecision(3)}, ${(100 * told.small).toFixed(1)}% below 2^-14; off by at most ${(told.magnitude * 2 ** -11).toPrecision(2)}` : "there are none"));
}
