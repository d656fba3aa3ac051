import type { ElementType } from "../../ir/element-type.ts";
import { fromNumbers, type Tensor, toNumbers } from "../../ir/tensor.ts";
import { GraphwrightError } from "../../support/diagnostic.ts";
import { isTensor, type Value } from "../definition.ts";

export type FloatArray = Float32Array | Float64Array;

/** Where an operator computes its result before rounding: float32 rounds as it is stored, all else is float64. */
export const workArray = (element: ElementType, count: number): FloatArray => (element === "float32" ? new Float32Array(count) : new Float64Array(count));

/** Rounds computed numbers to the element type; float32 and float64 results are not copied. */
export function finished(element: ElementType, dims: readonly number[], numbers: FloatArray): Tensor {
  if ((element === "float32" && numbers instanceof Float32Array) || (element === "float64" && numbers instanceof Float64Array))
    return { element, dims: Object.freeze([...dims]), data: numbers };
  return fromNumbers(element, dims, numbers);
}

/** The input at `index` as a tensor. Throws "missing-input". */
export function tensorAt(inputs: readonly (Value | null)[], index: number): Tensor {
  const value = inputs[index];
  if (isTensor(value)) return value;
  throw new GraphwrightError("missing-input", value ? `input ${index} is a ${value.kind}, not a tensor.` : `input ${index} is required, but not given.`);
}

export const optionalTensor = (inputs: readonly (Value | null)[], index: number): Tensor | undefined => (inputs[index] ? tensorAt(inputs, index) : undefined);

/** Integers of a shape, axes or pads input. */
export const intsAt = (inputs: readonly (Value | null)[], index: number): number[] => Array.from(toNumbers(tensorAt(inputs, index)));
export const optionalInts = (inputs: readonly (Value | null)[], index: number): number[] | undefined => (inputs[index] ? intsAt(inputs, index) : undefined);

/** The number a one-element input holds. */
export const numberAt = (inputs: readonly (Value | null)[], index: number): number => toNumbers(tensorAt(inputs, index))[0]!;
