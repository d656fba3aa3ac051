import { ints } from "../ir/attribute.ts";
import type { ValueRef } from "../ir/graph.ts";
import { fromNumbers, toNumbers } from "../ir/tensor.ts";
import { elementCount } from "../ir/value-type.ts";
import { isReadableWindow, windowAttributes } from "../ops/support/window.ts";
import { defineRewrite } from "./definition.ts";
import { all } from "./support/channel-affine.ts";
import { addDerivedConstant, mergedNotes, replaceRoot } from "./support/replacement.ts";

/** Of the taps of one axis those kept: from `first` to `last`. */
interface Kept {
  readonly first: number;
  readonly last: number;
}

/** The taps that meet the input at some output, and those between; where padding could not shrink by a tap it stays. */
function keptTaps(size: number, kernel: number, stride: number, dilation: number, begin: number, end: number): Kept {
  const outputs = Math.floor((size + begin + end - (kernel - 1) * dilation - 1) / stride) + 1;
  const meets = (tap: number): boolean => {
    // The first output at which the tap lies behind the padding before the input.
    const output = Math.max(0, Math.ceil((begin - tap * dilation) / stride));
    return output < outputs && output * stride + tap * dilation - begin < size;
  };
  const useful = Array.from({ length: kernel }, (_, tap) => tap).filter(meets);
  if (useful.length === 0) return { first: 0, last: kernel - 1 };
  const first = Math.min(useful[0]!, Math.floor(begin / dilation));
  return { first, last: Math.max(useful.at(-1)!, kernel - 1 - Math.floor(end / dilation)) };
}

export const tapsInPadding = defineRewrite({
  name: "taps-in-padding",
  title: "Taps that meet only padding",
  summary: "Takes rows and columns off the filters of a Conv that meet nothing but its padding, and the padding with them.",
  why: "They add 0 everywhere. With the large dilations of DeepLab on a small image, 3 x 3 filters are 1 x 1 filters: a ninth of the work.",
  exactness: "reassociates",
  roots: ["Conv"],
  preconditions: [
    { name: "known sizes", doc: "The spatial sizes of the input are static, auto_pad is absent or NOTSET, and no pad is negative." },
    { name: "constant filters", doc: "The filters are constants, and what is taken off is finite." },
  ],
  match(root, context) {
    const [x, w] = root.inputs;
    const sizes = context.shape(x)?.slice(2);
    const filters = context.shape(w);
    const pads = context.attributes(root).ints("pads");
    // Without padding no tap meets any.
    if (!pads?.some((n) => n > 0) || !filters || filters.length < 3) return undefined;
    const known = sizes !== undefined && sizes.length === filters.length - 2 && sizes.every((n): n is number => typeof n === "number" && n > 0) && filters.every((n): n is number => typeof n === "number");
    const mode = context.attributes(root).string("auto_pad", "NOTSET");
    const explicit = (mode === "NOTSET" || mode === "") && pads.every((n) => n >= 0);
    if (!known || !explicit) {
      context.require("known sizes", false, () => (explicit ? `the input is ${context.type(x).text}` : mode === "NOTSET" || mode === "" ? `pads are ${pads.join(", ")}` : `auto_pad is ${mode}`));
      return undefined;
    }
    const kernel = filters.slice(2) as number[];
    if (!isReadableWindow(context.attributes(root), kernel)) {
      context.require("known sizes", false, `the window's attributes do not fit ${kernel.length} dimensions`);
      return undefined;
    }
    const { strides, dilations, begins, ends } = windowAttributes(context.attributes(root), kernel);
    const kept = kernel.map((k, d) => keptTaps(sizes[d] as number, k, strides[d]!, dilations[d]!, begins[d]!, ends[d]!));
    if (kept.every(({ first, last }, d) => last - first + 1 === kernel[d])) return undefined;
    context.require("known sizes", true, () => `the input is ${context.type(x).text}`);
    const tensor = context.tensor(w);
    const finite = tensor !== undefined && all(toNumbers(tensor), Number.isFinite);
    return context.require("constant filters", finite, () => (tensor ? (finite ? "the filters are finite constants" : "a filter is not finite") : "the filters are computed")) ? { nodes: [root.id], bindings: { kept } } : undefined;
  },
  rewrite(match, rewriter, context) {
    const root = context.find(match.root)!;
    const { kept } = match.bindings as { kept: readonly Kept[] };
    const w = root.inputs[1]!;
    const tensor = context.tensor(w)!;
    const [features, channels, ...kernel] = tensor.dims as [number, number, ...number[]];
    const dims = [features, channels, ...kept.map(({ first, last }) => last - first + 1)];
    const given = toNumbers(tensor);
    const size = elementCount(dims.slice(2));
    const numbers = Float64Array.from({ length: elementCount(dims) }, (_, i) => {
      let [rest, at, step] = [i % size, 0, 1];
      for (let d = kernel.length - 1; d >= 0; d--) {
        const extent = dims[2 + d]!;
        at += ((rest % extent) + kept[d]!.first) * step;
        rest = Math.floor(rest / extent);
        step *= kernel[d]!;
      }
      return given[Math.floor(i / size) * step + at]!;
    });
    const { dilations, begins, ends } = windowAttributes(context.attributes(root), kernel);
    const filters = addDerivedConstant(match, rewriter, context, { tensor: fromNumbers(tensor.element, dims, numbers), like: w, suffix: "cropped", sources: [w.node], beside: root });
    const pads = [...begins.map((n, d) => n - kept[d]!.first * dilations[d]!), ...ends.map((n, d) => n - (kernel[d]! - 1 - kept[d]!.last) * dilations[d]!)];
    const { pads: _, dilations: spread, kernel_shape: shape, ...attributes } = root.attributes;
    const wide = dims.slice(2).some((k, d) => k > 1 && dilations[d] !== 1);
    replaceRoot(match, rewriter, {
      op: "Conv",
      inputs: root.inputs.map((ref, i): ValueRef | null => (i === 1 ? filters : ref)),
      attributes: { ...attributes, ...(spread && wide ? { dilations: spread } : {}), ...(shape ? { kernel_shape: ints(dims.slice(2)) } : {}), ...(pads.some((n) => n > 0) ? { pads: ints(pads) } : {}) },
      name: root.name,
      order: root.order,
      ...mergedNotes(root),
    });
  },
  examples: [
    {
      title: "A dilation as large as the image",
      before: `graph @main(%x: float32[1, 1, 4, 4]) -> (%y: float32[1, 1, 4, 4]) {
  %w = constant float32[1, 1, 3, 3] [1, 2, 3, 4, 5, 6, 7, 8, 9]
  %y = Conv(%x, %w) {dilations = [4, 4], kernel_shape = [3, 3], pads = [4, 4, 4, 4]} "conv1"
  return %y
}`,
      after: `graph @main(%x: float32[1, 1, 4, 4]) -> (%y: float32[1, 1, 4, 4]) {
  %w = constant float32[1, 1, 1, 1] [5]
  %y = Conv(%x, %w) {kernel_shape = [1, 1]} "conv1"
  return %y
}`,
    },
    {
      title: "A row and a column, of filters that another Conv uses whole",
      before: `graph @main(%x: float32[1, 1, 1, 5], %z: float32[1, 1, 3, 3]) -> (%y: float32[1, 1, 1, 5], %v: float32[1, 1, 1, 1]) {
  %w = constant float32[1, 1, 3, 3] [1, 2, 3, 4, 5, 6, 7, 8, 9]
  %y = Conv(%x, %w) {pads = [1, 1, 1, 1]} "conv1"
  %v = Conv(%z, %w)
  return %y, %v
}`,
      after: `graph @main(%x: float32[1, 1, 1, 5], %z: float32[1, 1, 3, 3]) -> (%y: float32[1, 1, 1, 5], %v: float32[1, 1, 1, 1]) {
  %w = constant float32[1, 1, 3, 3] [1, 2, 3, 4, 5, 6, 7, 8, 9]
  %w_cropped = constant float32[1, 1, 1, 3] [4, 5, 6]
  %y = Conv(%x, %w_cropped) {pads = [0, 1, 0, 1]} "conv1"
  %v = Conv(%z, %w)
  return %y, %v
}`,
    },
    {
      title: "A filter of infinity: 0 times it is no number",
      fails: "constant filters",
      before: `graph @main(%x: float32[1, 1, 1, 4]) -> (%y: float32[1, 1, 1, 4]) {
  %w = constant float32[1, 1, 3, 1] [inf, 1, 1]
  %y = Conv(%x, %w) {pads = [1, 0, 1, 0]}
  return %y
}`,
      after: `graph @main(%x: float32[1, 1, 1, 4]) -> (%y: float32[1, 1, 1, 4]) {
  %w = constant float32[1, 1, 3, 1] [inf, 1, 1]
  %y = Conv(%x, %w) {pads = [1, 0, 1, 0]}
  return %y
}`,
    },
    {
      title: "Dilations for more dimensions than there are",
      fails: "known sizes",
      before: `graph @main(%x: float32[1, 1, 1, 4]) -> (%y: float32[?, ?, ?, ?]) {
  %w = constant float32[1, 1, 3, 1] [1, 2, 3]
  %y = Conv(%x, %w) {dilations = [1, 1, 1], pads = [1, 0, 1, 0]}
  return %y
}`,
      after: `graph @main(%x: float32[1, 1, 1, 4]) -> (%y: float32[?, ?, ?, ?]) {
  %w = constant float32[1, 1, 3, 1] [1, 2, 3]
  %y = Conv(%x, %w) {dilations = [1, 1, 1], pads = [1, 0, 1, 0]}
  return %y
}`,
    },
    {
      title: "Sizes that a run gives",
      fails: "known sizes",
      before: `graph @main(%x: float32[1, 1, H, 4]) -> (%y: float32[1, 1, H, 4]) {
  %w = constant float32[1, 1, 3, 1] [1, 2, 3]
  %y = Conv(%x, %w) {pads = [1, 0, 1, 0]}
  return %y
}`,
      after: `graph @main(%x: float32[1, 1, H, 4]) -> (%y: float32[1, 1, H, 4]) {
  %w = constant float32[1, 1, 3, 1] [1, 2, 3]
  %y = Conv(%x, %w) {pads = [1, 0, 1, 0]}
  return %y
}`,
    },
  ],
});
