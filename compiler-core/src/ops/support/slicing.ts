import { type Dim, addDims, ceilDivDims, maxDims, minDims, negateDim, neverNegative, subDims } from "../../ir/dim.ts";

/**
 * A start and number of steps along one axis. Bounds are clamped as the specification says: backwards, a start lies
 * between the first and the last element (NumPy would start one before the first, and give nothing).
 */
export function clampSlice(size: number, start: number, end: number, step: number): { start: number; count: number } {
  const fromFront = (at: number): number => (at < 0 ? at + size : at);
  const within = (at: number, low: number, high: number): number => Math.max(low, Math.min(high, at));
  if (size === 0) return { start: 0, count: 0 };
  const from = within(fromFront(start), 0, step > 0 ? size : size - 1);
  const to = within(fromFront(end), step > 0 ? 0 : -1, step > 0 ? size : size - 1);
  return { start: from, count: Math.max(0, Math.ceil((to - from) / step)) };
}

/** Ends beyond this mean "to the end". */
const far = 2 ** 31 - 1;

/** Size of a slice along an axis that may be symbolic; null where it is not known. */
export function slicedDim(size: Dim, start: Dim, end: Dim, step: Dim): Dim {
  if (typeof size === "number" && typeof start === "number" && typeof end === "number" && typeof step === "number") return step === 0 ? null : clampSlice(size, start, end, step).count;
  if (typeof step !== "number" || step < 1 || start === null || end === null || size === null) return null;
  return ceilDivDims(reach(size, start, end), step);
}

/** max(0, to - from) for the clamped bounds of a slice with a positive step; null where it takes more than is known. */
function reach(size: Dim, start: Dim, end: Dim): Dim {
  const negative = (at: Dim): boolean => typeof at === "number" && at < 0;
  const open = (at: Dim): boolean => !negative(at) && !neverNegative(at);
  if (open(start) || open(end)) return null;
  const toEnd = (typeof end === "number" && end >= far) || end === size;
  if (negative(start)) {
    // The last -start entries, without the last -end of them.
    const last = negateDim(start);
    if (toEnd) return minDims(last, size);
    if (!negative(end)) return null;
    return maxDims(0, minDims(subDims(end, start), addDims(size, end)));
  }
  const to = toEnd ? size : negative(end) ? addDims(size, end) : minDims(size, end);
  return maxDims(0, subDims(to, start));
}
