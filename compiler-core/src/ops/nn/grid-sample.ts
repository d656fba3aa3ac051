import { fromNumbers } from "../../ir/tensor.ts";
import { shapeOf } from "../../ir/value-type.ts";
import { defineOperator } from "../definition.ts";
import { costPerOutput } from "../support/elementwise.ts";
import { sampleGrid } from "../support/grid-sample.ts";
import { elementOfInput, rankedInput, tensorOutput, unknownShape } from "../support/infer.ts";
import { gridSampleLowering } from "../support/lower-sample.ts";
import { tensorAt } from "../support/numbers.ts";
import { floats, ordinary, required, tensors } from "../support/types.ts";
import type { VersionSteps } from "../support/versions.ts";

const newer: Readonly<Record<string, string>> = { bilinear: "linear", bicubic: "cubic" };
const olderModes: VersionSteps = {
  upgrade: (node) => {
    const mode = node.attributes.mode;
    node.attributes.mode = { kind: "string", value: mode?.kind === "string" ? (newer[mode.value] ?? mode.value) : "linear" };
  },
  downgrade: (node, context) => {
    if (shapeOf(context.type(node.inputs[0]))?.length !== 4) return "its input does not have four dimensions";
    const mode = node.attributes.mode?.kind === "string" ? node.attributes.mode.value : "linear";
    node.attributes.mode = { kind: "string", value: Object.keys(newer).find((old) => newer[old] === mode) ?? mode };
    return undefined;
  },
};

export const gridSample = defineOperator({
  domain: "",
  op: "GridSample",
  versions: [
    { since: 16, ...olderModes },
    { since: 20, change: "any number of dimensions; modes are called linear and cubic" },
    { since: 22, change: "more element types", allows: tensors("bfloat16") },
  ],
  summary: "Samples the input at given places with interpolation.",
  doc: "A grid place is a vector (x, y, ...) from -1 to 1, the last dimension of the input first. Jaderberg et al. 2015.",
  family: "shape",
  inputs: [
    required("X", "T1", "input"),
    required("grid", "T2", "places [N, ...output, rank]"),
  ],
  outputs: [required("Y", "T1", "output")],
  attributes: {
    align_corners: { kind: "int", doc: "1 puts -1 and 1 at the centres of the corner elements, 0 at their outer edges", fallback: 0 },
    mode: { kind: "string", doc: "linear, nearest or cubic", fallback: "linear" },
    padding_mode: { kind: "string", doc: "what lies outside: zeros, border or reflection", fallback: "zeros" },
  },
  types: { T1: ordinary, T2: floats },
  infer: (context) => {
    const x = rankedInput(context, 0);
    const grid = rankedInput(context, 1);
    if (!x && !grid) return [tensorOutput(elementOfInput(context, 0), null)];
    const rank = (x ?? grid)!.shape.length;
    return [tensorOutput(elementOfInput(context, 0), [x?.shape[0] ?? grid?.shape[0] ?? null, x?.shape[1] ?? null, ...(grid ? grid.shape.slice(1, -1) : unknownShape(rank - 2))])];
  },
  evaluate: (inputs, context) => {
    const x = tensorAt(inputs, 0);
    const { dims, numbers } = sampleGrid(x, tensorAt(inputs, 1), context.attributes, context.task);
    return [fromNumbers(x.element, dims, numbers)];
  },
  cost: costPerOutput(16),
  lower: gridSampleLowering,
});
