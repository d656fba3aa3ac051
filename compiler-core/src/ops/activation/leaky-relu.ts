import { defineOperator } from "../definition.ts";
import { parametricUnary } from "../support/elementwise.ts";
import { activations, elementwiseLowering } from "../support/lower-elementwise.ts";
import { floats, required, tensors } from "../support/types.ts";
import { dropsAttributes } from "../support/versions.ts";

export const leakyRelu = defineOperator({
  domain: "",
  op: "LeakyRelu",
  versions: [
    { since: 1, ...dropsAttributes("consumed_inputs") },
    { since: 6, change: "attribute consumed_inputs dropped" },
    { since: 16, change: "more element types", allows: tensors("bfloat16") },
  ],
  summary: "Multiplies negative elements by alpha and keeps the others.",
  family: "activation",
  inputs: [required("X", "T", "input")],
  outputs: [required("Y", "T", "output")],
  attributes: {
    alpha: { kind: "float", doc: "coefficient", fallback: 0.01 },
  },
  types: { T: floats },
  ...parametricUnary({
    apply: (attributes) => {
      const alpha = attributes.float("alpha");
      return (x) => (x < 0 ? alpha * x : x);
    },
  }),
  lower: elementwiseLowering(activations.leakyRelu),
});
