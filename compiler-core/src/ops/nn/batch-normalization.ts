import { fromNumbers, type NumericArray, toNumbers } from "../../ir/tensor.ts";
import { elementCount } from "../../ir/value-type.ts";
import { GraphwrightError } from "../../support/diagnostic.ts";
import { defineOperator } from "../definition.ts";
import { costPerOutput } from "../support/elementwise.ts";
import { dimsDiffer, elementOfInput, rankedInput, reportConflict, tensorOutput } from "../support/infer.ts";
import { batchNormalizationLowering } from "../support/lower-normalization.ts";
import { finished, tensorAt, workArray } from "../support/numbers.ts";
import { floats, optional, required, tensors } from "../support/types.ts";
import { constantInts, dropsAttributes, steps, takeInt, type VersionSteps } from "../support/versions.ts";

/** Versions 1 and 6 train unless `is_test` is set. The wish is kept for version 14, which says it as an attribute again. */
const testFlag: VersionSteps = {
  upgrade: (node) => {
    if (!takeInt(node, "is_test")) node.attributes.training_mode = { kind: "int", value: 1 };
  },
  downgrade: (node) => {
    node.attributes.is_test = { kind: "int", value: 1 };
    return undefined;
  },
};

/** Statistics for each activation instead of each channel: the same on an input flattened to [N, C * D1 * ...]. */
const spatialFlag: VersionSteps = {
  upgrade: (node, context) => {
    if ((takeInt(node, "spatial") ?? 1) !== 0) return;
    if (node.outputs.slice(1).some((name) => name !== "") || node.attributes.training_mode)
      throw new GraphwrightError("version-semantics", "BatchNormalization with spatial = 0 in training has no newer form.");
    const x = node.inputs[0]!;
    const flat = context.addNode("Flatten", [x], { axis: { kind: "int", value: 1 } }, "flattened");
    const vector = constantInts(context, [-1], "flat_shape");
    const statistics = node.inputs.slice(1).map((input) => context.addNode("Reshape", [input!, vector], {}, "flat"));
    const result = context.addNode("BatchNormalization", [flat, ...statistics], node.attributes, "normalized");
    node.op = "Reshape";
    node.attributes = {};
    node.inputs = [result, context.addNode("Shape", [x], {}, "shape")];
    node.outputs.length = 1;
  },
};

/** Training was told by the outputs that a node lists. */
const trainingByOutputs: VersionSteps = {
  upgrade: (node) => {
    if (node.outputs.slice(1).some((name) => name !== "")) node.attributes.training_mode = { kind: "int", value: 1 };
    node.outputs.length = Math.min(node.outputs.length, 3);
  },
  downgrade: (node) => {
    if (takeInt(node, "training_mode")) return "it trains, and older versions give other statistics";
    node.outputs.length = 1;
    return undefined;
  },
};

function trainingStatistics(x: NumericArray, batch: number, channels: number, plane: number, mean: NumericArray, variance: NumericArray, momentum: number): { used: NumericArray[]; running: NumericArray[] } {
  const used = [new Float64Array(channels), new Float64Array(channels)];
  const count = batch * plane;
  for (let c = 0; c < channels; c++) {
    let sum = 0;
    let squares = 0;
    for (let n = 0; n < batch; n++) for (let i = 0, at = (n * channels + c) * plane; i < plane; i++) sum += x[at + i]!;
    const average = sum / count;
    for (let n = 0; n < batch; n++) for (let i = 0, at = (n * channels + c) * plane; i < plane; i++) squares += (x[at + i]! - average) ** 2;
    used[0]![c] = average;
    used[1]![c] = squares / count;
  }
  const mix = (old: NumericArray, now: Float64Array): Float64Array => Float64Array.from(now, (v, c) => old[c]! * momentum + v * (1 - momentum));
  return { used, running: [mix(mean, used[0]!), mix(variance, used[1]!)] };
}

export const batchNormalization = defineOperator({
  domain: "",
  op: "BatchNormalization",
  versions: [
    { since: 1, ...steps(dropsAttributes("consumed_inputs")) },
    { since: 6, change: "attribute consumed_inputs dropped", ...testFlag },
    { since: 7, change: "is_test dropped; training is told by the outputs", ...spatialFlag },
    { since: 9, change: "attribute spatial dropped", ...trainingByOutputs },
    { since: 14, change: "attribute training_mode added; 3 outputs", allows: tensors("bfloat16") },
    { since: 15 },
  ],
  summary: "Normalizes each channel by a mean and a variance, then scales and shifts it.",
  doc: "Y = scale (X - mean) / sqrt(variance + epsilon) + B by channel (dimension 1). With training_mode = 1 the statistics are those of the batch, and the running ones are momentum * old + (1 - momentum) * batch. Ioffe and Szegedy 2015.",
  family: "normalization",
  inputs: [
    required("X", "T", "input"),
    required("scale", "T1", "scale by channel"),
    required("B", "T1", "shift by channel"),
    required("input_mean", "T2", "running mean, or the mean to use"),
    required("input_var", "T2", "running variance, or the variance to use"),
  ],
  outputs: [
    required("Y", "T", "output"),
    optional("running_mean", "T2", "running mean after training"),
    optional("running_var", "T2", "running variance after training"),
  ],
  attributes: {
    epsilon: { kind: "float", doc: "added to the variance, so that the root is never of zero", fallback: 1e-05 },
    momentum: { kind: "float", doc: "weight of the old running statistics", fallback: 0.9 },
    training_mode: { kind: "int", doc: "1 normalizes by the batch", fallback: 0 },
  },
  types: { T: floats, T1: floats, T2: floats },
  infer: (context, node) => {
    const type = context.type(0);
    const channels = rankedInput(context, 0)?.shape[1];
    const length = channels ?? rankedInput(context, 1)?.shape[0] ?? null;
    for (let i = 1; i < 5; i++) {
      const own = rankedInput(context, i)?.shape;
      if (own && channels !== undefined && own.length === 1 && dimsDiffer(own[0]!, channels)) reportConflict(context, node, 0, i, `the input has ${channels} channels and the statistics ${own[0]}`);
    }
    return [{ type }, tensorOutput(elementOfInput(context, 3), [length]), tensorOutput(elementOfInput(context, 3), [length])].slice(0, Math.max(1, node.outputs.length));
  },
  evaluate: (inputs, context) => {
    const x = tensorAt(inputs, 0);
    const [scale, bias, mean, variance] = [1, 2, 3, 4].map((i) => toNumbers(tensorAt(inputs, i))) as [NumericArray, NumericArray, NumericArray, NumericArray];
    const epsilon = context.attributes.float("epsilon");
    const channels = x.dims[1] ?? 1;
    for (const list of [scale, bias, mean, variance]) if (list.length !== channels) throw new GraphwrightError("batch-norm-shape", `the input has ${channels} channels, but ${list.length} statistics are given.`);
    const training = context.attributes.int("training_mode") !== 0;
    const numbers = toNumbers(x);
    const batch = x.dims[0] ?? 1;
    const plane = elementCount(x.dims.slice(2));
    const { used, running } = training ? trainingStatistics(numbers, batch, channels, plane, mean, variance, context.attributes.float("momentum")) : { used: [mean, variance], running: [mean, variance] };
    const out = workArray(x.element, numbers.length);
    for (let c = 0; c < channels; c++) {
      const factor = scale[c]! / Math.sqrt(used[1]![c]! + epsilon);
      const shift = bias[c]! - used[0]![c]! * factor;
      for (let n = 0; n < batch; n++) {
        context.task.check();
        const start = (n * channels + c) * plane;
        for (let i = start; i < start + plane; i++) out[i] = numbers[i]! * factor + shift;
      }
    }
    const statistics = tensorAt(inputs, 3).element;
    return [finished(x.element, x.dims, out), ...(training ? running.map((list) => fromNumbers(statistics, [channels], list)) : [])];
  },
  cost: costPerOutput(2),
  lower: batchNormalizationLowering,
});
