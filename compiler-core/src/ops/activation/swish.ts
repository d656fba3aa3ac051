import { defineOperator } from "../definition.ts";
import { parametricUnary } from "../support/elementwise.ts";
import { activations, elementwiseLowering } from "../support/lower-elementwise.ts";
import { logistic } from "../support/special-functions.ts";
import { floats, required } from "../support/types.ts";

export const swish = defineOperator({
  domain: "",
  op: "Swish",
  versions: [{ since: 24 }],
  summary: "x * sigmoid(alpha * x).",
  doc: "With alpha 1 this is also called SiLU. Source: Ramachandran et al. 2017.",
  family: "activation",
  inputs: [required("X", "T", "input")],
  outputs: [required("Y", "T", "output")],
  attributes: { alpha: { kind: "float", doc: "factor inside the sigmoid", fallback: 1 } },
  types: { T: floats },
  ...parametricUnary({
    apply: (attributes) => {
      const alpha = attributes.float("alpha");
      return (x) => x * logistic(alpha * x);
    },
    flops: 5,
  }),
  lower: elementwiseLowering(activations.swish),
});
