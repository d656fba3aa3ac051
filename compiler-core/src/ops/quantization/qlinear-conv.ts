import { toNumbers } from "../../ir/tensor.ts";
import { elementCount, elementOf, tensorType } from "../../ir/value-type.ts";
import { defineOperator } from "../definition.ts";
import { convAttributes, convolutionCost, convolveIntegers } from "../support/integer-conv.ts";
import { inferConv } from "../support/infer-conv.ts";
import { qlinearConvLowering } from "../support/lower-quantization.ts";
import { optionalTensor, tensorAt } from "../support/numbers.ts";
import { quantized } from "../support/quantization.ts";
import { bytes, int32, optional, required } from "../support/types.ts";

export const qlinearConv = defineOperator({
  domain: "",
  op: "QLinearConv",
  versions: [{ since: 10 }],
  summary: "Convolves quantized numbers and quantizes the result.",
  doc: "y = saturate(round((conv(x - zx, w - zw) + B) * sx * sw / sy) + zy). The bias has the step sx * sw and no zero point.",
  family: "quantization",
  inputs: [
    required("x", "T1", "input [N, C, ...spatial]"),
    required("x_scale", "tensor(float32)", "scalar: step of x"),
    required("x_zero_point", "T1", "scalar: what stands for 0 in x"),
    required("w", "T2", "filters [M, C / group, ...kernel]"),
    required("w_scale", "tensor(float32)", "step of w: a scalar or one for each filter"),
    required("w_zero_point", "T2", "what stands for 0 in w: a scalar or one for each filter"),
    required("y_scale", "tensor(float32)", "scalar: step of y"),
    required("y_zero_point", "T3", "scalar: what 0 maps to in y"),
    optional("B", "T4", "bias [M]"),
  ],
  outputs: [required("y", "T3", "quantized result [N, M, ...spatial]")],
  attributes: convAttributes,
  types: { T1: bytes, T2: bytes, T3: bytes, T4: int32 },
  infer: (context, node, attributes) => [{ type: tensorType(elementOf(context.type(7)), inferConv(context, node, attributes, 0, 3)) }],
  evaluate: (inputs, context) => {
    const { dims, numbers } = convolveIntegers(tensorAt(inputs, 0), tensorAt(inputs, 2), tensorAt(inputs, 3), tensorAt(inputs, 5), context);
    const [xScale] = toNumbers(tensorAt(inputs, 1));
    const wScales = toNumbers(tensorAt(inputs, 4));
    const [yScale] = toNumbers(tensorAt(inputs, 6));
    const zeroPoint = tensorAt(inputs, 7);
    const [zero] = toNumbers(zeroPoint);
    const biasTensor = optionalTensor(inputs, 8);
    const bias = biasTensor && toNumbers(biasTensor);
    const filters = dims[1]!;
    const positions = elementCount(dims.slice(2));
    const scaled = Float64Array.from(numbers, (sum, i) => {
      const m = Math.floor(i / positions) % filters;
      const factor = Math.fround(Math.fround(xScale! * wScales[wScales.length === 1 ? 0 : m]!) / yScale!);
      return Math.fround((sum + (bias ? bias[m]! : 0)) * factor);
    });
    return [quantized(zeroPoint.element, dims, scaled, () => zero!, true)];
  },
  cost: convolutionCost(3),
  lower: qlinearConvLowering,
});
