import { defineOperator } from "../definition.ts";
import { comparison } from "../support/elementwise.ts";
import { knownXor } from "../support/known-conditions.ts";
import { binaryLowering } from "../support/lower-elementwise.ts";
import { bool, required } from "../support/types.ts";
import { legacyBroadcast } from "../support/versions.ts";

export const xor = defineOperator({
  domain: "",
  op: "Xor",
  versions: [
    { since: 1, ...legacyBroadcast },
    { since: 7, change: "broadcasts as NumPy does" },
  ],
  summary: "Logical exclusive or of two bool tensors, with broadcasting.",
  family: "elementwise",
  inputs: [
    required("A", "T", "left operand"),
    required("B", "T", "right operand"),
  ],
  outputs: [required("C", "T1", "result")],
  types: { T: bool, T1: bool },
  ...comparison((a, b) => a !== b, knownXor),
  lower: binaryLowering("xor"),
});
