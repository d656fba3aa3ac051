import { defineOperator } from "../definition.ts";
import { elementwiseUnary } from "../support/elementwise.ts";
import { unaryLowering } from "../support/lower-elementwise.ts";
import { floats, required, tensors } from "../support/types.ts";
import { dropsAttributes } from "../support/versions.ts";

export const log = defineOperator({
  domain: "",
  op: "Log",
  versions: [
    { since: 1, ...dropsAttributes("consumed_inputs") },
    { since: 6, change: "attribute consumed_inputs dropped" },
    { since: 13, change: "more element types", allows: tensors("bfloat16") },
  ],
  summary: "Natural logarithm of each element.",
  family: "elementwise",
  inputs: [required("input", "T", "input")],
  outputs: [required("output", "T", "output")],
  types: { T: floats },
  ...elementwiseUnary({ apply: Math.log, flops: 4 }),
  lower: unaryLowering("log"),
});
