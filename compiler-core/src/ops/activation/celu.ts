import { defineOperator } from "../definition.ts";
import { parametricUnary } from "../support/elementwise.ts";
import { activations, elementwiseLowering } from "../support/lower-elementwise.ts";
import { floats, required, tensors } from "../support/types.ts";

export const celu = defineOperator({
  domain: "",
  op: "Celu",
  versions: [
    { since: 12 },
    { since: 28, change: "more element types", allows: tensors("float16", "float64", "bfloat16") },
  ],
  summary: "Continuously differentiable exponential linear unit: max(0, x) + min(0, alpha (e^(x / alpha) - 1)).",
  doc: "Barron 2017.",
  family: "activation",
  inputs: [required("X", "T", "input")],
  outputs: [required("Y", "T", "output")],
  attributes: {
    alpha: { kind: "float", doc: "coefficient", fallback: 1 },
  },
  types: { T: floats },
  ...parametricUnary({
    apply: (attributes) => {
      const alpha = attributes.float("alpha");
      return (x) => Math.max(0, x) + Math.min(0, alpha * Math.expm1(x / alpha));
    },
  }),
  lower: elementwiseLowering(activations.celu),
});
