import { defineOperator } from "../definition.ts";
import { globalPool } from "../support/global-pool.ts";
import { globalLpPoolLowering } from "../support/lower-pool.ts";
import { wholeOrder } from "../support/lp-norm.ts";
import { floats, required, tensors } from "../support/types.ts";

export const globalLpPool = defineOperator({
  domain: "",
  op: "GlobalLpPool",
  versions: [
    { since: 1, ...wholeOrder },
    { since: 2, change: "p is an integer" },
    { since: 22, change: "more element types", allows: tensors("bfloat16") },
  ],
  summary: "Takes the p-norm of each channel over all spatial positions.",
  family: "pooling",
  inputs: [required("X", "T", "input")],
  outputs: [required("Y", "T", "output")],
  attributes: {
    p: { kind: "int", doc: "order of the norm", fallback: 2 },
  },
  types: { T: floats },
  ...globalPool((attributes) => {
    const p = attributes.int("p");
    return { start: 0, step: (sum, x) => sum + Math.abs(x) ** p, finish: (sum) => sum ** (1 / p) };
  }),
  lower: globalLpPoolLowering,
});
