import type { Dim } from "../../ir/dim.ts";
import { shapeOf } from "../../ir/value-type.ts";
import { GraphwrightError } from "../../support/diagnostic.ts";
import { defineOperator } from "../definition.ts";
import { checkedAxis, elementOfInput, knownInts, tensorOutput, unknownShape, vectorLength } from "../support/infer.ts";
import { sliceLowering } from "../support/lower-shape.ts";
import { intsAt, optionalInts, tensorAt } from "../support/numbers.ts";
import { clampSlice, slicedDim } from "../support/slicing.ts";
import { gatherStrided, stridesOf } from "../support/strides.ts";
import { indices, optional, ordinary, required, tensors } from "../support/types.ts";
import { intsBecomeInput, lacksInput, steps } from "../support/versions.ts";

export const slice = defineOperator({
  domain: "",
  op: "Slice",
  versions: [
    { since: 1, ...steps(intsBecomeInput("axes", 3), intsBecomeInput("ends", 2), intsBecomeInput("starts", 1), lacksInput(4, "steps")) },
    { since: 10, change: "axes became an input; ends became an input; starts became an input; input steps added" },
    { since: 11 },
    { since: 13, change: "more element types", allows: tensors("bfloat16") },
  ],
  summary: "Cuts out a range with a step along some dimensions.",
  doc: "Negative bounds count from the end, and bounds beyond the ends are clamped: a start to the first and last element when running backwards, as ONNX Runtime does.",
  family: "shape",
  inputs: [
    required("data", "T", "input"),
    required("starts", "Tind", "first index by axis"),
    required("ends", "Tind", "end index (exclusive) by axis"),
    optional("axes", "Tind", "dimensions that are cut; the first ones when absent"),
    optional("steps", "Tind", "step by axis, 1 when absent; negative runs backwards"),
  ],
  outputs: [required("output", "T", "output")],
  types: { T: ordinary, Tind: indices },
  infer: (context, node) => {
    const shape = shapeOf(context.type(0));
    const element = elementOfInput(context, 0);
    if (!shape) return [tensorOutput(element, null)];
    const starts = context.known(1) ?? knownInts(context, 1);
    const ends = context.known(2) ?? knownInts(context, 2);
    const count = starts?.length ?? ends?.length ?? vectorLength(context, 1) ?? vectorLength(context, 2);
    const axes = node.inputs[3] ? knownInts(context, 3) : count === undefined ? undefined : Array.from({ length: count }, (_, i) => i);
    const steps = node.inputs[4] ? knownInts(context, 4) : undefined;
    if (!axes) return [tensorOutput(element, unknownShape(shape.length))];
    const dims = [...shape];
    for (const [i, given] of axes.entries()) {
      const axis = checkedAxis(given, shape.length, "an entry of axes");
      const step = node.inputs[4] ? (steps?.[i] ?? null) : 1;
      dims[axis] = slicedDim(shape[axis]!, starts?.[i] ?? null, ends?.[i] ?? null, step);
    }
    const known = context.known(0);
    if (!known || shape.length > 2 || axes.length !== 1) return [tensorOutput(element, dims)];
    const axis = checkedAxis(axes[0]!, shape.length, "an entry of axes");
    // Elements of a matrix are known row by row.
    const size = shape.length === 1 ? known.length : shape[axis];
    const inner = axis === shape.length - 1 ? 1 : shape[1];
    const start = starts?.[0];
    const end = ends?.[0];
    const step = node.inputs[4] ? steps?.[0] : 1;
    if (typeof start !== "number" || typeof end !== "number" || !step || typeof size !== "number" || typeof inner !== "number") return [tensorOutput(element, dims)];
    const range = clampSlice(size, start, end, step);
    const outer = size * inner === 0 ? 0 : known.length / (size * inner);
    const sliced: Dim[] = [];
    for (let o = 0; o < outer; o++) for (let i = 0; i < range.count; i++) for (let j = 0; j < inner; j++) sliced.push(known[(o * size + range.start + i * step) * inner + j]!);
    return [tensorOutput(element, dims, sliced)];
  },
  evaluate: (inputs) => {
    const x = tensorAt(inputs, 0);
    const starts = intsAt(inputs, 1);
    const ends = intsAt(inputs, 2);
    const axes = (optionalInts(inputs, 3) ?? starts.map((_, i) => i)).map((axis) => checkedAxis(axis, x.dims.length, "an entry of axes"));
    const steps = optionalInts(inputs, 4) ?? starts.map(() => 1);
    if (ends.length !== starts.length || axes.length !== starts.length || steps.length !== starts.length) throw new GraphwrightError("slice", "starts, ends, axes and steps must have one length.");
    const own = stridesOf(x.dims);
    const dims = [...x.dims];
    const strides = [...own];
    let offset = 0;
    for (const [i, axis] of axes.entries()) {
      if (steps[i] === 0) throw new GraphwrightError("slice", `the step of dimension ${axis} is 0.`);
      const range = clampSlice(x.dims[axis]!, starts[i]!, ends[i]!, steps[i]!);
      dims[axis] = range.count;
      strides[axis] = own[axis]! * steps[i]!;
      offset += range.start * own[axis]!;
    }
    return [gatherStrided(x, dims, offset, strides)];
  },
  cost: () => ({ flops: 0 }),
  lower: sliceLowering,
});
