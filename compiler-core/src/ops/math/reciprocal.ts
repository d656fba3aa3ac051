import { defineOperator } from "../definition.ts";
import { elementwiseUnary } from "../support/elementwise.ts";
import { activations, elementwiseLowering } from "../support/lower-elementwise.ts";
import { floats, required, tensors } from "../support/types.ts";
import { dropsAttributes } from "../support/versions.ts";

export const reciprocal = defineOperator({
  domain: "",
  op: "Reciprocal",
  versions: [
    { since: 1, ...dropsAttributes("consumed_inputs") },
    { since: 6, change: "attribute consumed_inputs dropped" },
    { since: 13, change: "more element types", allows: tensors("bfloat16") },
  ],
  summary: "One divided by each element.",
  family: "elementwise",
  inputs: [required("X", "T", "input")],
  outputs: [required("Y", "T", "output")],
  types: { T: floats },
  ...elementwiseUnary({ apply: (x) => 1 / x }),
  lower: elementwiseLowering(activations.reciprocal),
});
