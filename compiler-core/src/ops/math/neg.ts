import { negateDim } from "../../ir/dim.ts";
import { defineOperator } from "../definition.ts";
import { elementwiseUnary } from "../support/elementwise.ts";
import { unaryLowering } from "../support/lower-elementwise.ts";
import { required, signedIntegers, signedNumbers, tensors } from "../support/types.ts";
import { dropsAttributes } from "../support/versions.ts";

export const neg = defineOperator({
  domain: "",
  op: "Neg",
  versions: [
    { since: 1, ...dropsAttributes("consumed_inputs") },
    { since: 6, change: "attribute consumed_inputs dropped; more element types", allows: signedIntegers },
    { since: 13, change: "more element types", allows: tensors("bfloat16") },
  ],
  summary: "Changes the sign of each element.",
  family: "elementwise",
  inputs: [required("X", "T", "input")],
  outputs: [required("Y", "T", "output")],
  types: { T: signedNumbers },
  ...elementwiseUnary({ apply: (x) => -x, big: (x) => -x, known: negateDim }),
  lower: unaryLowering("neg"),
});
