import { int, ints } from "../ir/attribute.ts";
import type { ElementType } from "../ir/element-type.ts";
import type { OperatorNode, ValueRef } from "../ir/graph.ts";
import { fromNumbers, int64Vector, makeTensor, type Tensor, toNumbers } from "../ir/tensor.ts";
import { elementCount, elementOf, staticShape } from "../ir/value-type.ts";
import { blocksOf, dotTerms, packIntegerFilters, packVector } from "../ops/support/blocked.ts";
import { codeOfElement } from "../ops/support/element-codes.ts";
import { placeWindow, windowAttributes } from "../ops/support/window.ts";
import { defineRewrite, type MatchContext } from "./definition.ts";
import { Builder, unblockInstead } from "./support/blocked-layout.ts";
import { mergedNotes, replaceRoot } from "./support/replacement.ts";

/** Of a block's lanes at least this part must be channels. */
const leastUse = 0.4;

/** A product as a convolution: matrices are images of one place. */
interface Product {
  readonly x: ValueRef;
  readonly element: ElementType;
  /** [N, C, H, W]; for matrices [rows, columns, 1, 1] */
  readonly data: readonly number[];
  readonly zero: number;
  /** the zero point where it is known only at run time; `zero` is then 0 */
  readonly computedZero?: ValueRef;
  /** [M, C / group, kh, kw], less their zero points, which may not fit 8 bits */
  readonly filters: { readonly dims: readonly number[]; readonly numbers: Float64Array; readonly from: ValueRef };
  readonly bias: ArrayLike<number> | undefined;
  /** of a sum in steps of the result, one or one a channel; undefined: the sums are the result */
  readonly steps: readonly number[] | undefined;
  readonly resultZero: number;
  readonly result: ElementType;
}

const places = {
  QLinearConv: { xZero: 2, w: 3, wZero: 5, scales: [1, 4, 6], yZero: 7, bias: 8 },
  QLinearMatMul: { xZero: 2, w: 3, wZero: 5, scales: [1, 4, 6], yZero: 7, bias: undefined },
  ConvInteger: { xZero: 2, w: 1, wZero: 3, scales: undefined, yZero: undefined, bias: undefined },
  MatMulInteger: { xZero: 2, w: 1, wZero: 3, scales: undefined, yZero: undefined, bias: undefined },
} as const;

function productOf(root: OperatorNode, context: MatchContext): Product | string {
  const at = places[root.op as keyof typeof places];
  const x = root.inputs[0]!;
  const from = root.inputs[at.w]!;
  const constant = (i: number | undefined): Tensor | undefined => (i !== undefined && root.inputs[i] ? context.tensor(root.inputs[i]) : undefined);
  const all: readonly (number | undefined)[] = [at.xZero, at.w, at.wZero, at.yZero, at.bias, ...(at.scales ?? [])];
  const given = all.filter((i): i is number => i !== undefined && !!root.inputs[i]);
  // Sums alone can be corrected by a zero point that a run decides (DynamicQuantizeLinear's).
  const xZero = root.inputs[at.xZero];
  const zeroDims = xZero ? staticShape(context.type(xZero)) : undefined;
  const computedZero = at.scales === undefined && xZero && !context.constant(xZero) && zeroDims && elementCount(zeroDims) === 1 ? xZero : undefined;
  const computed = given.find((i) => !constant(i) && !(computedZero && i === at.xZero));
  if (computed !== undefined) return `input ${computed} is computed`;
  const w = constant(at.w)!;
  const conv = root.op.includes("Conv");
  const shape = staticShape(context.type(x))!;
  const features = conv ? w.dims[0]! : w.dims[1]!;
  const one = (i: number | undefined): number | undefined => {
    const t = constant(i);
    return t === undefined ? 0 : elementCount(t.dims) === 1 ? Number(toNumbers(t)[0]) : undefined;
  };
  const zero = one(at.xZero);
  const resultZero = one(at.yZero);
  const zeros = constant(at.wZero) ? toNumbers(constant(at.wZero)!) : [0];
  const [xScale, wScale, yScale] = (at.scales ?? []).map((i) => constant(i)!);
  const perChannel = (count: number): boolean => count === 1 || count === features;
  if (zero === undefined || resultZero === undefined || (xScale && (elementCount(xScale.dims) !== 1 || elementCount(yScale!.dims) !== 1))) return "the data or the result has more than one scale or zero point";
  if (!perChannel(zeros.length) || (wScale && !perChannel(elementCount(wScale.dims)))) return "the filters have neither one scale nor one a channel";
  if ([xScale, wScale, yScale].some((t) => t && t.element !== "float32")) return "a scale is not float32";
  const numbers = toNumbers(w);
  const dims = conv ? w.dims : [features, w.dims[0]!, 1, 1];
  const inner = elementCount(dims.slice(1));
  const centred = new Float64Array(numbers.length);
  for (let m = 0; m < features; m++) for (let k = 0; k < inner; k++) centred[m * inner + k] = Number(numbers[conv ? m * inner + k : k * features + m]) - Number(zeros[zeros.length === 1 ? 0 : m]);
  const f = Math.fround;
  const steps = wScale && Array.from(toNumbers(wScale), (s) => f(f(Number(toNumbers(xScale!)[0]) * Number(s)) / Number(toNumbers(yScale!)[0])));
  return {
    x,
    element: elementOf(context.type(x))!,
    data: conv ? shape : [elementCount(shape.slice(0, -1)), shape.at(-1)!, 1, 1],
    zero,
    ...(computedZero ? { computedZero } : {}),
    filters: { dims, numbers: centred, from },
    bias: constant(at.bias) && toNumbers(constant(at.bias)!),
    steps,
    resultZero,
    result: elementOf(context.type({ node: root.id, output: 0 }))!,
  };
}

function formOf({ data, filters }: Product, group: number, block: number): { form: "quads" | "depthwise"; group: number } | string {
  const [features, perGroup] = filters.dims as [number, number];
  if (features / (blocksOf(features, block) * block) < leastUse) return `${features} channels would fill too little of blocks of ${block}`;
  if (group === 1) return { form: "quads", group: 1 };
  if (perGroup === 1 && features === data[1]) return { form: "depthwise", group: 1 };
  if (perGroup % block === 0 && (features / group) % block === 0) return { form: "quads", group };
  return `groups of ${perGroup} and ${features / group} channels are not whole blocks`;
}

/** What is added to the sums: the bias, less what the zero point of the data adds. */
function offsets({ filters, zero, bias }: Product, shift: number): Float64Array {
  const [features] = filters.dims as [number];
  const inner = filters.numbers.length / features;
  return Float64Array.from({ length: features }, (_, m) => {
    let sum = 0;
    for (let k = 0; k < inner; k++) sum += filters.numbers[m * inner + k]!;
    return Number(bias?.[m] ?? 0) - (zero + shift) * sum;
  });
}

const shiftOf = (p: Product): number => (p.element === "int8" ? 128 : 0);

export const blockIntegerProduct = defineRewrite({
  name: "block-integer-product",
  title: "Integer product over blocks",
  summary: "Computes a convolution or matrix product of 8-bit integers by constants with channels in blocks, filters packed for dot products of four, zero points in the bias, and the scale applied to each sum at once.",
  why: "One instruction multiplies and sums four bytes in each lane of a vector. Weights stay bytes, and between neighbouring layers only bytes are stored.",
  exactness: "reassociates",
  roots: ["QLinearConv", "QLinearMatMul", "ConvInteger", "MatMulInteger"],
  preconditions: [
    { name: "static bytes", doc: "The data are uint8 or int8 with a static shape, images of two dimensions or matrices; the factor is a matrix or filters of them." },
    { name: "constant factors", doc: "Filters, bias, scales and zero points are constants, but for the data's zero point of a product whose sums are the result; the data and the result have one scale, the filters one or one a channel." },
    { name: "filters around zero", doc: "Less their zero points the filters fit int8." },
    { name: "no overflow", doc: "No sum of products exceeds 32 bits, whatever the data." },
    { name: "whole blocks", doc: "There is one group, or one a channel, or the groups are whole blocks; and the blocks are mostly filled." },
  ],
  match(root, context, options) {
    const shape = staticShape(context.type(root.inputs[0]));
    const at = places[root.op as keyof typeof places];
    const w = staticShape(context.type(root.inputs[at.w]));
    const conv = root.op.includes("Conv");
    const bytes = [root.inputs[0], root.inputs[at.w]].every((ref) => ["uint8", "int8"].includes(elementOf(context.type(ref)) ?? ""));
    const known = bytes && shape !== undefined && w !== undefined && (conv ? shape.length === 4 && w.length === 4 : shape.length >= 2 && w.length === 2);
    if (!context.require("static bytes", known, () => `${context.type(root.inputs[0]).text} by ${context.type(root.inputs[at.w]).text}`)) return undefined;
    const product = productOf(root, context);
    if (!context.require("constant factors", typeof product !== "string", typeof product === "string" ? product : "they are") || typeof product === "string") return undefined;
    const { numbers, dims } = product.filters;
    const [low, high] = numbers.reduce(([a, b], v) => [Math.min(a, v), Math.max(b, v)], [0, 0]);
    let holds = context.require("filters around zero", low >= -128 && high <= 127, `from ${low} to ${high}`);
    const terms = elementCount(dims.slice(1));
    // Sums of an unknown zero point are at most as large as those of the largest.
    const most = (product.computedZero ? 2 : 1) * terms * 255 * 128 + offsets(product, shiftOf(product)).reduce((a, v) => Math.max(a, Math.abs(v)), 0);
    holds = context.require("no overflow", most < 2 ** 31, `${terms} products`) && holds;
    const form = formOf(product, conv ? context.attributes(root).int("group", 1) : 1, options.channelBlock);
    holds = context.require("whole blocks", typeof form !== "string", () => (typeof form === "string" ? form : `${product.filters.dims[0]} channels`)) && holds;
    return holds ? { nodes: [root.id], bindings: { product, form } } : undefined;
  },
  rewrite(match, rewriter, context, options) {
    const root = context.find(match.root)!;
    const { product, form } = match.bindings as { product: Product; form: { form: "quads" | "depthwise"; group: number } };
    const { data, filters, zero, steps, element } = product;
    const conv = root.op.includes("Conv");
    const block = options.channelBlock;
    const builder = new Builder(rewriter, context, root);
    const channels = data[1]!;
    const depth = form.form === "quads" && channels <= dotTerms ? dotTerms : block;
    const features = filters.dims[0]!;
    const shift = shiftOf(product);
    let value = conv ? product.x : builder.node("Reshape", [product.x, builder.constant(int64Vector(data), `${root.outputs[0]!.name}_rows`)], {}, "places", "");
    value = builder.block(value, depth);
    const window = conv ? windowAttributes(context.attributes(root), filters.dims.slice(2)) : undefined;
    if (window) {
      const { begins, output } = placeWindow(data.slice(2), window);
      const ends = output.map((o, d) => Math.max(0, (o - 1) * window.strides[d]! + (window.kernel[d]! - 1) * window.dilations[d]! + 1 - data[2 + d]! - begins[d]!));
      // What stands for 0 surrounds the image.
      if ([...begins, ...ends].some((n) => n > 0)) value = builder.pad(value, [0, 0, ...begins, 0], [0, 0, ...ends, 0], product.computedZero ?? (zero === 0 ? undefined : fromNumbers(element, [], [zero])));
    }
    const name = context.graph.valueName(filters.from) || root.outputs[0]!.name;
    const packed = packIntegerFilters(filters.numbers, filters.dims, block, depth, form.form);
    const added = offsets(product, shift);
    const sums = new Int32Array(blocksOf(features, block) * block);
    sums.set(added);
    const factors = builder.constant(makeTensor("int8", packed.dims, packed.numbers), `${name}_packed`, [filters.from]);
    let offset = builder.constant(makeTensor("int32", [blocksOf(features, block), block], sums), `${name}_offset`, [filters.from]);
    if (product.computedZero) {
      const ones = new Int32Array(sums.length);
      ones.set(offsets({ ...product, bias: undefined, zero: 1 }, 0));
      const by = builder.node("Cast", [product.computedZero], { to: int(codeOfElement("int32")) }, "zero", "");
      const moved = builder.node("Mul", [builder.constant(makeTensor("int32", [blocksOf(features, block), block], ones), `${name}_sums`, [filters.from]), by], {}, "moved", "");
      offset = builder.node("Add", [offset, moved], {}, "offset", "");
    }
    const inputs = [value, factors, offset];
    if (steps) {
      const scale = packVector(Float32Array.from({ length: features }, (_, m) => steps[steps.length === 1 ? 0 : m]!), block);
      inputs.push(builder.constant(fromNumbers("float32", scale.dims, scale.numbers), `${name}_step`, [filters.from]));
    }
    const blocked = builder.node(
      "BlockedQLinearConv",
      inputs,
      {
        ...(window?.strides.some((s) => s !== 1) ? { strides: ints(window.strides) } : {}),
        ...(window?.dilations.some((d) => d !== 1) ? { dilations: ints(window.dilations) } : {}),
        ...(form.group > 1 ? { group: int(form.group) } : {}),
        ...(shift !== 0 ? { shift: int(shift) } : {}),
        ...(steps && product.resultZero !== 0 ? { zero: int(product.resultZero) } : {}),
        to: int(codeOfElement(product.result)),
      },
      "blocks",
    );
    rewriter.update(blocked.node, { name: root.name, ...mergedNotes(root) });
    if (conv) {
      unblockInstead(rewriter, root, blocked, features);
      return;
    }
    const rows = builder.node("UnblockChannels", [blocked], { channels: int(features) }, "matrix");
    const dims = staticShape(context.type({ node: root.id, output: 0 }))!;
    replaceRoot(match, rewriter, { op: "Reshape", inputs: [rows, builder.constant(int64Vector(dims), `${root.outputs[0]!.name}_dims`)], order: root.order });
  },
  examples: [
    {
      title: "Two channels to two, with blocks of four lanes",
      options: { channelBlock: 4 },
      before: `graph @main(%x: uint8[1, 2, 2, 2]) -> (%y: uint8[1, 2, 2, 2]) {
  %xs = constant float32[] [0.5]
  %xz = constant uint8[] [3]
  %w = constant int8[2, 2, 1, 1] [1, 2, 3, -4]
  %ws = constant float32[2] [0.5, 0.25]
  %wz = constant int8[] [0]
  %ys = constant float32[] [1]
  %yz = constant uint8[] [7]
  %y = QLinearConv(%x, %xs, %xz, %w, %ws, %wz, %ys, %yz) "conv1"
  return %y
}`,
      after: `graph @main(%x: uint8[1, 2, 2, 2]) -> (%y: uint8[1, 2, 2, 2]) {
  %y_blocked: uint8[1, 1, 2, 2, 4] = graphwright.BlockChannels(%x) {block = 4}
  %w_packed = constant int8[1, 1, 1, 1, 1, 4, 4] [1, 2, 0, 0, 3, -4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]
  %w_offset = constant int32[1, 4] [-9, 3, 0, 0]
  %w_step = constant float32[1, 4] [0.25, 0.125, 0, 0]
  %y_blocks: uint8[1, 1, 2, 2, 4] = graphwright.BlockedQLinearConv(%y_blocked, %w_packed, %w_offset, %w_step) {zero = 7, to = 2} "conv1"
  %y: uint8[1, 2, 2, 2] = graphwright.UnblockChannels(%y_blocks) {channels = 2}
  return %y
}`,
    },
    ...(
      [
        ["Filters that are computed", "constant factors", ", %w: int8[2, 2]", "%y = MatMulInteger(%x, %w)"],
        ["Unsigned filters around 0", "filters around zero", "", "%w = constant uint8[2, 2] [1, 2, 3, 200]\n  %y = MatMulInteger(%x, %w)"],
      ] as const
    ).map(([title, fails, more, body]) => {
      const text = `graph @main(%x: uint8[3, 2]${more}) -> (%y: int32[3, 2]) {\n  ${body}\n  return %y\n}`;
      return { title, fails, options: { channelBlock: 4 }, before: text, after: text };
    }),
  ],
});
