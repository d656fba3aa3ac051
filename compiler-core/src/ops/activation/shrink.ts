import { defineOperator } from "../definition.ts";
import { parametricUnary } from "../support/elementwise.ts";
import { shrinkLowering } from "../support/lower-elementwise.ts";
import { integers, required, tensors } from "../support/types.ts";

export const shrink = defineOperator({
  domain: "",
  op: "Shrink",
  versions: [{ since: 9 }],
  summary: "Zeroes elements between -lambd and lambd and moves the others towards zero by bias.",
  family: "activation",
  inputs: [required("input", "T", "input")],
  outputs: [required("output", "T", "output")],
  attributes: {
    bias: { kind: "float", doc: "how far the others move", fallback: 0 },
    lambd: { kind: "float", doc: "edge of the zeroed range", fallback: 0.5 },
  },
  types: { T: [...integers, ...tensors("float16", "float32", "float64")] },
  ...parametricUnary({
    apply: (attributes) => {
      const bias = attributes.float("bias");
      const edge = attributes.float("lambd");
      return (x) => (x < -edge ? x + bias : x > edge ? x - bias : 0);
    },
  }),
  lower: shrinkLowering,
});
