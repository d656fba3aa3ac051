import type { Expression, Variable } from "../tensor/program.ts";
import { sizeValue } from "../tensor/sizes.ts";

/**
 * The sizes at which a bundle tests itself: the smallest that the model takes, an odd one between, one where the sizes lie far apart, and
 * last the largest. One list without sizes, which is empty, stands for a model that has none.
 */
export function trialSizes(sizes: readonly Variable[], limits: readonly Expression[]): readonly (readonly number[])[] {
  if (sizes.length === 0) return [[]];
  const most = sizes.map((s) => s.max!);
  const fits = (values: readonly number[]): boolean => limits.every((e) => sizeValue(e, new Map(sizes.map((s, i) => [s, values[i]!]))) >= 1);
  // The smallest size that leaves every dimension an element, the others being as large as they may be; then all together.
  const least = sizes.map((_, i) => {
    let [low, high] = [1, most[i]!];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (fits(most.map((m, k) => (k === i ? middle : m)))) high = middle;
      else low = middle + 1;
    }
    return low;
  });
  const between = sizes.map((_, i) => {
    const middle = Math.floor((least[i]! + most[i]!) / 2) | 1;
    return Math.min(most[i]!, Math.max(least[i]!, middle));
  });
  const apart = sizes.map((_, i) => (i % 2 === 0 ? least[i]! : Math.max(least[i]!, most[i]! - 1)));
  const found = new Map<string, readonly number[]>();
  for (const values of [least, between, ...(sizes.length > 1 ? [apart] : []), most]) if (fits(values)) found.set(values.join(), values);
  // The largest last.
  found.delete(most.join());
  found.set(most.join(), most);
  return [...found.values()];
}

/** A tensor's dimensions at given sizes. */
export const atSizes = <T extends { readonly dims: readonly number[]; readonly shape?: readonly Expression[] }>(t: T, sizes: readonly Variable[], values: readonly number[]): T =>
  t.shape ? { ...t, dims: t.shape.map((e) => sizeValue(e, new Map(sizes.map((s, i) => [s, values[i]!])))) } : t;
