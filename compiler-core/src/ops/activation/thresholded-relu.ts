import { defineOperator } from "../definition.ts";
import { parametricUnary } from "../support/elementwise.ts";
import { activations, elementwiseLowering } from "../support/lower-elementwise.ts";
import { floats, required, tensors } from "../support/types.ts";

export const thresholdedRelu = defineOperator({
  domain: "",
  op: "ThresholdedRelu",
  versions: [
    { since: 10 },
    { since: 22, change: "more element types", allows: tensors("bfloat16") },
  ],
  summary: "Keeps elements above alpha and zeroes the others.",
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
      return (x) => (x > alpha ? x : 0);
    },
  }),
  lower: elementwiseLowering(activations.thresholdedRelu),
});
