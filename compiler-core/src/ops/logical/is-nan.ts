import { defineOperator } from "../definition.ts";
import { costPerOutput, mapNumbers } from "../support/elementwise.ts";
import { shapedLike } from "../support/infer.ts";
import { unaryLowering } from "../support/lower-elementwise.ts";
import { tensorAt } from "../support/numbers.ts";
import { bool, floats8, required, tensors } from "../support/types.ts";

export const isNan = defineOperator({
  domain: "",
  op: "IsNaN",
  versions: [
    { since: 9 },
    { since: 13, change: "more element types", allows: tensors("bfloat16") },
    { since: 20, change: "more element types", allows: floats8 },
  ],
  summary: "True where an element is not a number.",
  family: "elementwise",
  inputs: [required("X", "T1", "input")],
  outputs: [required("Y", "T2", "output")],
  types: { T1: tensors("float16", "float32", "float64", "bfloat16", "float8e4m3fn", "float8e4m3fnuz", "float8e5m2", "float8e5m2fnuz"), T2: bool },
  infer: shapedLike(0, "bool"),
  evaluate: (inputs) => [mapNumbers(tensorAt(inputs, 0), (x) => (Number.isNaN(x) ? 1 : 0), "bool")],
  cost: costPerOutput(1),
  lower: unaryLowering("isnan"),
});
