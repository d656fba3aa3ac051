import { defineOperator } from "../definition.ts";
import { parametricUnary } from "../support/elementwise.ts";
import { activations, elementwiseLowering } from "../support/lower-elementwise.ts";
import { floats, required, tensors } from "../support/types.ts";
import { dropsAttributes } from "../support/versions.ts";

export const hardSigmoid = defineOperator({
  domain: "",
  op: "HardSigmoid",
  versions: [
    { since: 1, ...dropsAttributes("consumed_inputs") },
    { since: 6, change: "attribute consumed_inputs dropped" },
    { since: 22, change: "more element types", allows: tensors("bfloat16") },
  ],
  summary: "A clipped line: max(0, min(1, alpha x + beta)).",
  family: "activation",
  inputs: [required("X", "T", "input")],
  outputs: [required("Y", "T", "output")],
  attributes: {
    alpha: { kind: "float", doc: "coefficient", fallback: 0.2 },
    beta: { kind: "float", doc: "second coefficient", fallback: 0.5 },
  },
  types: { T: floats },
  ...parametricUnary({
    apply: (attributes) => {
      const alpha = attributes.float("alpha");
      const beta = attributes.float("beta");
      return (x) => Math.max(0, Math.min(1, alpha * x + beta));
    },
  }),
  lower: elementwiseLowering(activations.hardSigmoid),
});
