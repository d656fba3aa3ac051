import { fromNumbers, toNumbers } from "../../ir/tensor.ts";
import type { Dim } from "../../ir/dim.ts";
import { fusedDomain } from "../../ir/graph.ts";
import { elementCount, staticShape } from "../../ir/value-type.ts";
import { defineOperator } from "../definition.ts";
import { blockChannels, blocksOf, type FilterForm, unblockChannels, unpackFilters } from "../support/blocked.ts";
import { convolve } from "../support/conv.ts";
import { rankedInput, reportProblem, tensorOutput } from "../support/infer.ts";
import { blockedConvLowering } from "../support/lower-blocked.ts";
import { optionalTensor, tensorAt } from "../support/numbers.ts";
import { optional, required, tensors } from "../support/types.ts";

const formOf = (rank: number): FilterForm => (rank === 6 ? "blocked" : rank === 5 ? "plain" : "depthwise");

/** Filters [M, C, ...K] that are 0 beyond so many features and channels. */
function filtersWithin({ dims, numbers }: { readonly dims: readonly number[]; readonly numbers: Float32Array }, kept: { readonly features: number; readonly channels: number }): Float32Array {
  if (kept.features === dims[0] && kept.channels === dims[1]) return numbers;
  const taps = elementCount(dims.slice(2));
  return numbers.map((n, i) => (Math.floor(i / (taps * dims[1]!)) < kept.features && Math.floor(i / taps) % dims[1]! < kept.channels ? n : 0));
}

export const blockedConv = defineOperator({
  domain: fusedDomain,
  op: "BlockedConv",
  versions: [{ since: 1 }],
  summary: "A two-dimensional convolution without padding whose output channels lie in blocks, with filters packed in the order in which the kernel reads them.",
  doc: "W of rank 6, [Mb, Cb, kh, kw, b, b], takes X in blocks, [N, group * Cb, H, W, b]; of rank 5, [Mb, C, kh, kw, b], X as [N, C, H, W]; of rank 4, [Mb, kh, kw, b], has one filter a channel and takes X in blocks. What a filter does not reach past the last channel is 0. Where blocks are not full, `channels` and `input_channels` say how many channels there are: lanes of X beyond them are not read, those of Y are 0.",
  family: "linear",
  inputs: [required("X", "T", "input, channels in blocks or not as W says"), required("W", "T", "packed filters"), optional("B", "T", "bias in blocks [Mb, b]")],
  outputs: [required("Y", "T", "[N, Mb, OH, OW, b]")],
  attributes: {
    strides: { kind: "ints", doc: "step of the window; 1 when absent" },
    dilations: { kind: "ints", doc: "distance between filter elements; 1 when absent" },
    group: { kind: "int", doc: "groups of whole blocks, for W of rank 6", fallback: 1 },
    channels: { kind: "int", doc: "channels of Y, for W of rank 5 or 6; whole blocks when absent" },
    input_channels: { kind: "int", doc: "channels of X, for W of rank 6 and one group; whole blocks when absent" },
  },
  types: { T: tensors("float32") },
  infer: (context, node, attributes) => {
    const x = rankedInput(context, 0)?.shape;
    const w = rankedInput(context, 1)?.shape;
    if (!x || !w) return [tensorOutput("float32", null)];
    const strides = attributes.ints("strides") ?? [1, 1];
    const dilations = attributes.ints("dilations") ?? [1, 1];
    const kernel = w.slice(w.length === 4 ? 1 : 2);
    const size = (d: number) => {
      const [from, k] = [x[2 + d], kernel[d]];
      return typeof from === "number" && typeof k === "number" ? Math.floor((from - (k - 1) * dilations[d]! - 1) / strides[d]!) + 1 : null;
    };
    const block = w.at(-1)!;
    const check = (name: string, blocks: Dim): void => {
      if (typeof blocks !== "number" || typeof block !== "number") return;
      const count = attributes.int(name, blocks * block);
      if (blocksOf(count, block) !== blocks) reportProblem(context, node, `${name} is ${count}, which are not ${blocks} blocks of ${block}.`);
    };
    check("channels", w[0]!);
    if (w.length === 6) check("input_channels", w[1]!);
    return [tensorOutput("float32", [x[0]!, w[0]!, size(0), size(1), w.at(-1)!])];
  },
  evaluate: (inputs, context) => {
    const x = tensorAt(inputs, 0);
    const w = tensorAt(inputs, 1);
    const bias = optionalTensor(inputs, 2);
    const form = formOf(w.dims.length);
    const filters = unpackFilters(toNumbers(w), w.dims, form);
    const kept = { features: context.attributes.int("channels", filters.dims[0]!), channels: context.attributes.int("input_channels", filters.dims[1]!) };
    const block = w.dims.at(-1)!;
    const data = form === "plain" ? { dims: x.dims, numbers: toNumbers(x) } : unblockChannels(toNumbers(x), x.dims, x.dims[1]! * block);
    const group = form === "depthwise" ? filters.dims[0]! : context.attributes.int("group");
    const window = { kernel: filters.dims.slice(2), strides: context.attributes.ints("strides") ?? [1, 1], dilations: context.attributes.ints("dilations") ?? [1, 1], autoPad: "NOTSET", begins: [0, 0], ends: [0, 0], ceil: false };
    const y = convolve(data, { ...filters, numbers: filtersWithin(filters, kept) }, bias && toNumbers(bias).map((n, m) => (m < kept.features ? n : 0)), group, window, "float32", context.task);
    const blocked = blockChannels(y.numbers, y.dims, block);
    return [fromNumbers("float32", blocked.dims, blocked.numbers)];
  },
  cost: ({ inputs, outputs }) => {
    const w = staticShape(inputs[1]) ?? [0];
    const terms = elementCount(w.slice(1)) / w.at(-1)!;
    return { flops: elementCount(staticShape(outputs[0]) ?? [0]) * (2 * terms + (inputs[2]?.kind === "tensor" ? 1 : 0)) };
  },
  lower: blockedConvLowering,
});
