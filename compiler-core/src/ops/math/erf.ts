import { defineOperator } from "../definition.ts";
import { elementwiseUnary } from "../support/elementwise.ts";
import { elementwiseLowering, inFloats } from "../support/lower-elementwise.ts";
import { errorFunction } from "../support/special-functions.ts";
import { numbers, required, tensors } from "../support/types.ts";

export const erf = defineOperator({
  domain: "",
  op: "Erf",
  versions: [
    { since: 9 },
    { since: 13, change: "more element types", allows: tensors("bfloat16") },
  ],
  summary: "Error function of each element.",
  family: "elementwise",
  inputs: [required("input", "T", "input")],
  outputs: [required("output", "T", "output")],
  types: { T: numbers },
  ...elementwiseUnary({ apply: errorFunction, flops: 8 }),
  lower: elementwiseLowering(([x], _, type) => inFloats("erf", x!, type)),
});
