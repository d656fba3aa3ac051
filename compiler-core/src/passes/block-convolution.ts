import { int, ints } from "../ir/attribute.ts";
import type { OperatorNode } from "../ir/graph.ts";
import { toNumbers } from "../ir/tensor.ts";
import { blocksOf, type FilterForm, packFilters, packVector } from "../ops/support/blocked.ts";
import { isReadableWindow, placeWindow, windowAttributes } from "../ops/support/window.ts";
import { defineRewrite, type MatchContext } from "./definition.ts";
import { Builder, floatShape, unblockInstead } from "./support/blocked-layout.ts";
import { mergedNotes } from "./support/replacement.ts";
import { isSmallWeight, type SmallWeight, smallWeight, type Spread, widened } from "./support/small-weight.ts";

/** Of a block's lanes at least this part must be channels: more would be computed in vain than is won. */
const leastUse = 0.4;

/** How many groups may be put together, which computes products with 0: on rows, narrow groups take longer still, and so do wider ones with a window. */
const mostMerged = 8;
const mergedOf = (perGroup: number, block: number, taps: number): number => (perGroup < block ? mostMerged : taps > 1 ? 2 : 1);

interface Form {
  readonly form: FilterForm;
  /** groups of the kernel */
  readonly group: number;
  /** groups of the model in one of those: filters are 0 between them */
  readonly merged: number;
}

function formOf(group: number, channels: number, perGroup: number, features: number, block: number, taps: number): Form | string {
  if (features / (blocksOf(features, block) * block) < leastUse) return `${features} channels would fill too little of blocks of ${block}`;
  if (group === 1) return { form: channels < block / 2 ? "plain" : "blocked", group: 1, merged: 1 };
  if (perGroup === 1 && features === channels) return { form: "depthwise", group: 1, merged: 1 };
  for (let merged = 1; merged <= Math.min(group, mergedOf(perGroup, block, taps)); merged++)
    if (group % merged === 0 && (merged * perGroup) % block === 0 && ((merged * features) / group) % block === 0) return { form: "blocked", group: group / merged, merged };
  return `groups of ${perGroup} and ${features / group} channels are not whole blocks`;
}

/** Filters [M, C/g, ...K] of `merged` groups at a time as [M, merged C/g, ...K]: 0 where a filter would reach into another group. */
function mergeGroups(w: ArrayLike<number>, dims: readonly number[], group: number, merged: number): { readonly numbers: Float64Array; readonly dims: number[] } {
  const [features, perGroup, ...kernel] = dims as [number, number, ...number[]];
  const filter = perGroup * kernel.reduce((a, b) => a * b, 1);
  const numbers = new Float64Array(features * merged * filter);
  for (let m = 0; m < features; m++) {
    const own = Math.floor((m * group) / features) % merged;
    for (let i = 0; i < filter; i++) numbers[(m * merged + own) * filter + i] = w[m * filter + i]!;
  }
  return { numbers, dims: [features, merged * perGroup, ...kernel] };
}

const windowOf = (root: OperatorNode, context: MatchContext, kernel: readonly number[]) => windowAttributes(context.attributes(root), kernel);

/** Scales or zero points that are one for all or one a filter. */
const isPerFilter = ({ counts, sizes }: Spread): boolean => counts.every((c, d) => c === 1 || (d === 0 && sizes[d] === 1));

const isPlain = (weight: SmallWeight | undefined): boolean => weight !== undefined && [weight.scale, weight.zero].every((s) => !s || isPerFilter(s));

export const blockConvolution = defineRewrite({
  name: "block-convolution",
  title: "Convolution over blocks",
  summary: "Computes a convolution with its channels in blocks that fill vectors, on an input padded beforehand, with filters packed in the order in which the kernel reads them.",
  why: "The kernel's inner loop then multiplies one element by a vector of filters again and again, with every address known and no test. Between neighbouring convolutions the blocks stay: what goes back to channels one after the other cancels. Groups of few channels share blocks, with filters of 0 between them: an infinity in one is no number in the others then.",
  exactness: "reassociates",
  roots: ["Conv"],
  preconditions: [
    { name: "static float32", doc: "Data and filters are float32 with static shapes and two spatial dimensions." },
    { name: "constant filters", doc: "Filters and bias are constants; filters that a Cast or DequantizeLinear makes of constants in fewer bits, with one scale or one a filter, stay in these." },
    { name: "whole blocks", doc: `There is one group, or one a channel, or the groups are whole blocks, or up to ${mostMerged} narrow ones together, or two wider ones with a window; and the blocks are mostly filled.` },
  ],
  match(root, context, options) {
    const [x, w, b] = root.inputs;
    const data = floatShape(x, context);
    const filters = floatShape(w, context);
    if (!context.require("static float32", data?.length === 4 && filters?.length === 4, () => `the data is ${context.type(x).text}, the filters are ${context.type(w).text}`) || !data || !filters) return undefined;
    if (!context.require("static float32", isReadableWindow(context.attributes(root), filters.slice(2)), `the window's attributes do not fit ${filters.length - 2} dimensions`)) return undefined;
    const small = isSmallWeight(w, context) && isPlain(smallWeight(w, context));
    const [fixed, given] = [context.constant(w) !== undefined || small, !b || context.constant(b) !== undefined];
    let holds = context.require("constant filters", fixed && given, () => (!fixed ? "the filters are computed" : given ? "filters and bias are constants" : "the bias is computed"));
    const form = formOf(context.attributes(root).int("group", 1), data[1]!, filters[1]!, filters[0]!, options.channelBlock, filters[2]! * filters[3]!);
    const problem = typeof form === "string" ? form : small && form.merged > 1 ? `groups of ${filters[1]} and ${filters[0]! / (form.group * form.merged)} channels are not whole blocks` : undefined;
    holds = context.require("whole blocks", problem === undefined, () => problem ?? `${(form as Form).form} filters`) && holds;
    return holds ? { nodes: [root.id], bindings: { form, data, filters } } : undefined;
  },
  rewrite(match, rewriter, context, options) {
    const root = context.find(match.root)!;
    const [x, w, b] = root.inputs;
    const { form, data, filters } = match.bindings as { form: Form; data: readonly number[]; filters: readonly number[] };
    const block = options.channelBlock;
    const builder = new Builder(rewriter, context, root);
    const window = windowOf(root, context, filters.slice(2));
    const { begins, output } = placeWindow(data.slice(2), window);
    const ends = options.wholePads && window.autoPad === "NOTSET" && !window.ceil ? window.ends : output.map((o, d) => Math.max(0, (o - 1) * window.strides[d]! + (window.kernel[d]! - 1) * window.dilations[d]! + 1 - data[2 + d]! - begins[d]!));
    let value = form.form === "plain" ? x! : builder.block(x!, block);
    const lanes = form.form === "plain" ? [] : [0];
    if ([...begins, ...ends].some((n) => n > 0)) value = builder.pad(value, [0, 0, ...begins, ...lanes], [0, 0, ...ends, ...lanes]);
    const small = smallWeight(w, context);
    const given = small ? small.numbers : toNumbers(context.tensor(w)!);
    const together = form.merged > 1 ? mergeGroups(given, filters, form.group * form.merged, form.merged) : { numbers: given, dims: filters };
    const packed = packFilters(together.numbers, together.dims, block, form.form);
    const perFilter = (spread: Spread | undefined): { dims: number[]; numbers: ArrayLike<number> } | undefined => {
      if (!spread || spread.numbers.length === 1) return spread && { dims: packed.dims.map(() => 1), numbers: spread.numbers };
      const { dims, numbers } = packVector(spread.numbers, block);
      return { dims: [dims[0]!, ...packed.dims.slice(1, -1).map(() => 1), block], numbers };
    };
    const inputs = [value, small ? widened(builder, small, context.graph.valueName(small.from) || root.outputs[0]!.name, packed, perFilter(small.scale), perFilter(small.zero), 0) : builder.packed(packed, w!, "packed")];
    if (b) inputs.push(builder.packed(packVector(toNumbers(context.tensor(b)!), block), b, "packed"));
    const blocked = builder.node(
      "BlockedConv",
      inputs,
      { ...(window.strides.some((s) => s !== 1) ? { strides: ints(window.strides) } : {}), ...(window.dilations.some((d) => d !== 1) ? { dilations: ints(window.dilations) } : {}), ...(form.group > 1 ? { group: int(form.group) } : {}), ...(form.form !== "depthwise" && filters[0]! % block > 0 ? { channels: int(filters[0]!) } : {}), ...(form.form === "blocked" && form.group === 1 && form.merged === 1 && filters[1]! % block > 0 ? { input_channels: int(filters[1]!) } : {}) },
      "blocks",
    );
    rewriter.update(blocked.node, { name: root.name, ...mergedNotes(root) });
    unblockInstead(rewriter, root, blocked, filters[0]!);
  },
  examples: [
    {
      title: "Blocks of two channels, and a border",
      options: { channelBlock: 2 },
      before: `graph @main(%x: float32[1, 4, 3, 3]) -> (%y: float32[1, 2, 3, 3]) {
  %w = constant float32[2, 4, 1, 3] [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, -1, -2, -3, -4, -5, -6, -7, -8, -9, -10, -11, -12]
  %b = constant float32[2] [1, 2]
  %y = Conv(%x, %w, %b) {pads = [0, 1, 0, 1]} "conv1"
  return %y
}`,
      after: `graph @main(%x: float32[1, 4, 3, 3]) -> (%y: float32[1, 2, 3, 3]) {
  %y_blocked: float32[1, 2, 3, 3, 2] = graphwright.BlockChannels(%x) {block = 2}
  %y_pads = constant int64[10] [0, 0, 0, 1, 0, 0, 0, 0, 1, 0]
  %y_padded: float32[1, 2, 3, 5, 2] = Pad(%y_blocked, %y_pads)
  %w_packed = constant float32[1, 2, 1, 3, 2, 2] [1, -1, 4, -4, 2, -2, 5, -5, 3, -3, 6, -6, 7, -7, 10, -10, 8, -8, 11, -11, 9, -9, 12, -12]
  %b_packed = constant float32[1, 2] [1, 2]
  %y_blocks: float32[1, 1, 3, 3, 2] = graphwright.BlockedConv(%y_padded, %w_packed, %b_packed) "conv1"
  %y: float32[1, 2, 3, 3] = graphwright.UnblockChannels(%y_blocks) {channels = 2}
  return %y
}`,
    },
    {
      title: "A filter for each channel",
      options: { channelBlock: 2 },
      before: `graph @main(%x: float32[1, 3, 3, 3]) -> (%y: float32[1, 3, 2, 2]) {
  %w = constant float32[3, 1, 2, 2] [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]
  %y = Conv(%x, %w) {group = 3}
  return %y
}`,
      after: `graph @main(%x: float32[1, 3, 3, 3]) -> (%y: float32[1, 3, 2, 2]) {
  %y_blocked: float32[1, 2, 3, 3, 2] = graphwright.BlockChannels(%x) {block = 2}
  %w_packed = constant float32[2, 2, 2, 2] [1, 5, 2, 6, 3, 7, 4, 8, 9, 0, 10, 0, 11, 0, 12, 0]
  %y_blocks: float32[1, 2, 2, 2, 2] = graphwright.BlockedConv(%y_blocked, %w_packed)
  %y: float32[1, 3, 2, 2] = graphwright.UnblockChannels(%y_blocks) {channels = 3}
  return %y
}`,
    },
    {
      title: "Blocks that are not full",
      options: { channelBlock: 2 },
      before: `graph @main(%x: float32[1, 3, 1, 1]) -> (%y: float32[1, 3, 1, 1]) {
  %w = constant float32[3, 3, 1, 1] [1, 2, 3, 4, 5, 6, 7, 8, 9]
  %y = Conv(%x, %w)
  return %y
}`,
      after: `graph @main(%x: float32[1, 3, 1, 1]) -> (%y: float32[1, 3, 1, 1]) {
  %y_blocked: float32[1, 2, 1, 1, 2] = graphwright.BlockChannels(%x) {block = 2}
  %w_packed = constant float32[2, 2, 1, 1, 2, 2] [1, 4, 2, 5, 3, 6, 0, 0, 7, 0, 8, 0, 9, 0, 0, 0]
  %y_blocks: float32[1, 2, 1, 1, 2] = graphwright.BlockedConv(%y_blocked, %w_packed) {channels = 3, input_channels = 3}
  %y: float32[1, 3, 1, 1] = graphwright.UnblockChannels(%y_blocks) {channels = 3}
  return %y
}`,
    },
    {
      title: "Two narrow groups together",
      options: { channelBlock: 4 },
      before: `graph @main(%x: float32[1, 4, 2, 2]) -> (%y: float32[1, 4, 2, 2]) {
  %w = constant float32[4, 2, 1, 1] [1, 2, 3, 4, 5, 6, 7, 8]
  %y = Conv(%x, %w) {group = 2}
  return %y
}`,
      after: `graph @main(%x: float32[1, 4, 2, 2]) -> (%y: float32[1, 4, 2, 2]) {
  %y_blocked: float32[1, 1, 2, 2, 4] = graphwright.BlockChannels(%x) {block = 4}
  %w_packed = constant float32[1, 1, 1, 1, 4, 4] [1, 3, 0, 0, 2, 4, 0, 0, 0, 0, 5, 7, 0, 0, 6, 8]
  %y_blocks: float32[1, 1, 2, 2, 4] = graphwright.BlockedConv(%y_blocked, %w_packed)
  %y: float32[1, 4, 2, 2] = graphwright.UnblockChannels(%y_blocks) {channels = 4}
  return %y
}`,
    },
    {
      title: "Groups that are no whole blocks",
      fails: "whole blocks",
      options: { channelBlock: 4 },
      before: `graph @main(%x: float32[1, 6, 2, 2]) -> (%y: float32[1, 6, 2, 2]) {
  %w = constant float32[6, 3, 1, 1] [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18]
  %y = Conv(%x, %w) {group = 2}
  return %y
}`,
      after: `graph @main(%x: float32[1, 6, 2, 2]) -> (%y: float32[1, 6, 2, 2]) {
  %w = constant float32[6, 3, 1, 1] [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18]
  %y = Conv(%x, %w) {group = 2}
  return %y
}`,
    },
  ],
});
