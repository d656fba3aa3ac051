import { defineOperator } from "../definition.ts";
import { argReduction } from "../support/arg-reduction.ts";
import { argLowering } from "../support/lower-search.ts";
import { numbers, required, tensors } from "../support/types.ts";
import { lacksAttribute } from "../support/versions.ts";

export const argMin = defineOperator({
  domain: "",
  op: "ArgMin",
  versions: [
    { since: 1 },
    { since: 11, ...lacksAttribute("select_last_index", 0) },
    { since: 12, change: "attribute select_last_index added" },
    { since: 13, change: "more element types", allows: tensors("bfloat16") },
  ],
  summary: "Position of the smallest element along an axis.",
  family: "reduction",
  inputs: [required("data", "T", "input")],
  outputs: [required("reduced", "tensor(int64)", "the reduced tensor")],
  attributes: {
    axis: { kind: "int", doc: "dimension searched; negative counts from the last", fallback: 0 },
    keepdims: { kind: "int", doc: "1 keeps the axis with size 1", fallback: 1 },
    select_last_index: { kind: "int", doc: "1 picks the last of equal values", fallback: 0 },
  },
  types: { T: numbers },
  ...argReduction((x, best) => x < best),
  lower: argLowering(false),
});
