import { defineOperator } from "../definition.ts";
import { parametricUnary } from "../support/elementwise.ts";
import { activations, elementwiseLowering } from "../support/lower-elementwise.ts";
import { errorFunction } from "../support/special-functions.ts";
import { floats, required } from "../support/types.ts";

const exact = (x: number): number => 0.5 * x * (1 + errorFunction(x * Math.SQRT1_2));
const approximated = (x: number): number => 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)));

export const gelu = defineOperator({
  domain: "",
  op: "Gelu",
  versions: [{ since: 20 }],
  summary: "Gaussian error linear unit: x times the normal distribution function of x.",
  doc: "Exact: x (1 + erf(x / sqrt 2)) / 2. With approximate = \"tanh\": x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2. Hendrycks and Gimpel 2016.",
  family: "activation",
  inputs: [required("X", "T", "input")],
  outputs: [required("Y", "T", "output")],
  attributes: {
    approximate: { kind: "string", doc: "none for the exact form, tanh for the approximation", fallback: "none" },
  },
  types: { T: floats },
  ...parametricUnary({
    apply: (attributes) => (attributes.string("approximate") === "tanh" ? approximated : exact),
    flops: 12,
  }),
  lower: elementwiseLowering(activations.gelu),
});
