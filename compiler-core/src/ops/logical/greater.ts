import { defineOperator } from "../definition.ts";
import { comparison } from "../support/elementwise.ts";
import { knownGreater } from "../support/known-conditions.ts";
import { binaryLowering } from "../support/lower-elementwise.ts";
import { bool, integers, numbers, required, tensors } from "../support/types.ts";
import { legacyBroadcast } from "../support/versions.ts";

export const greater = defineOperator({
  domain: "",
  op: "Greater",
  versions: [
    { since: 1, ...legacyBroadcast },
    { since: 7, change: "broadcasts as NumPy does" },
    { since: 9, change: "more element types", allows: integers },
    { since: 13, change: "more element types", allows: tensors("bfloat16") },
  ],
  summary: "True where the first is greater, with broadcasting.",
  family: "elementwise",
  inputs: [
    required("A", "T", "left operand"),
    required("B", "T", "right operand"),
  ],
  outputs: [required("C", "T1", "result")],
  types: { T: numbers, T1: bool },
  ...comparison((a, b) => a > b, knownGreater),
  lower: binaryLowering("gt"),
});
