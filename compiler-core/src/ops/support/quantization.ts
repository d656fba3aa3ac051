import { elementTypes, type ElementType, isInteger } from "../../ir/element-type.ts";
import { decodeSmallFloat, encodeSmallFloat } from "../../ir/small-float.ts";
import { allocate, fromNumbers, isSmallFloat, type NumericArray, type Tensor, toNumbers } from "../../ir/tensor.ts";
import { elementCount, staticShape } from "../../ir/value-type.ts";
import type { CostContext } from "../definition.ts";
import { GraphwrightError } from "../../support/diagnostic.ts";
import { checkedAxis } from "./infer.ts";

/** Smallest and largest value of an integer type of up to 32 bits. */
export function integerRange(element: ElementType): readonly [number, number] {
  const { bits, kind } = elementTypes[element];
  return kind === "int" ? [-(2 ** (bits - 1)), 2 ** (bits - 1) - 1] : [0, 2 ** bits - 1];
}

const half = 6755399441055744; // 1.5 * 2^52: adding it leaves no fraction bits, so the sum rounds to even

/** Nearest integer, ties to even. */
export const roundToEven = (x: number): number => (Math.abs(x) < 2 ** 51 ? x + half - half : x);

/** Rounds a number to the nearest value of a float type. */
export function rounderOf(element: ElementType): (x: number) => number {
  if (element === "float32") return Math.fround;
  if (isSmallFloat(element) && element !== "float8e8m0") return (x) => decodeSmallFloat(element, encodeSmallFloat(element, x));
  return (x) => x;
}

/** float16 and bfloat16 round after every step, as the specification's decompositions do; wider types only at the end. */
export const stepRounder = (element: ElementType): ((x: number) => number) => (element === "float32" || element === "float64" ? (x) => x : rounderOf(element));

/**
 * For each element of a tensor, the index of its scale (and zero point): one for all, one for each entry of an axis,
 * or one for each block of entries along the axis. Throws "quantization-shape" when the scale's shape fits none.
 */
export function scaleIndex(scaleDims: readonly number[], dims: readonly number[], axisAttribute: number, blockSize: number): (flat: number) => number {
  if (elementCount(scaleDims) === 1) return () => 0;
  const fail = (): never => {
    throw new GraphwrightError(
      "quantization-shape",
      `a scale of shape [${scaleDims.join(", ")}] fits no axis or blocks of [${dims.join(", ")}] (axis ${axisAttribute}, block size ${blockSize}).`,
    );
  };
  const axis = dims.length === 1 ? 0 : checkedAxis(axisAttribute, dims.length);
  const extent = dims[axis]!;
  const inner = elementCount(dims.slice(axis + 1));
  if (scaleDims.length === 1 && blockSize === 0) {
    if (scaleDims[0] !== extent) fail();
    return (flat) => Math.floor(flat / inner) % extent;
  }
  if (scaleDims.length !== dims.length || scaleDims.some((d, i) => i !== axis && d !== dims[i])) fail();
  const blocks = scaleDims[axis]!;
  const size = blockSize || Math.ceil(extent / blocks);
  if (Math.ceil(extent / size) !== blocks) fail();
  return (flat) => {
    const outer = Math.floor(flat / inner);
    const along = outer % extent;
    return ((outer - along) / extent * blocks + Math.floor(along / size)) * inner + (flat % inner);
  };
}

/** Numbers brought into a quantized type: integers are rounded (ties to even) and clamped, floats rounded. */
export function quantized(element: ElementType, dims: readonly number[], numbers: ArrayLike<number>, zeroPoint: (flat: number) => number, saturate: boolean): Tensor {
  if (!isInteger(element)) {
    const shifted = Float64Array.from(numbers, (x, i) => x + zeroPoint(i));
    return fromNumbers(element, dims, shifted, saturate);
  }
  const [low, high] = integerRange(element);
  const data = allocate(element, numbers.length) as NumericArray;
  for (let i = 0; i < numbers.length; i++) {
    const value = roundToEven(numbers[i]!) + zeroPoint(i);
    data[i] = value > low ? (value < high ? value : high) : low;
  }
  return { element, dims: Object.freeze([...dims]), data };
}


/** A scale or zero point given for all elements, for each row or column, or already in the shape of the matrix. */
export function spread(tensor: Tensor | undefined, dims: readonly number[], axis: -1 | -2, what: string): (flat: number) => number {
  if (!tensor) return () => 0;
  const numbers = toNumbers(tensor);
  if (numbers.length === 1) {
    const only = numbers[0]!;
    return () => only;
  }
  const rank = dims.length;
  const own = tensor.dims.length === 1 ? (axis === -2 && rank > 1 ? [tensor.dims[0]!, 1] : tensor.dims) : tensor.dims;
  const lead = rank - own.length;
  const steps = new Array<number>(rank).fill(0);
  let step = 1;
  for (let i = own.length - 1; i >= 0; i--) {
    if (lead + i < 0 || (own[i] !== 1 && own[i] !== dims[lead + i]))
      throw new GraphwrightError("quantization-shape", `the ${what} of shape [${tensor.dims.join(", ")}] does not fit [${dims.join(", ")}].`);
    steps[lead + i] = own[i] === 1 ? 0 : step;
    step *= own[i]!;
  }
  return (flat) => {
    let index = 0;
    for (let i = rank - 1, rest = flat; i >= 0; i--) {
      index += (rest % dims[i]!) * steps[i]!;
      rest = Math.floor(rest / dims[i]!);
    }
    return numbers[index]!;
  };
}

/** The numbers of a tensor less its zero points. */
export function centred(tensor: Tensor, zeroPoint: (flat: number) => number): Float64Array {
  const numbers = toNumbers(tensor);
  const out = new Float64Array(numbers.length);
  for (let i = 0; i < out.length; i++) out[i] = numbers[i]! - zeroPoint(i);
  return out;
}

/** FLOPs of a matrix product whose left operand is input 0: two for each row entry of each output element. */
export const matmulCost = ({ inputs, outputs }: CostContext): { flops: number } => {
  const a = staticShape(inputs[0]);
  const y = staticShape(outputs[0]);
  return { flops: a && y ? 2 * elementCount(y) * (a.at(-1) ?? 1) : 0 };
};
