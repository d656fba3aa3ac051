import { toNumbers } from "../../ir/tensor.ts";
import { elementCount, shapeOf } from "../../ir/value-type.ts";
import { GraphwrightError } from "../../support/diagnostic.ts";
import { defineOperator } from "../definition.ts";
import { costPerOutput } from "../support/elementwise.ts";
import { sameAsInput } from "../support/infer.ts";
import { groupNormalizationLowering } from "../support/lower-normalization.ts";
import { normalizeRows } from "../support/normalize.ts";
import { tensorAt } from "../support/numbers.ts";
import { floats, required } from "../support/types.ts";
import { constantInts, intAttribute, type VersionSteps } from "../support/versions.ts";

/** Version 18 gave a scale and a shift to each group. */
const byGroup: VersionSteps = {
  upgrade: (node, context) => {
    const channels = shapeOf(context.type(node.inputs[0]))?.[1];
    const groups = intAttribute(node, "num_groups", 1);
    if (typeof channels !== "number") throw new GraphwrightError("version-semantics", "GroupNormalization: its scale cannot be given by channel, since the number of channels is unknown.");
    const column = constantInts(context, [groups, 1], "groups");
    const full = constantInts(context, [groups, channels / groups], "group_channels");
    const flat = constantInts(context, [-1], "channels");
    for (const index of [1, 2]) {
      const wide = context.addNode("Expand", [context.addNode("Reshape", [node.inputs[index]!, column]), full]);
      node.inputs[index] = context.addNode("Reshape", [wide, flat]);
    }
  },
  downgrade: () => "version 18 scales by group, and is deprecated",
};

export const groupNormalization = defineOperator({
  domain: "",
  op: "GroupNormalization",
  versions: [
    { since: 18, change: "scale and bias by group", ...byGroup },
    { since: 21, change: "scale and bias by channel; attribute stash_type added" },
  ],
  summary: "Normalizes groups of channels of each batch entry, then scales and shifts each channel.",
  doc: "Wu and He 2018.",
  family: "normalization",
  inputs: [
    required("X", "T", "input"),
    required("scale", "T", "scale by channel"),
    required("bias", "T", "shift by channel"),
  ],
  outputs: [required("Y", "T", "output")],
  attributes: {
    epsilon: { kind: "float", doc: "added to the variance, so that the root is never of zero", fallback: 1e-05 },
    num_groups: { kind: "int", doc: "number of groups; divides the channels", required: true },
    stash_type: { kind: "int", doc: "element type of the statistics as its ONNX number", fallback: 1 },
  },
  types: { T: floats },
  infer: sameAsInput,
  evaluate: (inputs, context) => {
    const x = tensorAt(inputs, 0);
    const channels = x.dims[1] ?? 1;
    const groups = context.attributes.int("num_groups");
    const plane = elementCount(x.dims.slice(2));
    const scale = toNumbers(tensorAt(inputs, 1));
    const shift = toNumbers(tensorAt(inputs, 2));
    if (groups < 1 || channels % groups !== 0) throw new GraphwrightError("norm-shape", `${channels} channels do not divide into ${groups} groups.`);
    if (scale.length !== channels || shift.length !== channels) throw new GraphwrightError("norm-shape", `the input has ${channels} channels, but ${scale.length} scales and ${shift.length} shifts are given.`);
    const size = (channels / groups) * plane;
    return [
      normalizeRows(x, size, context.attributes.float("epsilon"), context.task, (at, row) => {
        const channel = (row % groups) * (channels / groups) + Math.floor(at / plane);
        return [scale[channel]!, shift[channel]!];
      }),
    ];
  },
  cost: costPerOutput(8),
  lower: groupNormalizationLowering,
});
