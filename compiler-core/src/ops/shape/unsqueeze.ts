import type { Dim } from "../../ir/dim.ts";
import { shapeOf } from "../../ir/value-type.ts";
import { GraphwrightError } from "../../support/diagnostic.ts";
import { defineOperator } from "../definition.ts";
import { checkedAxis, elementOfInput, knownInts, tensorOutput, unknownShape, vectorLength } from "../support/infer.ts";
import { viewLowering } from "../support/lower-shape.ts";
import { intsAt, tensorAt } from "../support/numbers.ts";
import { reshaped } from "../support/strides.ts";
import { everything, floats8, required, tensors } from "../support/types.ts";
import { intsBecomeInput } from "../support/versions.ts";

/** The dimensions with 1 inserted so that it stands at `axes` of the result. */
function inserted<T>(dims: readonly T[], axes: readonly number[], one: T): T[] {
  const rank = dims.length + axes.length;
  const at = new Set(axes.map((axis) => checkedAxis(axis, rank)));
  if (at.size !== axes.length) throw new GraphwrightError("axis-range", `the axes [${axes.join(", ")}] name a dimension twice.`);
  let next = 0;
  return Array.from({ length: rank }, (_, i) => (at.has(i) ? one : dims[next++]!));
}

export const unsqueeze = defineOperator({
  domain: "",
  op: "Unsqueeze",
  versions: [
    { since: 1 },
    { since: 11, ...intsBecomeInput("axes", 1) },
    { since: 13, change: "axes became an input; more element types", allows: tensors("bfloat16") },
    { since: 21, change: "more element types", allows: [...floats8, ...tensors("int4", "uint4")] },
    { since: 23, change: "more element types", allows: tensors("float4e2m1") },
    { since: 24, change: "more element types", allows: tensors("float8e8m0") },
    { since: 25, change: "more element types", allows: tensors("int2", "uint2") },
  ],
  summary: "Inserts dimensions of size 1.",
  family: "shape",
  inputs: [
    required("data", "T", "input"),
    required("axes", "tensor(int64)", "places of the new dimensions in the result; negative counts from its end"),
  ],
  outputs: [required("expanded", "T", "the input with the new dimensions")],
  types: { T: everything },
  infer: (context) => {
    const shape = shapeOf(context.type(0));
    const axes = knownInts(context, 1);
    const element = elementOfInput(context, 0);
    if (!shape || !axes) {
      const count = axes?.length ?? vectorLength(context, 1);
      return [tensorOutput(element, shape && count !== undefined ? unknownShape(shape.length + count) : null)];
    }
    const dims = inserted(shape, axes, 1 as Dim);
    return [tensorOutput(element, dims, dims.length <= 2 ? context.known(0) : undefined)];
  },
  evaluate: (inputs) => {
    const x = tensorAt(inputs, 0);
    return [reshaped(x, inserted(x.dims, intsAt(inputs, 1), 1))];
  },
  cost: () => ({ flops: 0 }),
  lower: viewLowering({ compileTimeInputs: [1] }),
});
