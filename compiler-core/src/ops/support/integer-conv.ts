import type { Dim } from "../../ir/dim.ts";
import type { ElementType } from "../../ir/element-type.ts";
import type { OperatorNode } from "../../ir/graph.ts";
import { type Tensor, toNumbers } from "../../ir/tensor.ts";
import type { InferContext, InferredOutput } from "../../ir/type-rules.ts";
import { elementCount, shapeOf, staticShape, tensorType } from "../../ir/value-type.ts";
import { GraphwrightError } from "../../support/diagnostic.ts";
import type { AttributeInfo, AttributeReader, CostContext, EvaluateContext } from "../definition.ts";
import { convolve } from "./conv.ts";
import { reportProblem } from "./infer.ts";
import { windowAttributes, windowOutput } from "./window.ts";

export const convAttributes: Readonly<Record<string, AttributeInfo>> = {
  auto_pad: { kind: "string", doc: "NOTSET to use pads, SAME_UPPER or SAME_LOWER for an output of ceil(size / stride), VALID for no padding", fallback: "NOTSET" },
  dilations: { kind: "ints", doc: "distance of the kernel's taps along each spatial axis; 1 when absent" },
  group: { kind: "int", doc: "channels are divided into that many independent groups", fallback: 1 },
  kernel_shape: { kind: "ints", doc: "spatial size of the kernel; that of w when absent" },
  pads: { kind: "ints", doc: "padding at the beginning of each spatial axis, then at the end of each; 0 when absent" },
  strides: { kind: "ints", doc: "step along each spatial axis; 1 when absent" },
};

/** Shape of a convolution of inputs `x` and `w`. */
export function inferConvolution(context: InferContext, node: OperatorNode, attributes: AttributeReader, x: number, w: number, element: ElementType | null): readonly InferredOutput[] {
  const input = shapeOf(context.type(x));
  const weights = shapeOf(context.type(w));
  const rank = (input ?? weights)?.length;
  if (rank === undefined) return [{ type: tensorType(element, null) }];
  const unknown = new Array<Dim>(rank).fill(null);
  const from = input ?? unknown;
  const filters = weights ?? unknown;
  if (from.length !== filters.length || rank < 3) {
    reportProblem(context, node, `the input has ${from.length} dimensions and the weights ${filters.length}.`);
    return [{ type: tensorType(element, null) }];
  }
  const kernel = attributes.ints("kernel_shape") ?? filters.slice(2);
  if (!kernel.every((k): k is number => typeof k === "number")) return [{ type: tensorType(element, [from[0]!, filters[0]!, ...unknown.slice(2)]) }];
  const window = windowAttributes(attributes, kernel);
  return [{ type: tensorType(element, [from[0]!, filters[0]!, ...from.slice(2).map((size, i) => windowOutput(size, kernel[i]!, window, i))]) }];
}

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
