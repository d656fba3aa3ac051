import { toNumbers } from "../../ir/tensor.ts";
import { elementCount } from "../../ir/value-type.ts";
import { defineOperator } from "../definition.ts";
import { elementOfCode } from "../support/element-codes.ts";
import { broadcastDims, costPerOutput } from "../support/elementwise.ts";
import { checkedAxis, rankedInput, tensorOutput } from "../support/infer.ts";
import { layerNormalizationLowering } from "../support/lower-normalization.ts";
import { finished, optionalTensor, tensorAt, workArray } from "../support/numbers.ts";
import { expanded } from "../support/strides.ts";
import { floats, optional, required, tensors } from "../support/types.ts";

export const layerNormalization = defineOperator({
  domain: "",
  op: "LayerNormalization",
  versions: [{ since: 17 }],
  summary: "Normalizes over the dimensions from an axis on, then scales and shifts.",
  doc: "Y = Scale (X - mean) / sqrt(variance + epsilon) + B, with mean and variance over the dimensions axis, ..., rank - 1. Ba et al. 2016.",
  family: "normalization",
  inputs: [
    required("X", "T", "input"),
    required("Scale", "T", "scale over the normalized dimensions"),
    optional("B", "T", "shift over the normalized dimensions"),
  ],
  outputs: [
    required("Y", "T", "output"),
    optional("Mean", "U", "mean of each slice"),
    optional("InvStdDev", "U", "reciprocal standard deviation of each slice"),
  ],
  attributes: {
    axis: { kind: "int", doc: "first normalized dimension", fallback: -1 },
    epsilon: { kind: "float", doc: "added to the variance, so that the root is never of zero", fallback: 1e-05 },
    stash_type: { kind: "int", doc: "element type of the statistics as its ONNX number", fallback: 1 },
  },
  types: { T: floats, U: tensors("float32", "bfloat16") },
  infer: (context, node, attributes) => {
    const x = rankedInput(context, 0);
    const stash = elementOfCode(attributes.int("stash_type"));
    if (!x) return [{ type: context.type(0) }, tensorOutput(stash, null), tensorOutput(stash, null)].slice(0, Math.max(1, node.outputs.length));
    const axis = checkedAxis(attributes.int("axis"), x.shape.length);
    const statistics = tensorOutput(stash, x.shape.map((d, i) => (i < axis ? d : 1)));
    return [{ type: context.type(0) }, statistics, statistics].slice(0, Math.max(1, node.outputs.length));
  },
  evaluate: (inputs, context) => {
    const x = tensorAt(inputs, 0);
    const scale = tensorAt(inputs, 1);
    const bias = optionalTensor(inputs, 2);
    const axis = checkedAxis(context.attributes.int("axis"), x.dims.length);
    const epsilon = context.attributes.float("epsilon");
    const stash = elementOfCode(context.attributes.int("stash_type"));
    const inner = x.dims.slice(axis);
    const size = elementCount(inner);
    const rows = elementCount(x.dims.slice(0, axis));
    const numbers = toNumbers(x);
    const out = workArray(x.element, numbers.length);
    const means = workArray(stash, rows);
    const inverses = workArray(stash, rows);
    const factors = toNumbers(expanded(scale, broadcastDims(scale.dims, inner)));
    const shifts = bias ? toNumbers(expanded(bias, broadcastDims(bias.dims, inner))) : undefined;
    for (let row = 0; row < rows; row++) {
      context.task.check();
      const start = row * size;
      let sum = 0;
      for (let i = start; i < start + size; i++) sum += numbers[i]!;
      const mean = sum / size;
      let squares = 0;
      for (let i = start; i < start + size; i++) squares += (numbers[i]! - mean) ** 2;
      const inverse = 1 / Math.sqrt(squares / size + epsilon);
      for (let i = 0; i < size; i++) out[start + i] = (numbers[start + i]! - mean) * inverse * factors[i]! + (shifts ? shifts[i]! : 0);
      means[row] = mean;
      inverses[row] = inverse;
    }
    const dims = x.dims.map((d, i) => (i < axis ? d : 1));
    return [finished(x.element, x.dims, out), finished(stash, dims, means), finished(stash, dims, inverses)].slice(0, Math.max(1, context.outputCount));
  },
  cost: costPerOutput(8),
  lower: layerNormalizationLowering(false),
});
