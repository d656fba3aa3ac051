import { defineOperator } from "../definition.ts";
import { sameAsInput } from "../support/infer.ts";
import { scatterElementsLowering } from "../support/lower-indexing.ts";
import { classic, indices, required } from "../support/types.ts";
import type { VersionSteps } from "../support/versions.ts";

const renamed: VersionSteps = {
  upgrade: (node) => {
    node.op = "ScatterElements";
  },
};

export const scatter = defineOperator({
  domain: "",
  op: "Scatter",
  versions: [
    { since: 9, ...renamed },
    { since: 11, change: "called ScatterElements", removed: true },
  ],
  summary: "The older name of ScatterElements.",
  family: "shape",
  inputs: [
    required("data", "T", "input"),
    required("indices", "Tind", "positions along the axis"),
    required("updates", "T", "values to write, shaped like the indices"),
  ],
  outputs: [required("output", "T", "output")],
  attributes: {
    axis: { kind: "int", doc: "dimension it works along; negative counts from the last", fallback: 0 },
  },
  types: { T: classic, Tind: indices },
  infer: sameAsInput,
  cost: () => ({ flops: 0 }),
  lower: scatterElementsLowering,
});
