import { fromNumbers, toNumbers } from "../../ir/tensor.ts";
import { fusedDomain } from "../../ir/graph.ts";
import { elementCount, staticShape } from "../../ir/value-type.ts";
import { defineOperator } from "../definition.ts";
import { blockChannels, unblockChannels } from "../support/blocked.ts";
import { rankedInput, tensorOutput } from "../support/infer.ts";
import { strassenConvLowering } from "../support/lower-strassen.ts";
import { optionalTensor, tensorAt } from "../support/numbers.ts";
import { checkStrassen, strassenMultiply } from "../support/strassen.ts";
import { optional, required, tensors } from "../support/types.ts";

export const strassenConv = defineOperator({
  domain: fusedDomain,
  op: "StrassenConv",
  versions: [{ since: 1 }],
  summary: "A 1 x 1 convolution over blocks with seven products of halves instead of eight: fewer multiplications, a somewhat larger rounding error.",
  doc: "The places of an image are the rows of a matrix, and those with even and odd numbers its halves; channels are halved by blocks. As StrassenMatMul otherwise.",
  family: "linear",
  inputs: [required("X", "T", "[N, Cb, H, W, b] with Cb even"), required("U", "T", "combined quarters of the filters in panels [7, Mb / 2, Cb b / 2, b]"), optional("B", "T", "bias in blocks [Mb, b]")],
  outputs: [required("Y", "T", "[N, Mb, OH, OW, b]")],
  attributes: { strides: { kind: "ints", doc: "step of the window; 1 when absent" } },
  types: { T: tensors("float32") },
  infer: (context, node, attributes) => {
    const x = rankedInput(context, 0)?.shape;
    const u = rankedInput(context, 1)?.shape;
    if (!x || !u) return [tensorOutput("float32", null)];
    const [blocks, block] = [x[1], x[4]];
    checkStrassen(context, node, typeof blocks === "number" && typeof block === "number" ? blocks * block : undefined, u);
    const strides = attributes.ints("strides") ?? [1, 1];
    const size = (d: number) => (typeof x[2 + d] === "number" ? Math.floor(((x[2 + d] as number) - 1) / strides[d]!) + 1 : null);
    return [tensorOutput("float32", [x[0]!, typeof u[1] === "number" ? 2 * u[1] : null, size(0), size(1), u[3]!])];
  },
  evaluate: (inputs, context) => {
    const [x, u, bias] = [tensorAt(inputs, 0), tensorAt(inputs, 1), optionalTensor(inputs, 2)];
    const [batch, blocks, height, width, block] = x.dims as [number, number, number, number, number];
    const [sh, sw] = (context.attributes.ints("strides") ?? [1, 1]) as [number, number];
    const [oh, ow] = [Math.floor((height - 1) / sh) + 1, Math.floor((width - 1) / sw) + 1];
    const dims = u.dims as [number, number, number, number];
    const [channels, features, places] = [blocks * block, 2 * dims[1] * dims[3], oh * ow];
    const data = unblockChannels(toNumbers(x), x.dims, channels).numbers;
    const rows = new Float32Array(batch * places * channels);
    for (let n = 0; n < batch; n++)
      for (let p = 0; p < places; p++) for (let c = 0; c < channels; c++) rows[(n * places + p) * channels + c] = data[((n * channels + c) * height + Math.floor(p / ow) * sh) * width + (p % ow) * sw]!;
    const product = strassenMultiply(rows, batch * places, toNumbers(u), dims, bias && toNumbers(bias), context.task);
    const y = new Float32Array(batch * features * places);
    for (let n = 0; n < batch; n++) for (let p = 0; p < places; p++) for (let m = 0; m < features; m++) y[(n * features + m) * places + p] = product[(n * places + p) * features + m]!;
    const blocked = blockChannels(y, [batch, features, oh, ow], dims[3]);
    return [fromNumbers("float32", blocked.dims, blocked.numbers)];
  },
  cost: ({ inputs, outputs }) => {
    const [u, y] = [staticShape(inputs[1]) ?? [0, 0, 0, 0], staticShape(outputs[0]) ?? [0, 0, 0, 0, 0]];
    const rows = y[0]! * y[2]! * y[3]!;
    // Five sums of quarters of the left factor, eight of products, and the bias.
    return { flops: rows * elementCount(u) + (5 * rows * 2 * u[2]!) / 4 + 2 * elementCount(y) + (inputs[2]?.kind === "tensor" ? elementCount(y) : 0) };
  },
  lower: strassenConvLowering,
});
