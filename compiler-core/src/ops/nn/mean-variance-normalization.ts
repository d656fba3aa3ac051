import { fromNumbers, toNumbers } from "../../ir/tensor.ts";
import { defineOperator } from "../definition.ts";
import { costPerOutput, zipTensors } from "../support/elementwise.ts";
import { sameAsInput } from "../support/infer.ts";
import { meanVarianceNormalizationLowering } from "../support/lower-normalization.ts";
import { tensorAt } from "../support/numbers.ts";
import { checkedAxes, reduceNumbers } from "../support/reduction.ts";
import { floats, required, tensors } from "../support/types.ts";

export const meanVarianceNormalization = defineOperator({
  domain: "",
  op: "MeanVarianceNormalization",
  versions: [
    { since: 9 },
    { since: 13, change: "more element types", allows: tensors("bfloat16") },
  ],
  summary: "Subtracts the mean and divides by the standard deviation over some axes.",
  family: "normalization",
  inputs: [required("X", "T", "input")],
  outputs: [required("Y", "T", "output")],
  attributes: {
    axes: { kind: "ints", doc: "dimensions it works along; negative counts from the last", fallback: [0, 2, 3] },
  },
  types: { T: floats },
  infer: sameAsInput,
  evaluate: (inputs, { attributes }) => {
    const x = tensorAt(inputs, 0);
    const axes = checkedAxes(attributes.ints("axes")!, x.dims.length);
    const wide = { ...x, element: "float64" as const, data: Float64Array.from(toNumbers(x)) };
    const mean = { start: 0, step: (sum: number, v: number) => sum + v, finish: (sum: number, count: number) => sum / count };
    const centred = zipTensors(wide, reduceNumbers(wide, axes, true, mean), (v, m) => v - m);
    const variance = reduceNumbers(zipTensors(centred, centred, (a, b) => a * b), axes, true, mean);
    // 1e-9 keeps a constant slice from dividing by zero, as the standard's own definition has it.
    return [fromNumbers(x.element, x.dims, toNumbers(zipTensors(centred, variance, (v, s) => v / (Math.sqrt(s) + 1e-9))))];
  },
  cost: costPerOutput(6),
  lower: meanVarianceNormalizationLowering,
});
