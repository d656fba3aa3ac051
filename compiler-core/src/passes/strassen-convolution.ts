import type { ValueRef } from "../ir/graph.ts";
import { toNumbers } from "../ir/tensor.ts";
import { strassenColumns } from "../ops/support/strassen.ts";
import { defineRewrite } from "./definition.ts";
import { Builder, floatShape } from "./support/blocked-layout.ts";
import { mergedNotes, replaceRoot } from "./support/replacement.ts";
import { strassenSize } from "./strassen-product.ts";

/** So many places hide the way of filters of any size from memory. */
const manyPlaces = 96;
/** Fewer do where the combined filters, which stay in the last cache, have at most so many MiB. */
const fewestPlaces = 48;
const nearMegabytes = 3;

export const strassenConvolution = defineRewrite({
  name: "strassen-convolution",
  title: "1 x 1 convolution by Strassen's algorithm",
  summary: "Computes a 1 x 1 convolution of many channels as a matrix product with seven products of halves instead of eight, with filters combined beforehand.",
  why: "A 1 x 1 convolution is a matrix product whose rows are the places of the image: an eighth of its multiplications is saved as in strassen-product, at the same price in rounding and weights.",
  exactness: "reassociates",
  roots: ["graphwright.BlockedConv"],
  preconditions: [
    { name: "allowed", doc: "The option `strassen`, the least size, is not 0, which computes everything directly.", budget: true },
    { name: "1 x 1", doc: "The filters are 1 x 1." },
    { name: "full blocks", doc: "There is one group, and all blocks of channels are full on both sides." },
    { name: "constant filters", doc: "The filters are constant." },
    { name: "even halves", doc: "Blocks of channels are even in number on both sides." },
    { name: "worth it", doc: `There are ${manyPlaces} places at least, or ${fewestPlaces} with filters of at most ${nearMegabytes} MiB, and the size, the harmonic mean of channels on both sides, reaches the option: an eighth of the multiplications then takes more time than the sums of quarters.` },
  ],
  match(root, context, options) {
    const data = floatShape(root.inputs[0], context);
    const filters = floatShape(root.inputs[1], context);
    const out = floatShape({ node: root.id, output: 0 }, context);
    if (filters?.length !== 6 || data?.length !== 5 || !out) return undefined;
    const a = context.attributes(root);
    const [outer, inner, kh, kw, depth, lanes] = filters as [number, number, number, number, number, number];
    const [features, channels] = [outer * lanes, inner * depth];
    let holds = context.require("1 x 1", kh === 1 && kw === 1, () => `filters are ${kh} x ${kw}`);
    const [group, from, to] = [a.int("group", 1), a.int("input_channels", channels), a.int("channels", features)];
    holds = context.require("full blocks", group === 1 && from === channels && to === features, () => `groups: ${group}; channels: ${from} of ${channels} and ${to} of ${features}`) && holds;
    holds = context.require("constant filters", context.constant(root.inputs[1]) !== undefined, "the filters are computed") && holds;
    holds = context.require("allowed", options.strassen > 0 && !options.strassenAt, () => (options.strassenAt ? "sizes are open" : `strassen is ${options.strassen}`)) && holds;
    holds = context.require("even halves", outer % 2 === 0 && inner % 2 === 0, () => `blocks of channels: ${inner} and ${outer}`) && holds;
    const places = out[0]! * out[2]! * out[3]!;
    const size = strassenSize(channels, features);
    const combinedBytes = 7 * features * channels;
    const fewest = combinedBytes <= nearMegabytes << 20 ? fewestPlaces : manyPlaces;
    holds = context.require("worth it", places >= fewest && size >= options.strassen, () => `${places} places, size ${Math.floor(size)}`) && holds;
    return holds ? { nodes: [root.id], bindings: {} } : undefined;
  },
  rewrite(match, rewriter, context) {
    const root = context.find(match.root)!;
    const [x, w, b] = root.inputs as [ValueRef, ValueRef, ValueRef?];
    const tensor = context.tensor(w)!;
    const [outer, inner, , , depth, lanes] = tensor.dims as [number, number, number, number, number, number];
    const inputs = [x, new Builder(rewriter, context, root).packed(strassenColumns(toNumbers(tensor), [outer, inner * depth, lanes]), w, "combined"), ...(b ? [b] : [])];
    const { strides } = root.attributes;
    replaceRoot(match, rewriter, { op: "StrassenConv", domain: "graphwright", inputs, attributes: strides ? { strides } : {}, name: root.name, order: root.order, ...mergedNotes(root) });
  },
  examples: [
    {
      title: "Two blocks of channels to two, at every other place",
      options: { channelBlock: 1, strassen: 2 },
      before: `graph @main(%x: float32[1, 2, 24, 24, 1]) -> (%y: float32[1, 2, 12, 12, 1]) {
  %w = constant float32[2, 2, 1, 1, 1, 1] [1, 2, 3, 4]
  %y = graphwright.BlockedConv(%x, %w) {strides = [2, 2]} "conv1"
  return %y
}`,
      after: `graph @main(%x: float32[1, 2, 24, 24, 1]) -> (%y: float32[1, 2, 12, 12, 1]) {
  %w_combined = constant float32[7, 1, 1, 1] [5, 1, -1, 1, 4, 4, 6]
  %y: float32[1, 2, 12, 12, 1] = graphwright.StrassenConv(%x, %w_combined) {strides = [2, 2]} "conv1"
  return %y
}`,
    },
    {
      title: "An odd number of blocks",
      fails: "even halves",
      options: { channelBlock: 1, strassen: 2 },
      before: `graph @main(%x: float32[1, 3, 12, 12, 1]) -> (%y: float32[1, 2, 12, 12, 1]) {
  %w = constant float32[2, 3, 1, 1, 1, 1] [1, 2, 3, 4, 5, 6]
  %y = graphwright.BlockedConv(%x, %w) "conv1"
  return %y
}`,
      after: `graph @main(%x: float32[1, 3, 12, 12, 1]) -> (%y: float32[1, 2, 12, 12, 1]) {
  %w = constant float32[2, 3, 1, 1, 1, 1] [1, 2, 3, 4, 5, 6]
  %y = graphwright.BlockedConv(%x, %w) "conv1"
  return %y
}`,
    },
  ],
});
