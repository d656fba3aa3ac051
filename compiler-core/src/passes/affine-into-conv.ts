import { describeNode } from "../ir/graph.ts";
import { defineRewrite } from "./definition.ts";
import { affineOps, affineStep } from "./support/channel-affine.ts";
import { convolutionFoldPreconditions, foldIntoConvolution, matchConvolutionFold } from "./support/fold-into-convolution.ts";

export const affineIntoConv = defineRewrite({
  name: "affine-into-conv",
  title: "Multiply and add into Conv",
  summary: "Folds a Mul, Add, Sub or Div by a constant into the weight and bias of the Conv or ConvTranspose before it.",
  why: "Saves a pass over the whole activation; biases and scales that exporters write as operators of their own become part of the convolution.",
  exactness: "reassociates",
  roots: [...affineOps],
  preconditions: [
    { name: "follows a convolution", doc: "One operand is a constant, the other comes straight from a Conv or ConvTranspose; a Div divides by the constant." },
    ...convolutionFoldPreconditions("Conv"),
  ],
  match(root, context) {
    const step = affineStep(root, context);
    const conv = step && context.producer(step.data, "Conv", "ConvTranspose");
    if (!step) return undefined;
    if (!context.require("follows a convolution", conv !== undefined, () => (conv ? describeNode(conv) : `the operand comes from ${context.describe(step.data)}`)) || !conv) return undefined;
    return matchConvolutionFold(root, conv, step, context);
  },
  rewrite: foldIntoConvolution,
  examples: [
    {
      title: "A bias written as an Add",
      before: `graph @main(%x: float32[N, 2, 4, 4]) -> (%y: float32[N, 2, 4, 4]) {
  %w = constant float32[2, 2, 1, 1] [1, 2, 3, 4]
  %b = constant float32[2, 1, 1] [1, 2]
  %c = Conv(%x, %w)
  %y = Add(%c, %b)
  return %y
}`,
      after: `graph @main(%x: float32[N, 2, 4, 4]) -> (%y: float32[N, 2, 4, 4]) {
  %w = constant float32[2, 2, 1, 1] [1, 2, 3, 4]
  %b = constant float32[2] [1, 2]
  %y = Conv(%x, %w, %b)
  return %y
}`,
    },
    {
      title: "A constant minus the output turns the signs",
      before: `graph @main(%x: float32[N, 2, 4, 4]) -> (%y: float32[N, 2, 4, 4]) {
  %w = constant float32[2, 2, 1, 1] [1, 2, 3, 4]
  %one = constant float32[] [1]
  %c = Conv(%x, %w)
  %y = Sub(%one, %c)
  return %y
}`,
      after: `graph @main(%x: float32[N, 2, 4, 4]) -> (%y: float32[N, 2, 4, 4]) {
  %w = constant float32[2, 2, 1, 1] [-1, -2, -3, -4]
  %one = constant float32[2] [1, 1]
  %y = Conv(%x, %w, %one)
  return %y
}`,
    },
    {
      title: "As wide as there are channels, but on the width axis",
      fails: "channel axis only",
      before: `graph @main(%x: float32[N, 2, 4, 4]) -> (%y: float32[N, 4, 4, 4]) {
  %w = constant float32[4, 2, 1, 1] [1, 2, 3, 4, 5, 6, 7, 8]
  %s = constant float32[4] [1, 2, 3, 4]
  %c = Conv(%x, %w)
  %y = Mul(%c, %s)
  return %y
}`,
      after: `graph @main(%x: float32[N, 2, 4, 4]) -> (%y: float32[N, 4, 4, 4]) {
  %w = constant float32[4, 2, 1, 1] [1, 2, 3, 4, 5, 6, 7, 8]
  %s = constant float32[4] [1, 2, 3, 4]
  %c = Conv(%x, %w)
  %y = Mul(%c, %s)
  return %y
}`,
    },
    {
      title: "The constant widens one channel to three",
      fails: "channel axis only",
      before: `graph @main(%x: float32[N, 1, 4, 4]) -> (%y: float32[N, 3, 4, 4]) {
  %w = constant float32[1, 1, 1, 1] [2]
  %s = constant float32[3, 1, 1] [1, 2, 3]
  %c = Conv(%x, %w)
  %y = Mul(%c, %s)
  return %y
}`,
      after: `graph @main(%x: float32[N, 1, 4, 4]) -> (%y: float32[N, 3, 4, 4]) {
  %w = constant float32[1, 1, 1, 1] [2]
  %s = constant float32[3, 1, 1] [1, 2, 3]
  %c = Conv(%x, %w)
  %y = Mul(%c, %s)
  return %y
}`,
    },
  ],
});
