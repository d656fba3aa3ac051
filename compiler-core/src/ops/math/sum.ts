import { addDims } from "../../ir/dim.ts";
import { defineOperator } from "../definition.ts";
import { variadicElementwise } from "../support/elementwise.ts";
import { foldLowering } from "../support/lower-elementwise.ts";
import { floats, required, tensors, variadic } from "../support/types.ts";
import { dropsAttributes } from "../support/versions.ts";

export const sum = defineOperator({
  domain: "",
  op: "Sum",
  versions: [
    { since: 1, ...dropsAttributes("consumed_inputs") },
    { since: 6, change: "attribute consumed_inputs dropped" },
    { since: 8, change: "broadcasts as NumPy does" },
    { since: 13, change: "more element types", allows: tensors("bfloat16") },
  ],
  summary: "Adds any number of tensors element by element, with broadcasting.",
  family: "elementwise",
  inputs: [variadic("data_0", "T", "the operands")],
  outputs: [required("sum", "T", "the sum")],
  types: { T: floats },
  ...variadicElementwise({ combine: (a, b) => a + b, known: addDims }),
  lower: foldLowering("add"),
});
