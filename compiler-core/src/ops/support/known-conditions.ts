import { type Dim, negateDim, neverNegative, subDims } from "../../ir/dim.ts";

/**
 * Comparisons and logic on elements that inference knows: 1, 0, or null where the answer depends on open dimensions.
 * Sizes are not negative: N + 1 is positive, and N is not -1. `below`, `equal` and `above` say what holds there.
 */
const decided =
  (below: boolean, equal: boolean, above: boolean) =>
  (a: Dim, b: Dim): Dim => {
    const d = subDims(a, b);
    if (d === null) return null;
    const possible = new Set<boolean>();
    if (typeof d === "number") possible.add(d < 0 ? below : d > 0 ? above : equal);
    else {
      const [positive, negative] = [neverNegative(d), neverNegative(negateDim(d))];
      if (!positive) possible.add(below);
      if (!negative) possible.add(above);
      if (!neverNegative(subDims(d, 1)) && !neverNegative(subDims(negateDim(d), 1))) possible.add(equal);
    }
    if (possible.size !== 1) return null;
    return possible.has(true) ? 1 : 0;
  };

export const knownEqual = decided(false, true, false);
export const knownGreater = decided(false, false, true);
export const knownGreaterOrEqual = decided(false, true, true);
export const knownLess = decided(true, false, false);
export const knownLessOrEqual = decided(true, true, false);
export const knownNot = (a: Dim): Dim => (a === 0 ? 1 : a === 1 ? 0 : null);
export const knownAnd = (a: Dim, b: Dim): Dim => (a === 0 || b === 0 ? 0 : a === 1 && b === 1 ? 1 : null);
export const knownOr = (a: Dim, b: Dim): Dim => (a === 1 || b === 1 ? 1 : a === 0 && b === 0 ? 0 : null);
export const knownXor = (a: Dim, b: Dim): Dim => (typeof a === "number" && typeof b === "number" ? (a === b ? 0 : 1) : null);
