import { defineOperator } from "../definition.ts";
import { elementwiseUnary } from "../support/elementwise.ts";
import { activations, elementwiseLowering } from "../support/lower-elementwise.ts";
import { floats, required, tensors } from "../support/types.ts";

export const hardSwish = defineOperator({
  domain: "",
  op: "HardSwish",
  versions: [
    { since: 14 },
    { since: 22, change: "more element types", allows: tensors("bfloat16") },
  ],
  summary: "x times a clipped line: x max(0, min(1, x / 6 + 1/2)).",
  doc: "Howard et al. 2019.",
  family: "activation",
  inputs: [required("X", "T", "input")],
  outputs: [required("Y", "T", "output")],
  types: { T: floats },
  ...elementwiseUnary({ apply: (x) => x * Math.max(0, Math.min(1, x / 6 + 0.5)), flops: 4 }),
  lower: elementwiseLowering(activations.hardSwish),
});
