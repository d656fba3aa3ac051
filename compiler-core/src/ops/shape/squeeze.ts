import { shapeOf } from "../../ir/value-type.ts";
import { GraphwrightError } from "../../support/diagnostic.ts";
import { defineOperator } from "../definition.ts";
import { elementOfInput, knownInts, originOf, reportProblem, tensorOutput, unknownShape, vectorLength } from "../support/infer.ts";
import { viewLowering } from "../support/lower-shape.ts";
import { optionalInts, tensorAt } from "../support/numbers.ts";
import { checkedAxes } from "../support/reduction.ts";
import { reshaped } from "../support/strides.ts";
import { everything, floats8, optional, required, tensors } from "../support/types.ts";
import { intsBecomeInput } from "../support/versions.ts";

export const squeeze = defineOperator({
  domain: "",
  op: "Squeeze",
  versions: [
    { since: 1 },
    { since: 11, ...intsBecomeInput("axes", 1) },
    { since: 13, change: "axes became an input; more element types", allows: tensors("bfloat16") },
    { since: 21, change: "more element types", allows: [...floats8, ...tensors("int4", "uint4")] },
    { since: 23, change: "more element types", allows: tensors("float4e2m1") },
    { since: 24, change: "more element types", allows: tensors("float8e8m0") },
    { since: 25, change: "more element types", allows: tensors("int2", "uint2") },
  ],
  summary: "Removes dimensions of size 1.",
  family: "shape",
  inputs: [
    required("data", "T", "input"),
    optional("axes", "tensor(int64)", "dimensions to remove; all of size 1 when absent"),
  ],
  outputs: [required("squeezed", "T", "the input without those dimensions")],
  types: { T: everything },
  infer: (context, node) => {
    const shape = shapeOf(context.type(0));
    const element = elementOfInput(context, 0);
    const axes = node.inputs[1] ? knownInts(context, 1) : [];
    if (!shape) return [tensorOutput(element, null)];
    if (!node.inputs[1]) {
      // Without axes every dimension of 1 goes: which those are must be known.
      const dims = shape.every((d) => typeof d === "number") ? shape.filter((d) => d !== 1) : null;
      return [tensorOutput(element, dims, context.known(0))];
    }
    if (!axes) {
      const count = vectorLength(context, 1);
      return [tensorOutput(element, count === undefined ? null : unknownShape(shape.length - count))];
    }
    const gone = new Set(checkedAxes(axes, shape.length));
    for (const axis of gone) if (typeof shape[axis] === "number" && shape[axis] !== 1) reportProblem(context, node, `dimension ${axis} of ${originOf(context, node, 0)} is ${shape[axis]} and cannot be removed.`);
    return [tensorOutput(element, shape.filter((_, i) => !gone.has(i)), context.known(0))];
  },
  evaluate: (inputs) => {
    const x = tensorAt(inputs, 0);
    const axes = optionalInts(inputs, 1);
    const gone = new Set(axes ? checkedAxes(axes, x.dims.length) : x.dims.flatMap((d, i) => (d === 1 ? [i] : [])));
    for (const axis of gone) if (x.dims[axis] !== 1) throw new GraphwrightError("squeeze", `dimension ${axis} of [${x.dims.join(", ")}] is not 1 and cannot be removed.`);
    return [reshaped(x, x.dims.filter((_, i) => !gone.has(i)))];
  },
  cost: () => ({ flops: 0 }),
  lower: viewLowering({ compileTimeInputs: [1] }),
});
