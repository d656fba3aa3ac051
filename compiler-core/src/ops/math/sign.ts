import { defineOperator } from "../definition.ts";
import { elementwiseUnary } from "../support/elementwise.ts";
import { activations, elementwiseLowering } from "../support/lower-elementwise.ts";
import { numbers, required, tensors } from "../support/types.ts";

export const sign = defineOperator({
  domain: "",
  op: "Sign",
  versions: [
    { since: 9 },
    { since: 13, change: "more element types", allows: tensors("bfloat16") },
  ],
  summary: "Sign of each element: -1, 0 or 1.",
  family: "elementwise",
  inputs: [required("input", "T", "input")],
  outputs: [required("output", "T", "output")],
  types: { T: numbers },
  ...elementwiseUnary({ apply: Math.sign, big: (x) => (x > 0n ? 1n : x < 0n ? -1n : 0n) }),
  lower: elementwiseLowering(activations.sign),
});
