import { type BigArray, isBigArray, toNumbers } from "../../ir/tensor.ts";
import { shapeOf } from "../../ir/value-type.ts";
import { defineOperator } from "../definition.ts";
import { costPerOutput, mapBig, mapNumbers } from "../support/elementwise.ts";
import { elementOfInput, tensorOutput } from "../support/infer.ts";
import { clipLowering } from "../support/lower-elementwise.ts";
import { optionalTensor, tensorAt } from "../support/numbers.ts";
import { integers, numbers, optional, required, tensors } from "../support/types.ts";
import { dropsAttributes, floatBecomesInput, steps } from "../support/versions.ts";

export const clip = defineOperator({
  domain: "",
  op: "Clip",
  versions: [
    { since: 1, ...dropsAttributes("consumed_inputs") },
    { since: 6, change: "attribute consumed_inputs dropped", ...steps(floatBecomesInput("max", 2), floatBecomesInput("min", 1)) },
    { since: 11, change: "max became an input; min became an input" },
    { since: 12, change: "more element types", allows: integers },
    { since: 13, change: "more element types", allows: tensors("bfloat16") },
  ],
  summary: "Limits each element to a range; an absent limit is none.",
  doc: "When the lower limit is above the upper one, every element becomes the upper limit.",
  family: "elementwise",
  inputs: [
    required("input", "T", "input"),
    optional("min", "T", "lower limit, a scalar"),
    optional("max", "T", "upper limit, a scalar"),
  ],
  outputs: [required("output", "T", "output")],
  types: { T: numbers },
  infer: (context) => [tensorOutput(elementOfInput(context, 0), shapeOf(context.type(0)))],
  evaluate: (inputs) => {
    const x = tensorAt(inputs, 0);
    const low = optionalTensor(inputs, 1);
    const high = optionalTensor(inputs, 2);
    if (isBigArray(x.data)) {
      const min = low && (low.data as BigArray)[0]!;
      const max = high && (high.data as BigArray)[0]!;
      return [mapBig(x, (v) => { const floored = min !== undefined && v < min ? min : v; return max !== undefined && floored > max ? max : floored; })];
    }
    const min = low ? toNumbers(low)[0]! : -Infinity;
    const max = high ? toNumbers(high)[0]! : Infinity;
    return [mapNumbers(x, (v) => { const floored = v < min ? min : v; return floored > max ? max : floored; })];
  },
  cost: costPerOutput(2),
  lower: clipLowering,
});
