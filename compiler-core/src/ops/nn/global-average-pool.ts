import { defineOperator } from "../definition.ts";
import { globalPool } from "../support/global-pool.ts";
import { globalAveragePoolLowering } from "../support/lower-pool.ts";
import { floats, required, tensors } from "../support/types.ts";

export const globalAveragePool = defineOperator({
  domain: "",
  op: "GlobalAveragePool",
  versions: [
    { since: 1 },
    { since: 22, change: "more element types", allows: tensors("bfloat16") },
  ],
  summary: "Takes the mean of each channel over all spatial positions.",
  family: "pooling",
  inputs: [required("X", "T", "input")],
  outputs: [required("Y", "T", "output")],
  types: { T: floats },
  ...globalPool({ start: 0, step: (sum, x) => sum + x, finish: (sum, count) => sum / count }),
  lower: globalAveragePoolLowering,
});
