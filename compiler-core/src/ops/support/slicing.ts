import { type Dim, addDims, ceilDivDims, minDims, subDims } from "../../ir/dim.ts";

/** A start and number of steps along one axis, as NumPy clamps them. */
export function clampSlice(size: number, start: number, end: number, step: number): { start: number; count: number } {
  const low = step > 0 ? 0 : -1;
  const high = step > 0 ? size : size - 1;
  const clamp = (at: number): number => Math.min(high, Math.max(low, at < 0 ? at + size : at));
  const from = clamp(start);
  const to = clamp(end);
  return { start: from, count: Math.max(0, Math.ceil((to - from) / step)) };
}

/** Ends beyond this mean "to the end". */
const far = 2 ** 31 - 1;

/** Size of a slice along an axis that may be symbolic; null where it is not known. */
export function slicedDim(size: Dim, start: Dim, end: Dim, step: Dim): Dim {
  if (typeof size === "number" && typeof start === "number" && typeof end === "number" && typeof step === "number") return step === 0 ? null : clampSlice(size, start, end, step).count;
  if (typeof step !== "number" || step < 1 || start === null || end === null || size === null) return null;
  // Symbolic sizes: only forms that need no clamping below, or that a minimum says.
  const from = typeof start === "number" && start < 0 ? addDims(size, start) : start;
  let to: Dim;
  if (typeof end === "number") to = end >= far ? size : end < 0 ? addDims(size, end) : minDims(size, end);
  else to = end === size ? size : minDims(size, end);
  if (typeof start === "number" && start < 0 && typeof size !== "number" && to !== size) return null;
  const length = subDims(to, from);
  return ceilDivDims(length, step);
}
