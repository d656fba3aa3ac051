import { elementCount, staticShape } from "../../ir/value-type.ts";
import { defineOperator } from "../definition.ts";
import { convolveDeformed } from "../support/deform-conv.ts";
import { inferConv } from "../support/infer-conv.ts";
import { elementOfInput, tensorOutput } from "../support/infer.ts";
import { deformConvLowering } from "../support/lower-sample.ts";
import { finished, optionalTensor, tensorAt } from "../support/numbers.ts";
import { floats, optional, required, tensors } from "../support/types.ts";

export const deformConv = defineOperator({
  domain: "",
  op: "DeformConv",
  versions: [
    { since: 19 },
    { since: 22, change: "more element types", allows: tensors("bfloat16") },
  ],
  summary: "Convolution whose sampling places are shifted by a learned offset and weighted by a mask.",
  doc: "Samples between elements are interpolated linearly, with zeros outside the input. Dai et al. 2017, Zhu et al. 2019.",
  family: "linear",
  inputs: [
    required("X", "T", "input"),
    required("W", "T", "weights"),
    required("offset", "T", "shift of each sampling place [N, offset groups * kernel size * rank, ...output]"),
    optional("B", "T", "bias by filter"),
    optional("mask", "T", "weight of each sampling place; 1 when absent"),
  ],
  outputs: [required("Y", "T", "output")],
  attributes: {
    dilations: { kind: "ints", doc: "distance between kernel elements, by spatial dimension; 1 when absent" },
    group: { kind: "int", doc: "number of channel groups", fallback: 1 },
    kernel_shape: { kind: "ints", doc: "window size by spatial dimension" },
    offset_group: { kind: "int", doc: "number of channel groups with offsets of their own", fallback: 1 },
    pads: { kind: "ints", doc: "padding: beginnings of all spatial dimensions, then ends" },
    strides: { kind: "ints", doc: "step of the window by spatial dimension; 1 when absent" },
  },
  types: { T: floats },
  infer: (context, node, attributes) => [tensorOutput(elementOfInput(context, 0), inferConv(context, node, attributes, 0, 1))],
  evaluate: (inputs, context) => {
    const x = tensorAt(inputs, 0);
    const { dims, numbers } = convolveDeformed(x, tensorAt(inputs, 1), tensorAt(inputs, 2), optionalTensor(inputs, 3), optionalTensor(inputs, 4), context.attributes, context.task);
    return [finished(x.element, dims, x.element === "float32" ? Float32Array.from(numbers) : numbers)];
  },
  cost: ({ inputs, outputs }) => ({ flops: 2 * elementCount(staticShape(outputs[0]) ?? [0]) * elementCount(staticShape(inputs[1])?.slice(1) ?? [0]) }),
  lower: deformConvLowering,
});
