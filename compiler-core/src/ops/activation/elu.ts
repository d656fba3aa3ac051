import { defineOperator } from "../definition.ts";
import { parametricUnary } from "../support/elementwise.ts";
import { activations, elementwiseLowering } from "../support/lower-elementwise.ts";
import { floats, required, tensors } from "../support/types.ts";
import { dropsAttributes } from "../support/versions.ts";

export const elu = defineOperator({
  domain: "",
  op: "Elu",
  versions: [
    { since: 1, ...dropsAttributes("consumed_inputs") },
    { since: 6, change: "attribute consumed_inputs dropped" },
    { since: 22, change: "more element types", allows: tensors("bfloat16") },
  ],
  summary: "Exponential linear unit: x where positive, else alpha (e^x - 1).",
  doc: "Clevert et al. 2016.",
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
      return (x) => (x < 0 ? alpha * Math.expm1(x) : x);
    },
  }),
  lower: elementwiseLowering(activations.elu),
});
