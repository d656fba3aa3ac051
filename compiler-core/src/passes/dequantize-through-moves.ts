import type { OperatorNode, ValueRef } from "../ir/graph.ts";
import { elementOf, tensorType } from "../ir/value-type.ts";
import { tensorsIdentical, toNumbers } from "../ir/tensor.ts";
import { defineRewrite } from "./definition.ts";
import { mergedNotes, replaceRoot } from "./support/replacement.ts";
import { type Quantized, quantization } from "./support/quantized-pattern.ts";

/** Operators whose results are entries of their first input (of all inputs, for Concat). */
const moves = ["Concat", "DepthToSpace", "Expand", "Flatten", "Gather", "Identity", "MaxPool", "Reshape", "Slice", "SpaceToDepth", "Squeeze", "Tile", "Transpose", "Unsqueeze"];

const sameQuantization = (a: Quantized, b: Quantized): boolean => a.element === b.element && tensorsIdentical({ ...a.scale, dims: [] }, { ...b.scale, dims: [] }) && Number(a.zeros[0]) === Number(b.zeros[0]);

function sources(root: OperatorNode): ValueRef[] {
  return (root.op === "Concat" ? root.inputs : root.inputs.slice(0, 1)).filter((ref): ref is ValueRef => ref !== null);
}

export const dequantizeThroughMoves = defineRewrite({
  name: "dequantize-through-moves",
  title: "DequantizeLinear through moves of data",
  summary: "Moves quantized numbers and dequantizes them afterwards, through Transpose, Reshape, Slice, Gather, Concat of equally quantized values, MaxPool and their like.",
  why: "A quarter of the bytes is moved, and the DequantizeLinear comes to stand before the QuantizeLinear that cancels it. It moves towards the outputs only, so it ends.",
  exactness: "exact",
  roots: moves,
  preconditions: [
    { name: "dequantized before", doc: "What is moved comes from DequantizeLinears in the same graph with one constant, positive scale and a constant zero point." },
    { name: "used once", doc: "Each DequantizeLinear is used only here, so that none is doubled." },
    { name: "equal scale and zero point", doc: "Several values are quantized alike." },
    { name: "type of the numbers", doc: "The operator takes the quantized type: MaxPool 8-bit numbers only, and no operator takes 4-bit ones here." },
  ],
  match(root, context) {
    const values = sources(root);
    const producers = values.map((ref) => context.producer(ref, "DequantizeLinear"));
    if (!producers.some((node) => node)) return undefined;
    if (root.op === "MaxPool" && root.outputs.length > 1) return undefined;
    const found = producers.map((node) => quantization(node, context));
    const known = found.every((q) => q !== undefined && q.axis === undefined && q.node.region === root.region);
    if (!context.require("dequantized before", known, () => (known ? "they are" : "a value is not dequantized, or its scale is computed or one for each channel")) || !known) return undefined;
    const all = found as Quantized[];
    const shared = all.find((q) => context.onlyUser({ node: q.node.id, output: 0 })?.id !== root.id);
    let holds = context.require("used once", shared === undefined && new Set(all.map((q) => q.node.id)).size === all.length, () => (shared ? `${context.describe({ node: shared.node.id, output: 0 })} is used elsewhere` : "they are"));
    const first = all[0]!;
    const output = elementOf(context.type({ node: root.id, output: 0 }));
    holds = context.require("equal scale and zero point", all.every((q) => sameQuantization(q, first)) && output === "float32", () => all.map((q) => `${Number(toNumbers(q.scale)[0]).toPrecision(3)} around ${Number(q.zeros[0])}`).join(", ")) && holds;
    const takes = first.element.endsWith("8") && (root.op !== "MaxPool" || first.element === "int8" || first.element === "uint8");
    holds = context.require("type of the numbers", takes, first.element) && holds;
    return holds ? { nodes: [root.id, ...all.map((q) => q.node.id)], bindings: { all } } : undefined;
  },
  rewrite(match, rewriter, context) {
    const root = context.find(match.root)!;
    const all = match.bindings.all as readonly Quantized[];
    const first = all[0]!;
    const inputs = root.inputs.map((ref, i) => (i < all.length ? all[i]!.numbers : ref));
    const { name, type } = root.outputs[0]!;
    const moved = rewriter.addNode({
      op: root.op,
      inputs,
      attributes: root.attributes,
      outputs: [{ name: context.freshName(`${name}_quantized`), ...(type.kind === "tensor" ? { type: tensorType(first.element, type.shape) } : {}) }],
      name: root.name,
      region: root.region,
      order: root.order,
      ...mergedNotes(root),
    });
    const { axis: _, ...attributes } = first.node.attributes;
    replaceRoot(match, rewriter, { op: "DequantizeLinear", inputs: [{ node: moved, output: 0 }, ...first.node.inputs.slice(1)], attributes, name: first.node.name, order: root.order, ...mergedNotes(first.node) });
  },
  examples: [
    {
      title: "Before a Transpose",
      before: `graph @main(%x: uint8[N, 2, 4]) -> (%y: float32[N, 4, 2]) {
  %s = constant float32[] [0.5]
  %z = constant uint8[] [128]
  %d = DequantizeLinear(%x, %s, %z)
  %y = Transpose(%d) {perm = [0, 2, 1]}
  return %y
}`,
      after: `graph @main(%x: uint8[N, 2, 4]) -> (%y: float32[N, 4, 2]) {
  %s = constant float32[] [0.5]
  %z = constant uint8[] [128]
  %y_quantized = Transpose(%x) {perm = [0, 2, 1]}
  %y = DequantizeLinear(%y_quantized, %s, %z)
  return %y
}`,
    },
    {
      title: "Two that are quantized alike",
      before: `graph @main(%x: int8[N, 2], %z: int8[N, 3]) -> (%y: float32[N, 5]) {
  %s = constant float32[] [0.5]
  %a = DequantizeLinear(%x, %s)
  %b = DequantizeLinear(%z, %s)
  %y = Concat(%a, %b) {axis = 1}
  return %y
}`,
      after: `graph @main(%x: int8[N, 2], %z: int8[N, 3]) -> (%y: float32[N, 5]) {
  %s = constant float32[] [0.5]
  %y_quantized = Concat(%x, %z) {axis = 1}
  %y = DequantizeLinear(%y_quantized, %s)
  return %y
}`,
    },
    ...[`graph @main(%x: int8[N, 2], %z: int8[N, 3]) -> (%y: float32[N, 5]) {
  %s = constant float32[] [0.5]
  %t = constant float32[] [0.25]
  %a = DequantizeLinear(%x, %s)
  %b = DequantizeLinear(%z, %t)
  %y = Concat(%a, %b) {axis = 1}
  return %y
}`].map((text) => ({ title: "Two that are not", fails: "equal scale and zero point", before: text, after: text })),
  ],
});
