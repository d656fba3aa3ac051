import { defineOperator } from "../definition.ts";
import { elementwiseUnary } from "../support/elementwise.ts";
import { unaryLowering } from "../support/lower-elementwise.ts";
import { floats, required, tensors } from "../support/types.ts";

export const tan = defineOperator({
  domain: "",
  op: "Tan",
  versions: [
    { since: 7 },
    { since: 22, change: "more element types", allows: tensors("bfloat16") },
  ],
  summary: "Tangent of each element.",
  family: "elementwise",
  inputs: [required("input", "T", "input")],
  outputs: [required("output", "T", "output")],
  types: { T: floats },
  ...elementwiseUnary({ apply: Math.tan, flops: 4 }),
  lower: unaryLowering("tan"),
});
