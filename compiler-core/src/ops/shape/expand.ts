import type { Dim } from "../../ir/dim.ts";
import { shapeOf } from "../../ir/value-type.ts";
import { defineOperator } from "../definition.ts";
import { broadcastDims } from "../support/elementwise.ts";
import { broadcastDim, elementOfInput, knownInts, originOf, reportProblem, tensorOutput, unknownShape, vectorLength } from "../support/infer.ts";
import { expandLowering } from "../support/lower-shape.ts";
import { intsAt, tensorAt } from "../support/numbers.ts";
import { expanded } from "../support/strides.ts";
import { ordinary, required, tensors } from "../support/types.ts";

export const expand = defineOperator({
  domain: "",
  op: "Expand",
  versions: [
    { since: 8 },
    { since: 13, change: "more element types", allows: tensors("bfloat16") },
  ],
  summary: "Repeats a tensor along dimensions of size 1 to a broadcast shape.",
  doc: "The shape broadcasts with that of the input, so it may be shorter and may hold 1 where the input does not.",
  family: "shape",
  inputs: [
    required("input", "T", "input"),
    required("shape", "tensor(int64)", "sizes"),
  ],
  outputs: [required("output", "T", "output")],
  types: { T: ordinary },
  infer: (context, node) => {
    const shape = shapeOf(context.type(0));
    const target = context.known(1) ?? knownInts(context, 1);
    const element = elementOfInput(context, 0);
    if (!shape || !target) {
      const length = target?.length ?? vectorLength(context, 1);
      return [tensorOutput(element, shape && length !== undefined ? unknownShape(Math.max(shape.length, length)) : null)];
    }
    const rank = Math.max(shape.length, target.length);
    const dims = Array.from({ length: rank }, (_, i): Dim => {
      const a = i < rank - shape.length ? 1 : shape[i - (rank - shape.length)]!;
      const b = i < rank - target.length ? 1 : target[i - (rank - target.length)]!;
      const dim = broadcastDim(a, b);
      if (dim === undefined) reportProblem(context, node, `dimension ${i} of ${originOf(context, node, 0)} is ${a} and cannot be repeated to ${b}, which ${originOf(context, node, 1)} asks for.`);
      return dim ?? null;
    });
    const known = context.known(0);
    const filled = known?.length === 1 && dims.length === 1 && typeof dims[0] === "number" && dims[0] <= 64 ? new Array<Dim>(dims[0]).fill(known[0]!) : undefined;
    return [tensorOutput(element, dims, filled)];
  },
  evaluate: (inputs) => {
    const x = tensorAt(inputs, 0);
    return [expanded(x, broadcastDims(x.dims, intsAt(inputs, 1)))];
  },
  cost: () => ({ flops: 0 }),
  lower: expandLowering,
});
