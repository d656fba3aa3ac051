import { int64Vector } from "../../ir/tensor.ts";
import { shapeOf } from "../../ir/value-type.ts";
import { defineOperator } from "../definition.ts";
import { tensorOutput } from "../support/infer.ts";
import { shapeLowering } from "../support/lower-shape.ts";
import { tensorAt } from "../support/numbers.ts";
import { everything, floats8, int64, required, tensors } from "../support/types.ts";
import { lacksAttribute, steps } from "../support/versions.ts";

/** Both bounds clamped to 0..rank; never crossing. */
function sliceBounds(rank: number, start: number, end = rank): { start: number; end: number } {
  const clamp = (at: number): number => Math.min(rank, Math.max(0, at < 0 ? at + rank : at));
  return { start: clamp(start), end: Math.max(clamp(start), clamp(end)) };
}

export const shape = defineOperator({
  domain: "",
  op: "Shape",
  versions: [
    { since: 1 },
    { since: 13, change: "more element types", allows: tensors("bfloat16"), ...steps(lacksAttribute("end", undefined), lacksAttribute("start", 0)) },
    { since: 15, change: "attribute end added; attribute start added" },
    { since: 19, change: "more element types", allows: floats8 },
    { since: 21, change: "more element types", allows: tensors("int4", "uint4") },
    { since: 23, change: "more element types", allows: tensors("float4e2m1") },
    { since: 24, change: "more element types", allows: tensors("float8e8m0") },
    { since: 25, change: "more element types", allows: tensors("int2", "uint2") },
  ],
  summary: "Gives the sizes of its input as a vector.",
  family: "shape",
  inputs: [required("data", "T", "input")],
  outputs: [required("shape", "T1", "the sizes")],
  attributes: {
    end: { kind: "int", doc: "dimension to stop before; all when absent" },
    start: { kind: "int", doc: "first dimension given; negative counts from the last", fallback: 0 },
  },
  types: { T: everything, T1: int64 },
  infer: (context, _node, attributes) => {
    const shape = shapeOf(context.type(0));
    if (!shape) return [tensorOutput("int64", [null])];
    const { start, end } = sliceBounds(shape.length, attributes.int("start"), attributes.optionalInt("end"));
    const sizes = shape.slice(start, end);
    return [tensorOutput("int64", [sizes.length], sizes)];
  },
  evaluate: (inputs, context) => {
    const { dims } = tensorAt(inputs, 0);
    const { start, end } = sliceBounds(dims.length, context.attributes.int("start"), context.attributes.optionalInt("end"));
    return [int64Vector(dims.slice(start, end))];
  },
  cost: () => ({ flops: 0 }),
  lower: shapeLowering("shape"),
});
