import { defineOperator } from "../definition.ts";
import { comparison } from "../support/elementwise.ts";
import { knownLessOrEqual } from "../support/known-conditions.ts";
import { binaryLowering } from "../support/lower-elementwise.ts";
import { bool, numbers, required, tensors } from "../support/types.ts";

export const lessOrEqual = defineOperator({
  domain: "",
  op: "LessOrEqual",
  versions: [
    { since: 12 },
    { since: 16, change: "more element types", allows: tensors("bfloat16") },
  ],
  summary: "True where the first is less or equal, with broadcasting.",
  family: "elementwise",
  inputs: [
    required("A", "T", "left operand"),
    required("B", "T", "right operand"),
  ],
  outputs: [required("C", "T1", "result")],
  types: { T: numbers, T1: bool },
  ...comparison((a, b) => a <= b, knownLessOrEqual),
  lower: binaryLowering("le"),
});
