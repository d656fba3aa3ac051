import { defineOperator } from "../definition.ts";
import { variadicElementwise } from "../support/elementwise.ts";
import { meanLowering } from "../support/lower-elementwise.ts";
import { floats, required, tensors, variadic } from "../support/types.ts";
import { dropsAttributes } from "../support/versions.ts";

export const mean = defineOperator({
  domain: "",
  op: "Mean",
  versions: [
    { since: 1, ...dropsAttributes("consumed_inputs") },
    { since: 6, change: "attribute consumed_inputs dropped" },
    { since: 8, change: "broadcasts as NumPy does" },
    { since: 13, change: "more element types", allows: tensors("bfloat16") },
  ],
  summary: "Mean of any number of tensors, element by element with broadcasting.",
  family: "elementwise",
  inputs: [variadic("data_0", "T", "the operands")],
  outputs: [required("mean", "T", "mean")],
  types: { T: floats },
  ...variadicElementwise({ combine: (a, b) => a + b, finish: (sum, count) => sum / count }),
  lower: meanLowering,
});
