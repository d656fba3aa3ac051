import { type Dim, subDims } from "../../ir/dim.ts";

/** a - b where it is a number, else undefined. */
function difference(a: Dim, b: Dim): number | undefined {
  const d = subDims(a, b);
  return typeof d === "number" ? d : undefined;
}

/** Comparisons and logic on elements that inference knows: 1, 0, or null where the answer depends on open dimensions. */
const decided = (test: (difference: number) => boolean) => (a: Dim, b: Dim): Dim => {
  const d = difference(a, b);
  return d === undefined ? null : test(d) ? 1 : 0;
};

export const knownEqual = decided((d) => d === 0);
export const knownGreater = decided((d) => d > 0);
export const knownGreaterOrEqual = decided((d) => d >= 0);
export const knownLess = decided((d) => d < 0);
export const knownLessOrEqual = decided((d) => d <= 0);
export const knownNot = (a: Dim): Dim => (a === 0 ? 1 : a === 1 ? 0 : null);
export const knownAnd = (a: Dim, b: Dim): Dim => (a === 0 || b === 0 ? 0 : a === 1 && b === 1 ? 1 : null);
export const knownOr = (a: Dim, b: Dim): Dim => (a === 1 || b === 1 ? 1 : a === 0 && b === 0 ? 0 : null);
export const knownXor = (a: Dim, b: Dim): Dim => (typeof a === "number" && typeof b === "number" ? (a === b ? 0 : 1) : null);
