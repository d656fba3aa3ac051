import type { ConstantValue } from "../../ir/constant.ts";
import { toNumbers } from "../../ir/tensor.ts";

const magnitudes = new WeakMap<ConstantValue, number>();
const splats = new WeakMap<ConstantValue, { readonly value: number } | undefined>();

/** Largest magnitude of a numeric constant, NaN when it holds one; read once, however often it is asked. */
export function magnitudeOf(constant: ConstantValue): number {
  let largest = magnitudes.get(constant);
  if (largest === undefined) {
    const numbers = toNumbers(constant.tensor());
    let low = 0;
    let high = 0;
    // NaN fails every comparison, so it is looked for by itself.
    let odd = false;
    for (let i = 0; i < numbers.length; i++) {
      const v = numbers[i] as number;
      if (v > high) high = v;
      else if (v < low) low = v;
      else if (v !== v) odd = true;
    }
    largest = odd ? NaN : Math.max(high, -low);
    magnitudes.set(constant, largest);
  }
  return largest;
}

/**
 * The number that every element of a numeric constant is (both zeros count as one value and the first gives the sign),
 * if it is one; read once, however often it is asked.
 */
export function splatOf(constant: ConstantValue): number | undefined {
  if (!splats.has(constant)) {
    const numbers = toNumbers(constant.tensor());
    const first = numbers[0] as number | undefined;
    let same = first !== undefined;
    for (let i = 1; same && i < numbers.length; i++) same = numbers[i] === first;
    splats.set(constant, same ? { value: first! } : undefined);
  }
  return splats.get(constant)?.value;
}
