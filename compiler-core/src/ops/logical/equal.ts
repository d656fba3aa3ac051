import { defineOperator } from "../definition.ts";
import { comparison } from "../support/elementwise.ts";
import { knownEqual } from "../support/known-conditions.ts";
import { binaryLowering } from "../support/lower-elementwise.ts";
import { bool, numbers, required, string, tensors } from "../support/types.ts";
import { legacyBroadcast } from "../support/versions.ts";

export const equal = defineOperator({
  domain: "",
  op: "Equal",
  versions: [
    { since: 1, ...legacyBroadcast },
    { since: 7, change: "broadcasts as NumPy does" },
    { since: 11, change: "more element types", allows: tensors("float16", "float32", "float64", "int8", "int16", "uint8", "uint16", "uint32", "uint64") },
    { since: 13, change: "more element types", allows: tensors("bfloat16") },
    { since: 19, change: "more element types", allows: string },
  ],
  summary: "True where both are equal, with broadcasting.",
  family: "elementwise",
  inputs: [
    required("A", "T", "left operand"),
    required("B", "T", "right operand"),
  ],
  outputs: [required("C", "T1", "result")],
  types: { T: [...numbers, ...tensors("bool", "string")], T1: bool },
  ...comparison((a, b) => a === b, knownEqual),
  lower: binaryLowering("eq"),
});
