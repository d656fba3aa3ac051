import { defineOperator } from "../definition.ts";
import { elementwiseUnary } from "../support/elementwise.ts";
import { activations, elementwiseLowering } from "../support/lower-elementwise.ts";
import { floats, required, tensors } from "../support/types.ts";

export const softsign = defineOperator({
  domain: "",
  op: "Softsign",
  versions: [
    { since: 1 },
    { since: 22, change: "more element types", allows: tensors("bfloat16") },
  ],
  summary: "x / (1 + |x|).",
  family: "activation",
  inputs: [required("input", "T", "input")],
  outputs: [required("output", "T", "output")],
  types: { T: floats },
  ...elementwiseUnary({ apply: (x) => x / (1 + Math.abs(x)), flops: 2 }),
  lower: elementwiseLowering(activations.softsign),
});
