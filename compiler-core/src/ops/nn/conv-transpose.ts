import { type Dim, dimsDiffer, mulDims } from "../../ir/dim.ts";
import { elementCount, staticShape } from "../../ir/value-type.ts";
import { defineOperator } from "../definition.ts";
import { convolveTransposed, transposedSize } from "../support/conv-transpose.ts";
import { elementOfInput, rankedInput, reportConflict, tensorOutput } from "../support/infer.ts";
import { convTransposeLowering } from "../support/lower-conv-transpose.ts";
import { finished, optionalTensor, tensorAt } from "../support/numbers.ts";
import { floats, optional, required, tensors } from "../support/types.ts";

export const convTranspose = defineOperator({
  domain: "",
  op: "ConvTranspose",
  versions: [
    { since: 1 },
    { since: 11 },
    { since: 22, change: "more element types", allows: tensors("bfloat16") },
  ],
  summary: "Transposed convolution: spreads each input element over the output by the filters.",
  doc: "The output size along a dimension is stride (n - 1) + output_padding + (k - 1) dilation + 1 - pads.",
  family: "linear",
  inputs: [
    required("X", "T", "input [N, C, ...spatial]"),
    required("W", "T", "filters [C, M/group, ...kernel]"),
    optional("B", "T", "bias by output channel"),
  ],
  outputs: [required("Y", "T", "output")],
  attributes: {
    auto_pad: { kind: "string", doc: "NOTSET uses pads; SAME_UPPER and SAME_LOWER pad to input size / stride; VALID pads nothing", fallback: "NOTSET" },
    dilations: { kind: "ints", doc: "distance between kernel elements, by spatial dimension; 1 when absent" },
    group: { kind: "int", doc: "number of channel groups", fallback: 1 },
    kernel_shape: { kind: "ints", doc: "window size by spatial dimension" },
    output_padding: { kind: "ints", doc: "extra size at the end of each spatial dimension" },
    output_shape: { kind: "ints", doc: "spatial size of the result, instead of pads" },
    pads: { kind: "ints", doc: "padding: beginnings of all spatial dimensions, then ends" },
    strides: { kind: "ints", doc: "step of the window by spatial dimension; 1 when absent" },
  },
  types: { T: floats },
  infer: (context, node, attributes) => {
    const x = rankedInput(context, 0);
    const w = rankedInput(context, 1);
    const element = elementOfInput(context, 0);
    if (!x || !w) return [tensorOutput(element, null)];
    if (dimsDiffer(x.shape[1]!, w.shape[0]!)) reportConflict(context, node, 0, 1, `${x.shape[1]} input channels do not fit filters for ${w.shape[0]}`);
    const kernel: readonly Dim[] = attributes.ints("kernel_shape") ?? w.shape.slice(2);
    const spatial = x.shape.slice(2).map((size, i) => transposedSize(size, kernel[i]!, attributes, i));
    return [tensorOutput(element, [x.shape[0]!, mulDims(w.shape[1]!, attributes.int("group")), ...spatial])];
  },
  evaluate: (inputs, context) => {
    const x = tensorAt(inputs, 0);
    const { dims, numbers } = convolveTransposed(x, tensorAt(inputs, 1), optionalTensor(inputs, 2), context.attributes, context.task);
    return [finished(x.element, dims, x.element === "float32" ? Float32Array.from(numbers) : numbers)];
  },
  cost: ({ inputs }) => ({ flops: 2 * elementCount(staticShape(inputs[0]) ?? [0]) * elementCount(staticShape(inputs[1])?.slice(1) ?? [0]) }),
  lower: convTransposeLowering,
});
