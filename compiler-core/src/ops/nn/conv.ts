import { toNumbers } from "../../ir/tensor.ts";
import { elementCount, staticShape } from "../../ir/value-type.ts";
import { defineOperator } from "../definition.ts";
import { convolutionInput, convolve } from "../support/conv.ts";
import { inferConv } from "../support/infer-conv.ts";
import { elementOfInput, tensorOutput } from "../support/infer.ts";
import { convLowering } from "../support/lower-contraction.ts";
import { finished, optionalTensor, tensorAt } from "../support/numbers.ts";
import { floats, optional, required, tensors } from "../support/types.ts";
import { refuseNegativePads, windowAttributes } from "../support/window.ts";

export const conv = defineOperator({
  domain: "",
  op: "Conv",
  versions: [
    { since: 1 },
    { since: 11 },
    { since: 22, change: "more element types", allows: tensors("bfloat16") },
  ],
  summary: "Convolution: slides the filters over the spatial dimensions and sums the products over the channels of a group.",
  doc: "X is [N, C, D1, ..., Dn] and W is [M, C/group, k1, ..., kn]; the output size along a dimension is floor((D + pads - ((k - 1) dilation + 1)) / stride) + 1. The filters are not flipped.",
  family: "linear",
  inputs: [
    required("X", "T", "input [N, C, ...spatial]"),
    required("W", "T", "filters [M, C/group, ...kernel]"),
    optional("B", "T", "bias by filter"),
  ],
  outputs: [required("Y", "T", "output [N, M, ...spatial]")],
  attributes: {
    auto_pad: { kind: "string", doc: "NOTSET uses pads; SAME_UPPER and SAME_LOWER pad to input size / stride; VALID pads nothing", fallback: "NOTSET" },
    dilations: { kind: "ints", doc: "distance between kernel elements, by spatial dimension; 1 when absent" },
    group: { kind: "int", doc: "number of channel groups", fallback: 1 },
    kernel_shape: { kind: "ints", doc: "window size by spatial dimension" },
    pads: { kind: "ints", doc: "padding: beginnings of all spatial dimensions, then ends" },
    strides: { kind: "ints", doc: "step of the window by spatial dimension; 1 when absent" },
  },
  types: { T: floats },
  infer: (context, node, attributes) => [tensorOutput(elementOfInput(context, 0), inferConv(context, node, attributes, 0, 1))],
  evaluate: (inputs, context) => {
    const x = tensorAt(inputs, 0);
    const w = tensorAt(inputs, 1);
    const bias = optionalTensor(inputs, 2);
    const window = windowAttributes(context.attributes, context.attributes.ints("kernel_shape") ?? w.dims.slice(2));
    refuseNegativePads(window);
    const precision = x.element === "float32" ? "float32" : "float64";
    const { dims, numbers } = convolve(convolutionInput(x), convolutionInput(w), bias && toNumbers(bias), context.attributes.int("group"), window, precision, context.task);
    return [finished(x.element, dims, numbers)];
  },
  cost: ({ inputs, outputs }) => ({
    flops: elementCount(staticShape(outputs[0]) ?? [0]) * (2 * elementCount(staticShape(inputs[1])?.slice(1) ?? [0]) + (inputs[2] && inputs[2].kind === "tensor" ? 1 : 0)),
  }),
  lower: convLowering,
});
