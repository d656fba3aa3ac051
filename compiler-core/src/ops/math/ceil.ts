import { defineOperator } from "../definition.ts";
import { elementwiseUnary } from "../support/elementwise.ts";
import { unaryLowering } from "../support/lower-elementwise.ts";
import { floats, required, tensors } from "../support/types.ts";
import { dropsAttributes } from "../support/versions.ts";

export const ceil = defineOperator({
  domain: "",
  op: "Ceil",
  versions: [
    { since: 1, ...dropsAttributes("consumed_inputs") },
    { since: 6, change: "attribute consumed_inputs dropped" },
    { since: 13, change: "more element types", allows: tensors("bfloat16") },
  ],
  summary: "Rounds each element up.",
  family: "elementwise",
  inputs: [required("X", "T", "input")],
  outputs: [required("Y", "T", "output")],
  types: { T: floats },
  ...elementwiseUnary({ apply: Math.ceil }),
  lower: unaryLowering("ceil"),
});
