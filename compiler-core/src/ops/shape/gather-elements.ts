import { toIntegers } from "../../ir/tensor.ts";
import { shapeOf } from "../../ir/value-type.ts";
import { GraphwrightError } from "../../support/diagnostic.ts";
import { defineOperator } from "../definition.ts";
import { checkedIndices } from "../support/indexing.ts";
import { checkedAxis, elementOfInput, tensorOutput } from "../support/infer.ts";
import { gatherElementsLowering } from "../support/lower-indexing.ts";
import { tensorAt } from "../support/numbers.ts";
import { offsetsOf } from "../support/reduction.ts";
import { takeFlat } from "../support/scatter.ts";
import { stridesOf } from "../support/strides.ts";
import { indices, ordinary, required, tensors } from "../support/types.ts";

export const gatherElements = defineOperator({
  domain: "",
  op: "GatherElements",
  versions: [
    { since: 11 },
    { since: 13, change: "more element types", allows: tensors("bfloat16") },
  ],
  summary: "Picks single elements: each index replaces the position along one axis.",
  family: "shape",
  inputs: [
    required("data", "T", "input"),
    required("indices", "Tind", "positions along the axis; the result has this shape"),
  ],
  outputs: [required("output", "T", "output")],
  attributes: {
    axis: { kind: "int", doc: "dimension it works along; negative counts from the last", fallback: 0 },
  },
  types: { T: ordinary, Tind: indices },
  infer: (context) => [tensorOutput(elementOfInput(context, 0), shapeOf(context.type(1)))],
  evaluate: (inputs, { attributes }) => {
    const x = tensorAt(inputs, 0);
    const indices = tensorAt(inputs, 1);
    const axis = checkedAxis(attributes.int("axis"), x.dims.length);
    if (indices.dims.length !== x.dims.length) throw new GraphwrightError("gather-elements", "data and indices must have one rank.");
    const picks = checkedIndices(toIntegers(indices), x.dims[axis]!);
    const strides = stridesOf(x.dims);
    const offsets = offsetsOf(indices.dims, strides.map((s, d) => (d === axis ? 0 : s)));
    return [takeFlat(x, picks.map((pick, i) => offsets[i]! + pick * strides[axis]!), indices.dims)];
  },
  cost: () => ({ flops: 0 }),
  lower: gatherElementsLowering,
});
