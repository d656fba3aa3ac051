import { defineOperator } from "../definition.ts";
import { elementwiseUnary } from "../support/elementwise.ts";
import { unaryLowering } from "../support/lower-elementwise.ts";
import { floats, required, tensors } from "../support/types.ts";

export const atan = defineOperator({
  domain: "",
  op: "Atan",
  versions: [
    { since: 7 },
    { since: 22, change: "more element types", allows: tensors("bfloat16") },
  ],
  summary: "Inverse tangent of each element.",
  family: "elementwise",
  inputs: [required("input", "T", "input")],
  outputs: [required("output", "T", "output")],
  types: { T: floats },
  ...elementwiseUnary({ apply: Math.atan, flops: 4 }),
  lower: unaryLowering("atan"),
});
