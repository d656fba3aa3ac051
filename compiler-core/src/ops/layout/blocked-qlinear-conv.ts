import { fusedDomain } from "../../ir/graph.ts";
import { fromNumbers, toNumbers } from "../../ir/tensor.ts";
import { elementCount, elementOf, staticShape } from "../../ir/value-type.ts";
import { defineOperator } from "../definition.ts";
import { blockChannels, type IntegerFilterForm, unblockChannels, unpackIntegerFilters } from "../support/blocked.ts";
import { convolve } from "../support/conv.ts";
import { elementOfCode } from "../support/element-codes.ts";
import { rankedInput, tensorOutput } from "../support/infer.ts";
import { blockedQLinearConvLowering } from "../support/lower-blocked.ts";
import { optionalTensor, tensorAt } from "../support/numbers.ts";
import { quantized } from "../support/quantization.ts";
import { bytes, int32, optional, required, tensors } from "../support/types.ts";

const integerFormOf = (rank: number): IntegerFilterForm => (rank === 7 ? "quads" : "depthwise");

export const blockedQLinearConv = defineOperator({
  domain: fusedDomain,
  op: "BlockedQLinearConv",
  versions: [{ since: 1 }],
  summary: "A two-dimensional convolution of 8-bit integers without padding, its channels in blocks, with filters packed in the order in which dot products of four read them.",
  doc:
    "y = saturate(round((sum of (x + shift) * w + B) * S) + zero); without S the sums themselves. W of rank 7, [Mb, Cb, kh, kw, c / 4, b, 4], takes X with blocks of c channels; " +
    "of rank 4, [Mb, kh, kw, b], has one filter a channel. Zero points of x are in B: what pads X is its zero point. What a filter does not reach past the last channel is 0.",
  family: "quantization",
  inputs: [required("X", "T1", "input in blocks, [N, group * Cb, H, W, c]"), required("W", "T2", "packed filters, less their zero points"), required("B", "T3", "added to the sums, in blocks [Mb, b]"), optional("S", "T4", "step of a sum in steps of Y, in blocks [Mb, b]")],
  outputs: [required("Y", "T5", "[N, Mb, OH, OW, b]")],
  attributes: {
    strides: { kind: "ints", doc: "step of the window; 1 when absent" },
    dilations: { kind: "ints", doc: "distance between filter elements; 1 when absent" },
    group: { kind: "int", doc: "groups of whole blocks, for W of rank 7", fallback: 1 },
    shift: { kind: "int", doc: "added to each x: 128 makes unsigned numbers of signed ones", fallback: 0 },
    zero: { kind: "int", doc: "what 0 maps to in Y", fallback: 0 },
    to: { kind: "int", doc: "number of the element type of Y: uint8, int8, or int32 without S", fallback: 6 },
  },
  types: { T1: bytes, T2: tensors("int8"), T3: int32, T4: tensors("float32"), T5: [...bytes, ...int32] },
  infer: (context, _, attributes) => {
    const x = rankedInput(context, 0)?.shape;
    const w = rankedInput(context, 1)?.shape;
    const element = elementOfCode(attributes.int("to"));
    if (!x || !w) return [tensorOutput(element, null)];
    const strides = attributes.ints("strides") ?? [1, 1];
    const dilations = attributes.ints("dilations") ?? [1, 1];
    const quads = w.length === 7;
    const kernel = w.slice(quads ? 2 : 1);
    const size = (d: number) => {
      const [from, k] = [x[2 + d], kernel[d]];
      return typeof from === "number" && typeof k === "number" ? Math.floor((from - (k - 1) * dilations[d]! - 1) / strides[d]!) + 1 : null;
    };
    return [tensorOutput(element, [x[0]!, w[0]!, size(0), size(1), w.at(quads ? -2 : -1)!])];
  },
  evaluate: (inputs, context) => {
    const x = tensorAt(inputs, 0);
    const w = tensorAt(inputs, 1);
    const bias = toNumbers(tensorAt(inputs, 2));
    const scale = optionalTensor(inputs, 3);
    const { attributes } = context;
    const form = integerFormOf(w.dims.length);
    const filters = unpackIntegerFilters(toNumbers(w), w.dims, form);
    const block = w.dims.at(form === "quads" ? -2 : -1)!;
    const data = unblockChannels(toNumbers(x), x.dims, x.dims[1]! * x.dims.at(-1)!);
    const shift = attributes.int("shift");
    const moved = { dims: data.dims, numbers: Float64Array.from(data.numbers, (v) => v + shift) };
    const group = form === "depthwise" ? filters.dims[0]! : attributes.int("group");
    const window = { kernel: filters.dims.slice(2), strides: attributes.ints("strides") ?? [1, 1], dilations: attributes.ints("dilations") ?? [1, 1], autoPad: "NOTSET", begins: [0, 0], ends: [0, 0], ceil: false };
    const y = convolve(moved, filters, undefined, group, window, "float64", context.task);
    const blocked = blockChannels(y.numbers, y.dims, block, Float64Array);
    // [N, Mb, OH, OW, b]: block and lane of an element.
    const places = elementCount(blocked.dims.slice(2, -1));
    const channel = (i: number): number => (Math.floor(i / (places * block)) % blocked.dims[1]!) * block + (i % block);
    const sums = Float64Array.from(blocked.numbers, (v, i) => v + bias[channel(i)]!);
    const element = elementOfCode(attributes.int("to"));
    if (!scale) return [fromNumbers(element, blocked.dims, sums)];
    const steps = toNumbers(scale);
    return [quantized(element, blocked.dims, sums.map((v, i) => Math.fround(Math.fround(v) * steps[channel(i)]!)), () => attributes.int("zero"), true)];
  },
  cost: ({ inputs, outputs }) => {
    const w = staticShape(inputs[1]) ?? [0];
    const terms = elementCount(w.slice(1)) / w.at(w.length === 7 ? -2 : -1)!;
    return { flops: elementCount(staticShape(outputs[0]) ?? [0]) * (2 * terms + (elementOf(inputs[3]) ? 4 : 1)) };
  },
  lower: blockedQLinearConvLowering,
});
