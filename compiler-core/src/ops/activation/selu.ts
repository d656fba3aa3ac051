import { defineOperator } from "../definition.ts";
import { parametricUnary } from "../support/elementwise.ts";
import { activations, elementwiseLowering } from "../support/lower-elementwise.ts";
import { floats, required, tensors } from "../support/types.ts";
import { dropsAttributes } from "../support/versions.ts";

export const selu = defineOperator({
  domain: "",
  op: "Selu",
  versions: [
    { since: 1, ...dropsAttributes("consumed_inputs") },
    { since: 6, change: "attribute consumed_inputs dropped" },
    { since: 22, change: "more element types", allows: tensors("bfloat16") },
  ],
  summary: "Scaled exponential linear unit: gamma x where positive, else gamma alpha (e^x - 1).",
  doc: "Klambauer et al. 2017.",
  family: "activation",
  inputs: [required("X", "T", "input")],
  outputs: [required("Y", "T", "output")],
  attributes: {
    alpha: { kind: "float", doc: "coefficient", fallback: 1.673263 },
    gamma: { kind: "float", doc: "scale", fallback: 1.050701 },
  },
  types: { T: floats },
  ...parametricUnary({
    apply: (attributes) => {
      const alpha = attributes.float("alpha");
      const gamma = attributes.float("gamma");
      return (x) => gamma * (x > 0 ? x : alpha * Math.expm1(x));
    },
  }),
  lower: elementwiseLowering(activations.selu),
});
