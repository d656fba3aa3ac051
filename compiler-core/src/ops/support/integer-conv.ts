import { type Tensor, toNumbers } from "../../ir/tensor.ts";
import { elementCount, staticShape } from "../../ir/value-type.ts";
import { GraphwrightError } from "../../support/diagnostic.ts";
import type { AttributeInfo, CostContext, EvaluateContext } from "../definition.ts";
import { convolve } from "./conv.ts";
import { windowAttributes } from "./window.ts";

export const convAttributes: Readonly<Record<string, AttributeInfo>> = {
  auto_pad: { kind: "string", doc: "NOTSET to use pads, SAME_UPPER or SAME_LOWER for an output of ceil(size / stride), VALID for no padding", fallback: "NOTSET" },
  dilations: { kind: "ints", doc: "distance of the kernel's taps along each spatial axis; 1 when absent" },
  group: { kind: "int", doc: "channels are divided into that many independent groups", fallback: 1 },
  kernel_shape: { kind: "ints", doc: "spatial size of the kernel; that of w when absent" },
  pads: { kind: "ints", doc: "padding at the beginning of each spatial axis, then at the end of each; 0 when absent" },
  strides: { kind: "ints", doc: "step along each spatial axis; 1 when absent" },
};

/** Convolution of integers less their zero points; the filters may have one zero point each. Sums are exact. */
export function convolveIntegers(x: Tensor, xZero: Tensor | undefined, w: Tensor, wZero: Tensor | undefined, context: EvaluateContext): { dims: number[]; numbers: ArrayLike<number> } {
  const shift = xZero ? toNumbers(xZero)[0]! : 0;
  const zeros = wZero ? toNumbers(wZero) : [0];
  const perFilter = elementCount(w.dims.slice(1));
  if (zeros.length !== 1 && zeros.length !== w.dims[0]) throw new GraphwrightError("quantization-shape", `${zeros.length} zero points are given for ${w.dims[0]} filters.`);
  const input = Float64Array.from(toNumbers(x), (v) => v - shift);
  const weights = Float64Array.from(toNumbers(w), (v, i) => v - zeros[zeros.length === 1 ? 0 : Math.floor(i / perFilter)]!);
  const { attributes } = context;
  const window = windowAttributes(attributes, attributes.ints("kernel_shape") ?? w.dims.slice(2));
  return convolve({ dims: x.dims, numbers: input }, { dims: w.dims, numbers: weights }, undefined, attributes.int("group"), window, "float64", context.task);
}

/** FLOPs of a convolution whose weights are input `w`: two for each tap of each output element. */
export const convolutionCost = (w: number) => ({ inputs, outputs }: CostContext): { flops: number } => {
  const weights = staticShape(inputs[w]);
  const output = staticShape(outputs[0]);
  return { flops: weights && output ? 2 * elementCount(output) * elementCount(weights.slice(1)) : 0 };
};
