import { toNumbers } from "../../ir/tensor.ts";
import { elementCount, staticShape } from "../../ir/value-type.ts";
import { defineOperator } from "../definition.ts";
import { elementOfInput, rankedInput, tensorOutput } from "../support/infer.ts";
import { roiAlignLowering } from "../support/lower-sample.ts";
import { finished, intsAt, tensorAt } from "../support/numbers.ts";
import { alignRegions } from "../support/roi-align.ts";
import { floats, int64, required, tensors } from "../support/types.ts";
import type { VersionSteps } from "../support/versions.ts";

const withoutShift: VersionSteps = {
  upgrade: (node) => {
    node.attributes.coordinate_transformation_mode = { kind: "string", value: "output_half_pixel" };
  },
  downgrade: (node) => {
    const mode = node.attributes.coordinate_transformation_mode;
    if (mode?.kind !== "string" || mode.value !== "output_half_pixel") return "it shifts coordinates by half a pixel";
    delete node.attributes.coordinate_transformation_mode;
    return undefined;
  },
};

export const roiAlign = defineOperator({
  domain: "",
  op: "RoiAlign",
  versions: [
    { since: 10, ...withoutShift },
    { since: 16, change: "attribute coordinate_transformation_mode added; coordinates are shifted by half a pixel" },
    { since: 22, change: "more element types", allows: tensors("bfloat16") },
  ],
  summary: "Samples a grid in each region of interest with bilinear interpolation and takes the mean or maximum of each cell.",
  doc: "He et al. 2017.",
  family: "pooling",
  inputs: [
    required("X", "T1", "input"),
    required("rois", "T1", "regions as [x1, y1, x2, y2]"),
    required("batch_indices", "T2", "batch entry of each region"),
  ],
  outputs: [required("Y", "T1", "output")],
  attributes: {
    coordinate_transformation_mode: { kind: "string", doc: "half_pixel shifts coordinates by half a pixel, output_half_pixel does not", fallback: "half_pixel" },
    mode: { kind: "string", doc: "avg or max", fallback: "avg" },
    output_height: { kind: "int", doc: "rows of the grid", fallback: 1 },
    output_width: { kind: "int", doc: "columns of the grid", fallback: 1 },
    sampling_ratio: { kind: "int", doc: "samples along each side of a cell; 0 takes as many as fit", fallback: 0 },
    spatial_scale: { kind: "float", doc: "factor from region coordinates to the input", fallback: 1 },
  },
  types: { T1: floats, T2: int64 },
  infer: (context, _node, attributes) => [
    tensorOutput(elementOfInput(context, 0), [rankedInput(context, 1)?.shape[0] ?? null, rankedInput(context, 0)?.shape[1] ?? null, attributes.int("output_height"), attributes.int("output_width")]),
  ],
  evaluate: (inputs, context) => {
    const x = tensorAt(inputs, 0);
    const { dims, numbers } = alignRegions(x, toNumbers(tensorAt(inputs, 1)), intsAt(inputs, 2), context.attributes, context.task);
    return [finished(x.element, dims, x.element === "float32" ? Float32Array.from(numbers) : numbers)];
  },
  cost: ({ outputs }) => ({ flops: 32 * elementCount(staticShape(outputs[0]) ?? [0]) }),
  lower: roiAlignLowering,
});
