import { elementCount } from "../../ir/value-type.ts";
import { defineOperator } from "../definition.ts";
import { sameAsInput } from "../support/infer.ts";
import { scatterNdLowering } from "../support/lower-indexing.ts";
import { tensorAt } from "../support/numbers.ts";
import { tupleOffsets, writeFlat } from "../support/scatter.ts";
import { ordinary, required, tensors } from "../support/types.ts";
import { lacksAttribute } from "../support/versions.ts";

export const scatterNd = defineOperator({
  domain: "",
  op: "ScatterND",
  versions: [
    { since: 11 },
    { since: 13, change: "more element types", allows: tensors("bfloat16"), ...lacksAttribute("reduction", "none") },
    { since: 16, change: "attribute reduction added" },
    { since: 18 },
  ],
  summary: "Writes elements or slices at index tuples.",
  family: "shape",
  inputs: [
    required("data", "T", "input"),
    required("indices", "tensor(int64)", "tuples of indices in the last dimension"),
    required("updates", "T", "values to write"),
  ],
  outputs: [required("output", "T", "output")],
  attributes: {
    reduction: { kind: "string", doc: "how a written value joins the old one: none, add, mul, max or min", fallback: "none" },
  },
  types: { T: ordinary },
  infer: sameAsInput,
  evaluate: (inputs, { attributes }) => {
    const x = tensorAt(inputs, 0);
    const indices = tensorAt(inputs, 1);
    const inner = elementCount(x.dims.slice(indices.dims.at(-1)!));
    const starts = tupleOffsets(indices, x.dims, 0);
    const offsets = starts.flatMap((start) => Array.from({ length: inner }, (_, i) => start + i));
    return [writeFlat(x, offsets, tensorAt(inputs, 2), attributes.string("reduction", "none"))];
  },
  cost: () => ({ flops: 0 }),
  lower: scatterNdLowering,
});
