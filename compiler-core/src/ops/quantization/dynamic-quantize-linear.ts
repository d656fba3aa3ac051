import { scalar, toNumbers } from "../../ir/tensor.ts";
import { shapeOf, tensorType } from "../../ir/value-type.ts";
import { defineOperator } from "../definition.ts";
import { costPerOutput } from "../support/elementwise.ts";
import { dynamicQuantizeLinearLowering } from "../support/lower-quantization.ts";
import { tensorAt } from "../support/numbers.ts";
import { quantized, roundToEven } from "../support/quantization.ts";
import { required, tensors } from "../support/types.ts";

export const dynamicQuantizeLinear = defineOperator({
  domain: "",
  op: "DynamicQuantizeLinear",
  versions: [{ since: 11 }],
  summary: "Quantizes to uint8 with a scale and zero point taken from the input's own range.",
  doc: "The range is widened to hold 0, so that 0 is represented exactly: scale = (max - min) / 255, zero point = saturate(round(-min / scale)). An input of zeros gets the scale 1.",
  family: "quantization",
  inputs: [required("x", "T1", "what is quantized")],
  outputs: [
    required("y", "T2", "quantized numbers, shaped as x"),
    required("y_scale", "tensor(float32)", "scalar: size of one step"),
    required("y_zero_point", "T2", "scalar: what 0 maps to"),
  ],
  types: { T1: tensors("float32"), T2: tensors("uint8") },
  infer: (context) => [{ type: tensorType("uint8", shapeOf(context.type(0))) }, { type: tensorType("float32", []) }, { type: tensorType("uint8", []) }],
  evaluate: (inputs) => {
    const x = tensorAt(inputs, 0);
    const numbers = toNumbers(x);
    let low = 0;
    let high = 0;
    for (let i = 0; i < numbers.length; i++) {
      low = Math.min(low, numbers[i]!);
      high = Math.max(high, numbers[i]!);
    }
    const scale = high === low ? 1 : Math.fround(Math.fround(high - low) / 255);
    const zero = Math.min(255, Math.max(0, roundToEven(Math.fround(-low / scale))));
    const quotients = Float64Array.from(numbers, (v) => Math.fround(v / scale));
    return [quantized("uint8", x.dims, quotients, () => zero, true), scalar("float32", scale), scalar("uint8", zero)];
  },
  cost: costPerOutput(4),
  lower: dynamicQuantizeLinearLowering,
});
