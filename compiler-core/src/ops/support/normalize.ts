import { type Tensor, toNumbers } from "../../ir/tensor.ts";
import type { Task } from "../../support/task.ts";
import { finished, workArray } from "./numbers.ts";

/**
 * Normalizes consecutive rows of `size` elements to mean 0 and variance 1, then scales and shifts: `affine` gives both
 * for a position within a row.
 */
export function normalizeRows(x: Tensor, size: number, epsilon: number, task: Task, affine: (at: number, row: number) => readonly [number, number]): Tensor {
  const numbers = toNumbers(x);
  const out = workArray(x.element, numbers.length);
  for (let row = 0, start = 0; start < numbers.length; row++, start += size) {
    task.check();
    let sum = 0;
    for (let i = start; i < start + size; i++) sum += numbers[i]!;
    const mean = sum / size;
    let squares = 0;
    for (let i = start; i < start + size; i++) squares += (numbers[i]! - mean) ** 2;
    const inverse = 1 / Math.sqrt(squares / size + epsilon);
    for (let i = 0; i < size; i++) {
      const [scale, shift] = affine(i, row);
      out[start + i] = (numbers[start + i]! - mean) * inverse * scale + shift;
    }
  }
  return finished(x.element, x.dims, out);
}
