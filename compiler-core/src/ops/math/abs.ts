import { defineOperator } from "../definition.ts";
import { elementwiseUnary } from "../support/elementwise.ts";
import { unaryLowering } from "../support/lower-elementwise.ts";
import { integers, numbers, required, tensors } from "../support/types.ts";
import { dropsAttributes } from "../support/versions.ts";

export const abs = defineOperator({
  domain: "",
  op: "Abs",
  versions: [
    { since: 1, ...dropsAttributes("consumed_inputs") },
    { since: 6, change: "attribute consumed_inputs dropped; more element types", allows: integers },
    { since: 13, change: "more element types", allows: tensors("bfloat16") },
  ],
  summary: "Absolute value of each element.",
  family: "elementwise",
  inputs: [required("X", "T", "input")],
  outputs: [required("Y", "T", "output")],
  types: { T: numbers },
  ...elementwiseUnary({ apply: Math.abs, big: (x) => (x < 0n ? -x : x) }),
  lower: unaryLowering("abs"),
});
