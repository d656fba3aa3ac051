import { toIntegers } from "../../ir/tensor.ts";
import { defineOperator } from "../definition.ts";
import { checkedIndices } from "../support/indexing.ts";
import { checkedAxis, sameAsInput } from "../support/infer.ts";
import { scatterElementsLowering } from "../support/lower-indexing.ts";
import { tensorAt } from "../support/numbers.ts";
import { offsetsOf } from "../support/reduction.ts";
import { writeFlat } from "../support/scatter.ts";
import { stridesOf } from "../support/strides.ts";
import { indices, ordinary, required, tensors } from "../support/types.ts";
import { lacksAttribute } from "../support/versions.ts";

export const scatterElements = defineOperator({
  domain: "",
  op: "ScatterElements",
  versions: [
    { since: 11 },
    { since: 13, change: "more element types", allows: tensors("bfloat16"), ...lacksAttribute("reduction", "none") },
    { since: 16, change: "attribute reduction added" },
    { since: 18 },
  ],
  summary: "Writes elements: each index replaces the position along one axis.",
  family: "shape",
  inputs: [
    required("data", "T", "input"),
    required("indices", "Tind", "positions along the axis"),
    required("updates", "T", "values to write, shaped like the indices"),
  ],
  outputs: [required("output", "T", "output")],
  attributes: {
    axis: { kind: "int", doc: "dimension it works along; negative counts from the last", fallback: 0 },
    reduction: { kind: "string", doc: "how a written value joins the old one: none, add, mul, max or min", fallback: "none" },
  },
  types: { T: ordinary, Tind: indices },
  infer: sameAsInput,
  evaluate: (inputs, { attributes }) => {
    const x = tensorAt(inputs, 0);
    const indices = tensorAt(inputs, 1);
    const updates = tensorAt(inputs, 2);
    const axis = checkedAxis(attributes.int("axis"), x.dims.length);
    const picks = checkedIndices(toIntegers(indices), x.dims[axis]!);
    const strides = stridesOf(x.dims);
    const offsets = offsetsOf(indices.dims, strides.map((s, d) => (d === axis ? 0 : s)));
    return [writeFlat(x, picks.map((pick, i) => offsets[i]! + pick * strides[axis]!), updates, attributes.string("reduction", "none"))];
  },
  cost: () => ({ flops: 0 }),
  lower: scatterElementsLowering,
});
