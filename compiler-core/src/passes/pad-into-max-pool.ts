import { elementKind } from "../ir/element-type.ts";
import { describeNode, type ValueRef } from "../ir/graph.ts";
import { toNumbers } from "../ir/tensor.ts";
import { defineRewrite, type MatchContext } from "./definition.ts";
import { absorbPad, matchPad, padPreconditions, padsOf } from "./support/padding.ts";

/** Operators whose results are never below zero (NaN aside). */
const nonnegative = new Set(["Abs", "Exp", "HardSigmoid", "ReduceL1", "ReduceL2", "ReduceSumSquare", "Relu", "Sigmoid", "Softmax", "Softplus", "Sqrt"]);
/** Operators that give back some of their first input's elements. */
const selecting = new Set(["MaxPool", "Reshape", "Transpose", "Identity", "Flatten", "Squeeze", "Unsqueeze", "Slice", "AveragePool", "GlobalAveragePool"]);

function provenNonnegative(ref: ValueRef, context: MatchContext): string | undefined {
  for (let node = context.producer(ref), steps = 0; node && node.domain === "" && steps < 8; node = context.producer(node.inputs[0]), steps++) {
    if (nonnegative.has(node.op)) return describeNode(node);
    if (node.op === "Clip") {
      const [, lower, upper] = node.inputs;
      // Where the upper bound is the lesser one, it wins.
      const bounds = [lower, ...(upper ? [upper] : [])].map((ref) => context.tensor(ref));
      return bounds.every((bound) => bound && toNumbers(bound)[0]! >= 0) ? describeNode(node) : undefined;
    }
    if (!selecting.has(node.op)) return undefined;
  }
  return undefined;
}

export const padIntoMaxPool = defineRewrite({
  name: "pad-into-max-pool",
  title: "Pad into MaxPool",
  summary: "Adds the amounts of a Pad to the pads of the MaxPool after it, where the fill value can never win.",
  why: "The padded copy of the activation is never made. MaxPool's own padding counts as minus infinity, so a fill of 0 is the same only for values that are never negative.",
  exactness: "exact",
  roots: ["MaxPool"],
  preconditions: [
    ...padPreconditions("MaxPool"),
    { name: "fill never wins", doc: "The fill value is minus infinity, or it is 0 and the data is proven to be at least 0." },
    { name: "indices unused", doc: "Nothing uses the second output: indices count in the padded value." },
    { name: "windows see data", doc: "On each side the padding is smaller than the window, and ceil_mode is 0." },
  ],
  match(root, context) {
    const data = root.inputs[0] as ValueRef;
    const type = context.type(data);
    const kernel = context.attributes(root).ints("kernel_shape");
    if (!kernel) return undefined;
    const pad = matchPad(root, context, context.shape(data)?.length ?? kernel.length + 2);
    if (!pad) return undefined;
    const witness = pad.value === 0 ? provenNonnegative(pad.pad.inputs[0]!, context) : undefined;
    const floating = type.kind === "tensor" && type.element !== null && elementKind(type.element) === "float";
    const never = pad.value === -Infinity && floating;
    let holds = context.require(
      "fill never wins",
      pad.value === undefined ? "unknown" : never || witness !== undefined,
      () => (pad.value === undefined ? "the fill value is computed" : never ? "the fill value is -infinity" : witness ? `${witness} gives nothing below 0` : `the fill value is ${pad.value}, and ${context.describe(pad.pad.inputs[0]!)} may give smaller values`),
      { enable: "Fill with -infinity, if that is what the model means." },
    );
    const indices = context.graph.usesOfValue({ node: root.id, output: 1 }).length;
    holds = context.require("indices unused", indices === 0, `${indices} uses`) && holds;
    const dilations = context.attributes(root).ints("dilations") ?? kernel.map(() => 1);
    const own = padsOf(root, context, kernel.length);
    const windows = kernel.map((k, i) => (k - 1) * dilations[i]! + 1);
    const total = pad.amounts.map((n, i) => n + own[i]!);
    const sees = total.every((n, i) => n < windows[i % kernel.length]!) && context.attributes(root).int("ceil_mode", 0) === 0;
    holds = context.require("windows see data", sees, `pads [${total.join(", ")}], windows [${windows.join(", ")}]`) && holds;
    return holds ? { nodes: [root.id, pad.pad.id], bindings: { pad } } : undefined;
  },
  rewrite: (match, rewriter, context) => absorbPad(match, rewriter, context),
  examples: [
    {
      title: "After Relu a zero never wins over a value",
      before: `graph @main(%x: float32[1, 1, 4, 4]) -> (%y: float32[1, 1, 2, 2]) {
  %p = constant int64[8] [0, 0, 1, 1, 0, 0, 0, 0]
  %r = Relu(%x)
  %a = Pad(%r, %p)
  %y = MaxPool(%a) {kernel_shape = [3, 3], strides = [2, 2]}
  return %y
}`,
      after: `graph @main(%x: float32[1, 1, 4, 4]) -> (%y: float32[1, 1, 2, 2]) {
  %r = Relu(%x)
  %y = MaxPool(%r) {kernel_shape = [3, 3], strides = [2, 2], pads = [1, 1, 0, 0]}
  return %y
}`,
    },
    {
      title: "Where values may be negative the zero wins",
      fails: "fill never wins",
      before: `graph @main(%x: float32[1, 1, 4, 4]) -> (%y: float32[1, 1, 2, 2]) {
  %p = constant int64[8] [0, 0, 1, 1, 0, 0, 0, 0]
  %a = Pad(%x, %p)
  %y = MaxPool(%a) {kernel_shape = [3, 3], strides = [2, 2]}
  return %y
}`,
      after: `graph @main(%x: float32[1, 1, 4, 4]) -> (%y: float32[1, 1, 2, 2]) {
  %p = constant int64[8] [0, 0, 1, 1, 0, 0, 0, 0]
  %a = Pad(%x, %p)
  %y = MaxPool(%a) {kernel_shape = [3, 3], strides = [2, 2]}
  return %y
}`,
    },
  ],
});
