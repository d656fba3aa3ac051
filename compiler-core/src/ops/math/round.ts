import { defineOperator } from "../definition.ts";
import { elementwiseUnary } from "../support/elementwise.ts";
import { unaryLowering } from "../support/lower-elementwise.ts";
import { roundHalfEven } from "../support/special-functions.ts";
import { floats, required, tensors } from "../support/types.ts";

export const round = defineOperator({
  domain: "",
  op: "Round",
  versions: [
    { since: 11 },
    { since: 22, change: "more element types", allows: tensors("bfloat16") },
  ],
  summary: "Rounds each element to the nearest integer, halves to the even one.",
  family: "elementwise",
  inputs: [required("X", "T", "input")],
  outputs: [required("Y", "T", "output")],
  types: { T: floats },
  ...elementwiseUnary({ apply: roundHalfEven }),
  lower: unaryLowering("round"),
});
