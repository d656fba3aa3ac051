import { defineOperator } from "../definition.ts";
import { elementwiseUnary } from "../support/elementwise.ts";
import { activations, elementwiseLowering } from "../support/lower-elementwise.ts";
import { logistic } from "../support/special-functions.ts";
import { floats, required, tensors } from "../support/types.ts";
import { dropsAttributes } from "../support/versions.ts";

export const sigmoid = defineOperator({
  domain: "",
  op: "Sigmoid",
  versions: [
    { since: 1, ...dropsAttributes("consumed_inputs") },
    { since: 6, change: "attribute consumed_inputs dropped" },
    { since: 13, change: "more element types", allows: tensors("bfloat16") },
  ],
  summary: "Logistic function of each element: 1 / (1 + e^-x).",
  family: "activation",
  inputs: [required("X", "T", "input")],
  outputs: [required("Y", "T", "output")],
  types: { T: floats },
  ...elementwiseUnary({ apply: logistic, flops: 4 }),
  lower: elementwiseLowering(activations.sigmoid),
});
