import { defineRewrite } from "./definition.ts";
import { absorbPad, matchPad, padPreconditions } from "./support/padding.ts";

export const padIntoConv = defineRewrite({
  name: "pad-into-conv",
  title: "Pad into Conv",
  summary: "Adds the amounts of a Pad with zeros to the pads of the Conv after it.",
  why: "The padded copy of the activation is never made.",
  exactness: "exact",
  roots: ["Conv"],
  preconditions: [...padPreconditions("Conv"), { name: "pads with zero", doc: "The fill value is absent or the constant 0." }],
  match(root, context) {
    const rank = context.shape(root.inputs[1])?.length ?? context.shape(root.inputs[0])?.length;
    const pad = matchPad(root, context, rank);
    if (!pad || !context.require("pads with zero", pad.value === undefined ? "unknown" : pad.value === 0, `the value is ${pad.value ?? "computed"}`)) return undefined;
    return { nodes: [root.id, pad.pad.id], bindings: { pad } };
  },
  rewrite: (match, rewriter, context) => absorbPad(match, rewriter, context),
  examples: [
    {
      title: "Amounts add up",
      before: `graph @main(%x: float32[1, 1, 4, 4]) -> (%y: float32[1, 1, 7, 6]) {
  %p = constant int64[8] [0, 0, 1, 0, 0, 0, 2, 1]
  %w = constant float32[1, 1, 2, 1] [1, 2]
  %a = Pad(%x, %p)
  %y = Conv(%a, %w) {pads = [0, 1, 1, 0]}
  return %y
}`,
      after: `graph @main(%x: float32[1, 1, 4, 4]) -> (%y: float32[1, 1, 7, 6]) {
  %w = constant float32[1, 1, 2, 1] [1, 2]
  %y = Conv(%x, %w) {pads = [1, 1, 3, 1]}
  return %y
}`,
    },
    {
      title: "Axes are named, from the end",
      before: `graph @main(%x: float32[1, 1, 4, 4]) -> (%y: float32[1, 1, 4, 5]) {
  %p = constant int64[2] [0, 1]
  %axes = constant int64[1] [-1]
  %w = constant float32[1, 1, 1, 1] [2]
  %a = Pad(%x, %p, _, %axes)
  %y = Conv(%a, %w)
  return %y
}`,
      after: `graph @main(%x: float32[1, 1, 4, 4]) -> (%y: float32[1, 1, 4, 5]) {
  %w = constant float32[1, 1, 1, 1] [2]
  %y = Conv(%x, %w) {pads = [0, 0, 0, 1]}
  return %y
}`,
    },
    {
      title: "A negative amount crops",
      fails: "not negative",
      before: `graph @main(%x: float32[1, 1, 4, 4]) -> (%y: float32[1, 1, 4, 3]) {
  %p = constant int64[8] [0, 0, 0, -1, 0, 0, 0, 0]
  %w = constant float32[1, 1, 1, 1] [2]
  %a = Pad(%x, %p)
  %y = Conv(%a, %w)
  return %y
}`,
      after: `graph @main(%x: float32[1, 1, 4, 4]) -> (%y: float32[1, 1, 4, 3]) {
  %p = constant int64[8] [0, 0, 0, -1, 0, 0, 0, 0]
  %w = constant float32[1, 1, 1, 1] [2]
  %a = Pad(%x, %p)
  %y = Conv(%a, %w)
  return %y
}`,
    },
    {
      title: "Filled with ones",
      fails: "pads with zero",
      before: `graph @main(%x: float32[1, 1, 4, 4]) -> (%y: float32[1, 1, 4, 5]) {
  %p = constant int64[8] [0, 0, 0, 1, 0, 0, 0, 0]
  %one = constant float32[] [1]
  %w = constant float32[1, 1, 1, 1] [2]
  %a = Pad(%x, %p, %one)
  %y = Conv(%a, %w)
  return %y
}`,
      after: `graph @main(%x: float32[1, 1, 4, 4]) -> (%y: float32[1, 1, 4, 5]) {
  %p = constant int64[8] [0, 0, 0, 1, 0, 0, 0, 0]
  %one = constant float32[] [1]
  %w = constant float32[1, 1, 1, 1] [2]
  %a = Pad(%x, %p, %one)
  %y = Conv(%a, %w)
  return %y
}`,
    },
    {
      title: "A channel is added",
      fails: "spatial axes only",
      before: `graph @main(%x: float32[1, 1, 4, 4]) -> (%y: float32[1, 1, 4, 4]) {
  %p = constant int64[8] [0, 1, 0, 0, 0, 0, 0, 0]
  %w = constant float32[1, 2, 1, 1] [2, 3]
  %a = Pad(%x, %p)
  %y = Conv(%a, %w)
  return %y
}`,
      after: `graph @main(%x: float32[1, 1, 4, 4]) -> (%y: float32[1, 1, 4, 4]) {
  %p = constant int64[8] [0, 1, 0, 0, 0, 0, 0, 0]
  %w = constant float32[1, 2, 1, 1] [2, 3]
  %a = Pad(%x, %p)
  %y = Conv(%a, %w)
  return %y
}`,
    },
  ],
});
