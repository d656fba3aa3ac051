import { isInteger } from "../../ir/element-type.ts";
import { defineOperator } from "../definition.ts";
import { reduceLowering } from "../support/lower-reduce.ts";
import { reduction } from "../support/reduction.ts";
import { optional, required, tensors, wideNumbers } from "../support/types.ts";
import { intsBecomeInput, lacksAttribute, steps } from "../support/versions.ts";

export const reduceMean = defineOperator({
  domain: "",
  op: "ReduceMean",
  versions: [
    { since: 1 },
    { since: 11 },
    { since: 13, change: "more element types", allows: tensors("bfloat16"), ...steps(intsBecomeInput("axes", 1), lacksAttribute("noop_with_empty_axes", 0)) },
    { since: 18, change: "axes became an input; attribute noop_with_empty_axes added" },
  ],
  summary: "Mean over the given axes.",
  family: "reduction",
  inputs: [
    required("data", "T", "input"),
    optional("axes", "tensor(int64)", "dimensions it works along; negative counts from the last"),
  ],
  outputs: [required("reduced", "T", "the reduced tensor")],
  attributes: {
    keepdims: { kind: "int", doc: "1 keeps reduced dimensions as 1", fallback: 1 },
    noop_with_empty_axes: { kind: "int", doc: "1 leaves the input as it is when axes are absent or empty; 0 reduces everything", fallback: 0 },
  },
  types: { T: wideNumbers },
  ...reduction({
    fold: (element) => ({ start: 0, step: (sum, x) => sum + x, finish: (sum, count) => (isInteger(element) ? Math.trunc(sum / count) : sum / count) }),
    big: { start: 0n, step: (sum, x) => sum + x, finish: (sum, count) => (count === 0 ? 0n : sum / BigInt(count)) },
  }),
  lower: reduceLowering("mean"),
});
