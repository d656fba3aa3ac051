import { defineOperator } from "../definition.ts";
import { globalPool } from "../support/global-pool.ts";
import { globalMaxPoolLowering } from "../support/lower-pool.ts";
import { floats, required, tensors } from "../support/types.ts";

export const globalMaxPool = defineOperator({
  domain: "",
  op: "GlobalMaxPool",
  versions: [
    { since: 1 },
    { since: 22, change: "more element types", allows: tensors("bfloat16") },
  ],
  summary: "Takes the largest element of each channel over all spatial positions.",
  family: "pooling",
  inputs: [required("X", "T", "input")],
  outputs: [required("Y", "T", "output")],
  types: { T: floats },
  ...globalPool({ start: -Infinity, step: Math.max }),
  lower: globalMaxPoolLowering,
});
