import { int } from "../ir/attribute.ts";
import { defineRewrite } from "./definition.ts";
import { absorbPad, matchPad, padPreconditions, padsOf } from "./support/padding.ts";

export const padIntoAveragePool = defineRewrite({
  name: "pad-into-average-pool",
  title: "Pad into AveragePool",
  summary: "Adds the amounts of a Pad with zeros to the pads of the AveragePool after it, which then counts them.",
  why: "The padded copy of the activation is never made.",
  exactness: "exact",
  roots: ["AveragePool"],
  preconditions: [
    ...padPreconditions("AveragePool"),
    { name: "pads with zero", doc: "The fill value is absent or the constant 0." },
    { name: "own padding counted", doc: "The AveragePool has no padding of its own, or counts it (count_include_pad is 1)." },
    { name: "windows see data", doc: "On each side the padding is smaller than the window, and ceil_mode is 0." },
  ],
  match(root, context) {
    const kernel = context.attributes(root).ints("kernel_shape");
    if (!kernel) return undefined;
    const pad = matchPad(root, context, context.shape(root.inputs[0])?.length ?? kernel.length + 2);
    if (!pad) return undefined;
    let holds = context.require("pads with zero", pad.value === undefined ? "unknown" : pad.value === 0, `the value is ${pad.value ?? "computed"}`);
    const own = padsOf(root, context, kernel.length);
    const counted = context.attributes(root).int("count_include_pad", 0) === 1;
    holds = context.require("own padding counted", counted || own.every((n) => n === 0), `pads are [${own.join(", ")}], count_include_pad is ${counted ? 1 : 0}`) && holds;
    const dilations = context.attributes(root).ints("dilations") ?? kernel.map(() => 1);
    const total = pad.amounts.map((n, i) => n + own[i]!);
    const sees = total.every((n, i) => n < (kernel[i % kernel.length]! - 1) * dilations[i % kernel.length]! + 1) && context.attributes(root).int("ceil_mode", 0) === 0;
    holds = context.require("windows see data", sees, `pads [${total.join(", ")}], kernel [${kernel.join(", ")}], ceil_mode ${context.attributes(root).int("ceil_mode", 0)}`) && holds;
    return holds ? { nodes: [root.id, pad.pad.id], bindings: { pad } } : undefined;
  },
  rewrite: (match, rewriter, context) => absorbPad(match, rewriter, context, { count_include_pad: int(1) }),
  examples: [
    {
      title: "Padding becomes the pool's own, and is counted",
      before: `graph @main(%x: float32[1, 1, 4, 4]) -> (%y: float32[1, 1, 2, 2]) {
  %p = constant int64[8] [0, 0, 1, 1, 0, 0, 1, 1]
  %a = Pad(%x, %p)
  %y = AveragePool(%a) {kernel_shape = [3, 3], strides = [2, 2]}
  return %y
}`,
      after: `graph @main(%x: float32[1, 1, 4, 4]) -> (%y: float32[1, 1, 2, 2]) {
  %y = AveragePool(%x) {kernel_shape = [3, 3], strides = [2, 2], count_include_pad = 1, pads = [1, 1, 1, 1]}
  return %y
}`,
    },
    {
      title: "The pool's own padding is not counted, the Pad's is",
      fails: "own padding counted",
      before: `graph @main(%x: float32[1, 1, 4, 4]) -> (%y: float32[1, 1, 6, 6]) {
  %p = constant int64[8] [0, 0, 1, 1, 0, 0, 1, 1]
  %a = Pad(%x, %p)
  %y = AveragePool(%a) {kernel_shape = [3, 3], pads = [1, 1, 1, 1]}
  return %y
}`,
      after: `graph @main(%x: float32[1, 1, 4, 4]) -> (%y: float32[1, 1, 6, 6]) {
  %p = constant int64[8] [0, 0, 1, 1, 0, 0, 1, 1]
  %a = Pad(%x, %p)
  %y = AveragePool(%a) {kernel_shape = [3, 3], pads = [1, 1, 1, 1]}
  return %y
}`,
    },
  ],
});
