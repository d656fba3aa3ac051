import { defineOperator } from "../definition.ts";
import { elementwiseUnary } from "../support/elementwise.ts";
import { activations, elementwiseLowering } from "../support/lower-elementwise.ts";
import { smoothRectifier } from "../support/special-functions.ts";
import { floats, required, tensors } from "../support/types.ts";

export const mish = defineOperator({
  domain: "",
  op: "Mish",
  versions: [
    { since: 18 },
    { since: 22, change: "more element types", allows: tensors("bfloat16") },
  ],
  summary: "x tanh(ln(1 + e^x)).",
  doc: "Misra 2019.",
  family: "activation",
  inputs: [required("X", "T", "input")],
  outputs: [required("Y", "T", "output")],
  types: { T: floats },
  ...elementwiseUnary({ apply: (x) => x * Math.tanh(smoothRectifier(x)), flops: 8 }),
  lower: elementwiseLowering(activations.mish),
});
