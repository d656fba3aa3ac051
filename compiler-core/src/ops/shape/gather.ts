import { toIntegers } from "../../ir/tensor.ts";
import { shapeOf } from "../../ir/value-type.ts";
import { defineOperator } from "../definition.ts";
import { checkedIndices } from "../support/indexing.ts";
import { checkedAxis, elementOfInput, knownInts, originOf, reportProblem, tensorOutput } from "../support/infer.ts";
import { gatherLowering } from "../support/lower-indexing.ts";
import { tensorAt } from "../support/numbers.ts";
import { reshaped, takeAlong } from "../support/strides.ts";
import { indices, ordinary, required, tensors } from "../support/types.ts";

export const gather = defineOperator({
  domain: "",
  op: "Gather",
  versions: [
    { since: 1 },
    { since: 11 },
    { since: 13, change: "more element types", allows: tensors("bfloat16") },
  ],
  summary: "Picks entries along an axis by index.",
  family: "shape",
  inputs: [
    required("data", "T", "tensor to pick from"),
    required("indices", "Tind", "which entries; negative counts from the end"),
  ],
  outputs: [required("output", "T", "output")],
  attributes: {
    axis: { kind: "int", doc: "dimension it works along; negative counts from the last", fallback: 0 },
  },
  types: { T: ordinary, Tind: indices },
  infer: (context, node, attributes) => {
    const shape = shapeOf(context.type(0));
    const indices = shapeOf(context.type(1));
    const element = elementOfInput(context, 0);
    if (!shape || !indices) return [tensorOutput(element, null)];
    const axis = checkedAxis(attributes.int("axis"), shape.length);
    const known = context.known(0);
    const picks = known && shape.length === 1 ? (knownInts(context, 1)) : undefined;
    const picked = picks?.map((i) => known!.at(i) ?? null);
    if (picks && picks.some((i) => i >= known!.length || i < -known!.length)) reportProblem(context, node, `an index of ${originOf(context, node, 1)} lies outside the ${known!.length} entries of ${originOf(context, node, 0)}.`);
    return [tensorOutput(element, [...shape.slice(0, axis), ...indices, ...shape.slice(axis + 1)], indices.length <= 1 ? picked : undefined)];
  },
  evaluate: (inputs, context) => {
    const x = tensorAt(inputs, 0);
    const indices = tensorAt(inputs, 1);
    const axis = checkedAxis(context.attributes.int("axis"), x.dims.length);
    const picked = takeAlong(x, axis, checkedIndices(toIntegers(indices), x.dims[axis]!));
    return [reshaped(picked, [...x.dims.slice(0, axis), ...indices.dims, ...x.dims.slice(axis + 1)])];
  },
  cost: () => ({ flops: 0 }),
  lower: gatherLowering,
});
