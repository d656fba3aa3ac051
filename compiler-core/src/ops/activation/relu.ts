import { defineOperator } from "../definition.ts";
import { elementwiseUnary } from "../support/elementwise.ts";
import { activations, elementwiseLowering } from "../support/lower-elementwise.ts";
import { required, signedIntegers, signedNumbers, tensors } from "../support/types.ts";
import { dropsAttributes } from "../support/versions.ts";

export const relu = defineOperator({
  domain: "",
  op: "Relu",
  versions: [
    { since: 1, ...dropsAttributes("consumed_inputs") },
    { since: 6, change: "attribute consumed_inputs dropped" },
    { since: 13, change: "more element types", allows: tensors("bfloat16") },
    { since: 14, change: "more element types", allows: signedIntegers },
  ],
  summary: "Replaces negative elements by zero: max(x, 0).",
  family: "activation",
  inputs: [required("X", "T", "input")],
  outputs: [required("Y", "T", "output")],
  types: { T: signedNumbers },
  ...elementwiseUnary({ apply: (x) => (x < 0 ? 0 : x), big: (x) => (x < 0n ? 0n : x) }),
  lower: elementwiseLowering(activations.relu),
});
