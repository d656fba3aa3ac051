import { maxDims } from "../../ir/dim.ts";
import { defineOperator } from "../definition.ts";
import { variadicElementwise } from "../support/elementwise.ts";
import { foldLowering } from "../support/lower-elementwise.ts";
import { integers, numbers, required, tensors, variadic } from "../support/types.ts";
import { dropsAttributes } from "../support/versions.ts";

export const max = defineOperator({
  domain: "",
  op: "Max",
  versions: [
    { since: 1, ...dropsAttributes("consumed_inputs") },
    { since: 6, change: "attribute consumed_inputs dropped" },
    { since: 8, change: "broadcasts as NumPy does" },
    { since: 12, change: "more element types", allows: integers },
    { since: 13, change: "more element types", allows: tensors("bfloat16") },
  ],
  summary: "Largest of any number of tensors, element by element with broadcasting.",
  family: "elementwise",
  inputs: [variadic("data_0", "T", "the operands")],
  outputs: [required("max", "T", "the result")],
  types: { T: numbers },
  ...variadicElementwise({ combine: Math.max, big: (a, b) => (a > b ? a : b), known: maxDims, chooses: true }),
  lower: foldLowering("max"),
});
