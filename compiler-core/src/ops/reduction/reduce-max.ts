import { defineOperator } from "../definition.ts";
import { reduceLowering } from "../support/lower-reduce.ts";
import { lowest, reduction } from "../support/reduction.ts";
import { bool, bytes, optional, required, tensors, wideNumbers } from "../support/types.ts";
import { intsBecomeInput, lacksAttribute, steps } from "../support/versions.ts";

export const reduceMax = defineOperator({
  domain: "",
  op: "ReduceMax",
  versions: [
    { since: 1 },
    { since: 11 },
    { since: 12, change: "more element types", allows: bytes },
    { since: 13, change: "more element types", allows: tensors("bfloat16"), ...steps(intsBecomeInput("axes", 1), lacksAttribute("noop_with_empty_axes", 0)) },
    { since: 18, change: "axes became an input; attribute noop_with_empty_axes added" },
    { since: 20, change: "more element types", allows: bool },
  ],
  summary: "Largest element over the given axes.",
  doc: "An empty reduction gives minus infinity, or the lowest integer, or false.",
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
  types: { T: [...wideNumbers, ...tensors("int8", "uint8", "bool")] },
  ...reduction({
    fold: (element) => ({ start: lowest(element), step: Math.max }),
    big: (element) => ({ start: element === "int64" ? -(1n << 63n) : 0n, step: (top, x) => (x > top ? x : top) }),
  }),
  lower: reduceLowering("max"),
});
