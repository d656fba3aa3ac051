import { int } from "../ir/attribute.ts";
import { ConstantValue } from "../ir/constant.ts";
import type { OperatorNode } from "../ir/graph.ts";
import { fromNumbers, type Tensor, toNumbers } from "../ir/tensor.ts";
import { defineRewrite, type MatchContext } from "./definition.ts";
import { magnitudeOf } from "./support/constant-numbers.ts";

const leastElements = 256;

/** Where the weight stands, and the axis of its channels: those of the result, or rows that are looked up. */
function channelAxis(root: OperatorNode, rank: number, context: MatchContext): { place: number; axis: number } {
  switch (root.op) {
    case "MatMul":
      return { place: 1, axis: rank - 1 };
    case "Gemm":
      return { place: 1, axis: context.attributes(root).int("transB", 0) === 0 ? 1 : 0 };
    case "ConvTranspose":
      return { place: 1, axis: 1 };
    case "Gather":
      return { place: 0, axis: 0 };
    default:
      return { place: 1, axis: 0 };
  }
}

/** Symmetric int8 numbers with one scale for each index of `axis`: the largest magnitude becomes 127. */
function quantized(tensor: Tensor, axis: number): { numbers: Tensor; scales: Tensor; error: number; lost: number } {
  const { dims } = tensor;
  const numbers = toNumbers(tensor);
  const channels = dims[axis]!;
  const inner = dims.slice(axis + 1).reduce((a, b) => a * b, 1);
  const channelOf = (i: number): number => Math.floor(i / inner) % channels;
  const most = new Float64Array(channels);
  for (let i = 0; i < numbers.length; i++) most[channelOf(i)] = Math.max(most[channelOf(i)]!, Math.abs(numbers[i]!));
  const scales = Float32Array.from(most, (m) => (m === 0 ? 1 : m / 127));
  const result = new Float64Array(numbers.length);
  let [missed, size, lost, some] = [0, 0, 0, 0];
  for (let i = 0; i < numbers.length; i++) {
    const scale = scales[channelOf(i)]!;
    result[i] = Math.max(-127, Math.min(127, Math.round(numbers[i]! / scale)));
    if (numbers[i] !== 0) some++;
    if (numbers[i] !== 0 && result[i] === 0) lost++;
    missed += (numbers[i]! - result[i]! * scale) ** 2;
    size += numbers[i]! ** 2;
  }
  return { numbers: fromNumbers("int8", dims, result), scales: fromNumbers("float32", [channels], scales), error: size === 0 ? 0 : Math.sqrt(missed / size), lost: some === 0 ? 0 : lost / some };
}

const errors = new WeakMap<ConstantValue, { error: number; lost: number }>();
function errorOf(constant: ConstantValue, axis: number): { error: number; lost: number } {
  let found = errors.get(constant);
  if (!found) {
    const { error, lost } = quantized(constant.tensor(), axis);
    found = { error, lost };
    errors.set(constant, found);
  }
  return found;
}

const mostError = 0.02;
const mostLost = 0.05;

export const int8Weights = defineRewrite({
  name: "int8-weights",
  title: "int8 weights",
  summary: "Stores a constant weight as int8 with one scale for each channel, and a DequantizeLinear behind it.",
  why: "The weight is a quarter as large, and everything is still computed in float32. The error of each weight is at most 1/254 of the largest of its channel.",
  exactness: "approximates",
  tolerance: { share: 0.05 },
  roots: ["Conv", "ConvTranspose", "Gather", "Gemm", "MatMul"],
  preconditions: [
    { name: "large float32 weight", doc: `The weight is a float32 constant of rank 2 or more (2 for MatMul) with ${leastElements} elements or more.` },
    { name: "used once", doc: "Only this operator uses it." },
    { name: "finite", doc: "All its numbers are finite." },
    { name: "small error", doc: `The root mean square of the errors is at most ${100 * mostError}% of that of the weights, and at most ${100 * mostLost}% of the weights become 0: a channel with one number far above the others would lose the others.` },
  ],
  match(root, context) {
    const weight = root.inputs[root.op === "Gather" ? 0 : 1];
    const constant = context.constant(weight);
    if (!weight || !constant) return undefined;
    const rank = constant.dims.length;
    const large = constant.type.element === "float32" && (root.op === "MatMul" ? rank === 2 : rank >= 2) && constant.count >= leastElements;
    if (!context.require("large float32 weight", large, constant.type.text)) return undefined;
    const uses = context.graph.usesOf(weight.node);
    let holds = context.require("used once", uses.length === 1, `it has ${uses.length} uses`);
    holds = context.require("finite", Number.isFinite(magnitudeOf(constant)), `largest magnitude ${magnitudeOf(constant).toPrecision(3)}`) && holds;
    if (!holds) return undefined;
    const { place, axis } = channelAxis(root, rank, context);
    const { error, lost } = errorOf(constant, axis);
    if (!context.require("small error", error <= mostError && lost <= mostLost, () => `off by ${(100 * error).toPrecision(2)}% of the weights; ${(100 * lost).toPrecision(2)}% of them become 0`)) return undefined;
    return { nodes: [root.id], bindings: { place, axis } };
  },
  rewrite(match, rewriter, context) {
    const root = context.find(match.root)!;
    const { place, axis } = match.bindings as { place: number; axis: number };
    const weight = root.inputs[place]!;
    const old = context.graph.node(weight.node);
    const { numbers, scales } = quantized(context.tensor(weight)!, axis);
    const name = context.graph.valueName(weight);
    const at = { region: old.region, order: old.order, storage: old.kind === "constant" ? old.storage : ("initializer" as const) };
    const suffixed = (suffix: string): string => context.freshName(name === "" ? suffix : `${name}_${suffix}`);
    const codes = rewriter.addConstant({ value: ConstantValue.of(numbers), name: suffixed("int8"), doc: old.doc, metadata: old.metadata, ...at });
    const factors = rewriter.addConstant({ value: ConstantValue.of(scales), name: suffixed("scale"), ...at });
    const back = rewriter.addNode({ op: "DequantizeLinear", inputs: [codes, factors], attributes: { axis: int(axis) }, outputs: [{ name, type: context.type(weight) }], region: root.region, order: root.order });
    rewriter.derive("replace", [weight.node], [codes.node, factors.node, back]);
    rewriter.replaceUses(weight, { node: back, output: 0 });
    rewriter.removeDead([weight.node]);
  },
  examples: [
    {
      title: "A fully connected layer",
      before: `graph @main(%x: float32[N, 16]) -> (%y: float32[N, 32]) {
  %w = constant float32[16, 32] splat(127)
  %y = MatMul(%x, %w)
  return %y
}`,
      after: `graph @main(%x: float32[N, 16]) -> (%y: float32[N, 32]) {
  %w_int8 = constant int8[16, 32] splat(127)
  %w_scale = constant float32[32] splat(1)
  %w = DequantizeLinear(%w_int8, %w_scale) {axis = 1}
  %y = MatMul(%x, %w)
  return %y
}`,
    },
    ...(
      [
        ["A small weight", "large float32 weight", "%w = constant float32[16, 4] random(1)\n  %y = MatMul(%x, %w)", "float32[N, 4]"],
        ["A weight that two products share", "used once", "%w = constant float32[16, 16] random(1)\n  %p = MatMul(%x, %w)\n  %y = MatMul(%p, %w)", "float32[N, 16]"],
      ] as const
    ).map(([title, fails, body, type]) => {
      const text = `graph @main(%x: float32[N, 16]) -> (%y: ${type}) {\n  ${body}\n  return %y\n}`;
      return { title, fails, before: text, after: text };
    }),
  ],
});
