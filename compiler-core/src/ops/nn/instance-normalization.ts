import { toNumbers } from "../../ir/tensor.ts";
import { elementCount } from "../../ir/value-type.ts";
import { GraphwrightError } from "../../support/diagnostic.ts";
import { defineOperator } from "../definition.ts";
import { costPerOutput } from "../support/elementwise.ts";
import { sameAsInput } from "../support/infer.ts";
import { instanceNormalizationLowering } from "../support/lower-normalization.ts";
import { normalizeRows } from "../support/normalize.ts";
import { tensorAt } from "../support/numbers.ts";
import { floats, required, tensors } from "../support/types.ts";
import { dropsAttributes } from "../support/versions.ts";

export const instanceNormalization = defineOperator({
  domain: "",
  op: "InstanceNormalization",
  versions: [
    { since: 1, ...dropsAttributes("consumed_inputs") },
    { since: 6, change: "attribute consumed_inputs dropped" },
    { since: 22, change: "more element types", allows: tensors("bfloat16") },
  ],
  summary: "Normalizes each channel of each batch entry over its spatial positions, then scales and shifts.",
  doc: "Ulyanov et al. 2016.",
  family: "normalization",
  inputs: [
    required("input", "T", "input"),
    required("scale", "T", "scale by channel"),
    required("B", "T", "shift by channel"),
  ],
  outputs: [required("output", "T", "output")],
  attributes: {
    epsilon: { kind: "float", doc: "added to the variance, so that the root is never of zero", fallback: 1e-05 },
  },
  types: { T: floats },
  infer: sameAsInput,
  evaluate: (inputs, context) => {
    const x = tensorAt(inputs, 0);
    const plane = elementCount(x.dims.slice(2));
    const channels = x.dims[1] ?? 1;
    const scale = toNumbers(tensorAt(inputs, 1));
    const shift = toNumbers(tensorAt(inputs, 2));
    if (scale.length !== channels || shift.length !== channels) throw new GraphwrightError("norm-shape", `the input has ${channels} channels, but ${scale.length} scales and ${shift.length} shifts are given.`);
    return [normalizeRows(x, plane, context.attributes.float("epsilon"), context.task, (_at, row) => [scale[row % channels]!, shift[row % channels]!])];
  },
  cost: costPerOutput(8),
  lower: instanceNormalizationLowering,
});
