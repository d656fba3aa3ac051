import { defineOperator } from "../definition.ts";
import { elementwiseUnary } from "../support/elementwise.ts";
import { activations, elementwiseLowering } from "../support/lower-elementwise.ts";
import { smoothRectifier } from "../support/special-functions.ts";
import { floats, required, tensors } from "../support/types.ts";

export const softplus = defineOperator({
  domain: "",
  op: "Softplus",
  versions: [
    { since: 1 },
    { since: 22, change: "more element types", allows: tensors("bfloat16") },
  ],
  summary: "Smooth rectifier: ln(1 + e^x).",
  family: "activation",
  inputs: [required("X", "T", "input")],
  outputs: [required("Y", "T", "output")],
  types: { T: floats },
  ...elementwiseUnary({ apply: smoothRectifier, flops: 4 }),
  lower: elementwiseLowering(activations.softplus),
});
