import { int, ints } from "../ir/attribute.ts";
import type { OperatorNode, ValueRef } from "../ir/graph.ts";
import { toIntegers, toNumbers } from "../ir/tensor.ts";
import { fewestTiles, transformFilters, winogradBytes, winogradOf, winogradStrips } from "../ops/support/winograd.ts";
import { defineRewrite, type MatchContext } from "./definition.ts";
import { Builder, floatShape } from "./support/blocked-layout.ts";
import { mergedNotes, replaceRoot } from "./support/replacement.ts";

/** Floating-point operations in the time in which a byte of the filters comes from memory, on machines of today. */
const operationsPerByte = 11;
/** What the transforms cost beside the product. */
const transforms = 1.25;
/** Transformed values beyond this leave the second cache; each byte more is written and read at the cost of so many operations. */
const nearBytes = 1 << 21;
const operationsPerFarByte = 30;

/** The tile side of least time by a roofline over products and filters; 0 for summing directly. */
function bestTile([outer, inner, depth, lanes]: readonly [number, number, number, number], [batch, height, width]: readonly [number, number, number], most: number): number {
  const area = outer * inner * depth * lanes;
  const time = (products: number, taps: number): number => Math.max(2 * products * area, 4 * taps * area * operationsPerByte);
  let best = { m: 0, time: time(9 * batch * height * width, 9) };
  for (const m of [2, 4].filter((size) => size <= most)) {
    const tiles = batch * Math.ceil(height / m) * Math.ceil(width / m);
    const [inputs, features] = [inner * depth, outer * lanes];
    const held = winogradStrips({ outputs: m, height, width, inputs, features }) ? 0 : winogradBytes(m + 2, tiles, inputs, features);
    const cost = transforms * time((m + 2) ** 2 * tiles, (m + 2) ** 2) + Math.max(0, held - nearBytes) * operationsPerFarByte;
    if (tiles >= fewestTiles && cost < best.time) best = { m, time: cost };
  }
  return best.m;
}

/** A Pad with constant amounts whose value nothing else uses: it can pad by more instead. */
function paddingOf(value: ValueRef, context: MatchContext): { node: OperatorNode; amounts: number[] } | undefined {
  const node = context.producer(value, "Pad");
  const amounts = node ? context.tensor(node.inputs[1]) : undefined;
  return node && amounts && !node.inputs[2] && context.onlyUser(value) ? { node, amounts: toIntegers(amounts) } : undefined;
}

export const winogradConvolution = defineRewrite({
  name: "winograd-convolution",
  title: "Convolution by minimal filtering",
  summary: "Computes a 3 x 3 convolution of stride 1 by Winograd's minimal filtering F(4, 3) or F(2, 3), with filters transformed beforehand.",
  why: "A tile of 4 x 4 outputs takes 36 multiplications a channel instead of 144. The price is rounding: about ten times the error of summing directly for F(4, 3), a few times for F(2, 3).",
  exactness: "reassociates",
  roots: ["graphwright.BlockedConv"],
  preconditions: [
    { name: "allowed", doc: "The option `winograd` is 2 or 4, the most outputs along one side of a tile. 0 keeps every convolution direct.", budget: true },
    { name: "3 x 3, stride 1", doc: "The filters are 3 x 3 over blocks, in one group, with strides and dilations 1." },
    { name: "worth it", doc: `There are ${fewestTiles} tiles and two blocks of channels on both sides at least, and neither the transforms nor the larger filters take more time than is won.` },
  ],
  match(root, context, options) {
    const filters = floatShape(root.inputs[1], context);
    const data = floatShape(root.inputs[0], context);
    const out = floatShape({ node: root.id, output: 0 }, context);
    if (filters?.length !== 6 || !data || !out) return undefined;
    const a = context.attributes(root);
    const plain = filters[2] === 3 && filters[3] === 3 && [...(a.ints("strides") ?? []), ...(a.ints("dilations") ?? [])].every((n) => n === 1) && a.int("group", 1) === 1;
    let holds = context.require("allowed", options.winograd !== 0, `winograd is ${options.winograd}`);
    holds = context.require("3 x 3, stride 1", plain && context.constant(root.inputs[1]) !== undefined, () => `filters are ${filters[2]} x ${filters[3]}`) && holds;
    if (!holds) return undefined;
    const channels = Math.min(filters[0]! * filters[5]!, filters[1]! * filters[4]!);
    const m = options.winogradAt ? (options.winogradAt.get(root.id) ?? 0) : bestTile([filters[0]!, filters[1]!, filters[4]!, filters[5]!], [out[0]!, out[2]!, out[3]!], options.winograd);
    holds = context.require("worth it", m > 0 && channels >= 2 * options.channelBlock, () => (m > 0 ? `F(${m}, 3), ${channels} channels` : `${out[2]} x ${out[3]} places, ${channels} channels`));
    return holds ? { nodes: [root.id], bindings: { m } } : undefined;
  },
  rewrite(match, rewriter, context) {
    const root = context.find(match.root)!;
    const [x, w, b] = root.inputs as [ValueRef, ValueRef, ValueRef?];
    const kind = winogradOf(match.bindings.m as number);
    const data = floatShape(x, context)!;
    const [, , height, width] = floatShape({ node: root.id, output: 0 }, context)! as [number, number, number, number, number];
    const builder = new Builder(rewriter, context, root);
    // The last tiles read beyond the filters' reach.
    const more = [height, width].map((size, d) => Math.max(0, kind.outputs * Math.ceil(size / kind.outputs) + 2 - data[2 + d]!));
    let value = x;
    if (more.some((n) => n > 0)) {
      const padding = paddingOf(x, context);
      const amounts = padding?.amounts ?? new Array<number>(10).fill(0);
      const grown = amounts.map((n, i) => n + (i === 7 ? more[0]! : i === 8 ? more[1]! : 0));
      value = builder.pad(padding ? padding.node.inputs[0]! : x, grown.slice(0, 5), grown.slice(5));
    }
    const filters = context.tensor(w)!;
    const inputs = [value, builder.packed(transformFilters(toNumbers(filters), filters.dims, kind), w, "transformed"), ...(b ? [b] : [])];
    replaceRoot(match, rewriter, { op: "WinogradConv", domain: "graphwright", inputs, attributes: { outputs: int(kind.outputs), size: ints([height, width]) }, name: root.name, order: root.order, ...mergedNotes(root) });
  },
  examples: [
    {
      title: "F(2, 3) on a padded input",
      options: { channelBlock: 1, winograd: 2 },
      before: `graph @main(%x: float32[1, 2, 15, 16, 1]) -> (%y: float32[1, 2, 15, 16, 1]) {
  %w = constant float32[2, 2, 3, 3, 1, 1] [-2, 0, 2, -1, 1, -2, 0, 2, -1, 1, -2, 0, 2, -1, 1, -2, 0, 2, -1, 1, -2, 0, 2, -1, 1, -2, 0, 2, -1, 1, -2, 0, 2, -1, 1, -2]
  %pads = constant int64[10] [0, 0, 1, 1, 0, 0, 0, 1, 1, 0]
  %p = Pad(%x, %pads)
  %y = graphwright.BlockedConv(%p, %w) "conv1"
  return %y
}`,
      after: `graph @main(%x: float32[1, 2, 15, 16, 1]) -> (%y: float32[1, 2, 15, 16, 1]) {
  %y_pads = constant int64[10] [0, 0, 1, 1, 0, 0, 0, 2, 1, 0]
  %y_padded: float32[1, 2, 18, 18, 1] = Pad(%x, %y_pads)
  %w_transformed = constant float32[16, 2, 2, 1, 1] [-2, 1, -1, 2, 0, -0.5, -1, 1, 0, 1.5, -2, 2, 2, 0, -2, 1, -1.5, 0.5, 0, -0.5, -0.25, 0.25, -0.5, 0, -1.75, 1.75, -1, 0, -0.5, 1.5, -1.5, 0.5, -0.5, -1.5, 0, 1.5, 0.75, -0.75, -1, 0, 0.25, -0.25, 0.5, 0, 1.5, 0.5, -0.5, -1.5, 0, -2, 1, -1, 0.5, 0, -0.5, -1, -1.5, 0, 1.5, -2, -1, 2, 0, -2]
  %y: float32[1, 2, 15, 16, 1] = graphwright.WinogradConv(%y_padded, %w_transformed) {outputs = 2, size = [15, 16]} "conv1"
  return %y
}`,
    },
    {
      title: "Every convolution direct",
      fails: "allowed",
      options: { channelBlock: 1, winograd: 0 },
      before: `graph @main(%x: float32[1, 2, 18, 18, 1]) -> (%y: float32[1, 2, 16, 16, 1]) {
  %w = constant float32[2, 2, 3, 3, 1, 1] [-2, 0, 2, -1, 1, -2, 0, 2, -1, 1, -2, 0, 2, -1, 1, -2, 0, 2, -1, 1, -2, 0, 2, -1, 1, -2, 0, 2, -1, 1, -2, 0, 2, -1, 1, -2]
  %y = graphwright.BlockedConv(%x, %w) "conv1"
  return %y
}`,
      after: `graph @main(%x: float32[1, 2, 18, 18, 1]) -> (%y: float32[1, 2, 16, 16, 1]) {
  %w = constant float32[2, 2, 3, 3, 1, 1] [-2, 0, 2, -1, 1, -2, 0, 2, -1, 1, -2, 0, 2, -1, 1, -2, 0, 2, -1, 1, -2, 0, 2, -1, 1, -2, 0, 2, -1, 1, -2, 0, 2, -1, 1, -2]
  %y = graphwright.BlockedConv(%x, %w) "conv1"
  return %y
}`,
    },
  ],
});
