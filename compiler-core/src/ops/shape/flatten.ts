import { elementCount, shapeOf } from "../../ir/value-type.ts";
import { GraphwrightError } from "../../support/diagnostic.ts";
import { defineOperator } from "../definition.ts";
import { elementOfInput, productOf, tensorOutput } from "../support/infer.ts";
import { viewLowering } from "../support/lower-shape.ts";
import { tensorAt } from "../support/numbers.ts";
import { reshaped } from "../support/strides.ts";
import { everything, floats8, required, tensors } from "../support/types.ts";

/** The axis in 0..rank. */
function splitPoint(axis: number, rank: number): number {
  const at = axis < 0 ? axis + rank : axis;
  if (at < 0 || at > rank) throw new GraphwrightError("axis-range", `axis is ${axis}, but the input has rank ${rank}.`);
  return at;
}

export const flatten = defineOperator({
  domain: "",
  op: "Flatten",
  versions: [
    { since: 1 },
    { since: 9, change: "more element types", allows: tensors("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "bool", "string", "complex64", "complex128") },
    { since: 11, change: "negative axes" },
    { since: 13, change: "more element types", allows: tensors("bfloat16") },
    { since: 21, change: "more element types", allows: [...floats8, ...tensors("int4", "uint4")] },
    { since: 23, change: "more element types", allows: tensors("float4e2m1") },
    { since: 24, change: "more element types", allows: tensors("float8e8m0") },
    { since: 25, change: "more element types", allows: tensors("int2", "uint2") },
  ],
  summary: "Makes a matrix: dimensions before the axis become rows, the others columns.",
  family: "shape",
  inputs: [required("input", "T", "input")],
  outputs: [required("output", "T", "output")],
  attributes: {
    axis: { kind: "int", doc: "first dimension that becomes a column, 0 to the rank; negative counts from the end", fallback: 1 },
  },
  types: { T: everything },
  infer: (context, _node, attributes) => {
    const shape = shapeOf(context.type(0));
    if (!shape) return [tensorOutput(elementOfInput(context, 0), [null, null])];
    const axis = splitPoint(attributes.int("axis"), shape.length);
    return [tensorOutput(elementOfInput(context, 0), [productOf(shape.slice(0, axis)), productOf(shape.slice(axis))])];
  },
  evaluate: (inputs, context) => {
    const x = tensorAt(inputs, 0);
    const axis = splitPoint(context.attributes.int("axis"), x.dims.length);
    return [reshaped(x, [elementCount(x.dims.slice(0, axis)), elementCount(x.dims.slice(axis))])];
  },
  cost: () => ({ flops: 0 }),
  lower: viewLowering(),
});
