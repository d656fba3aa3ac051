import { defineRewrite } from "./definition.ts";
import { isInference } from "./support/channel-affine.ts";
import { convolutionFoldPreconditions, foldIntoConvolution, matchConvolutionFold } from "./support/fold-into-convolution.ts";
import { describeNode, type ValueRef } from "../ir/graph.ts";

export const batchNormIntoConv = defineRewrite({
  name: "batch-norm-into-conv",
  title: "BatchNormalization into Conv",
  summary: "Multiplies a Conv's weight and bias by the constants of the BatchNormalization after it, and drops the latter.",
  why: "Saves a pass over the whole activation for every convolution. W' = W * s, b' = (b - mean) * s + B with s = scale / sqrt(var + epsilon), worked out in float64.",
  exactness: "reassociates",
  roots: ["BatchNormalization"],
  preconditions: [
    { name: "follows a Conv", doc: "The input comes straight from a Conv." },
    { name: "inference mode", doc: "training_mode is 0 and only the first output is used." },
    ...convolutionFoldPreconditions("Conv"),
  ],
  match(root, context) {
    const [data, ...parameters] = root.inputs;
    if (!data || parameters.length !== 4 || parameters.includes(null)) return undefined;
    const conv = context.producer(data, "Conv");
    if (!context.require("follows a Conv", conv !== undefined, () => (conv ? describeNode(conv) : `the input comes from ${context.describe(data)}`)) || !conv) return undefined;
    if (!context.require("inference mode", isInference(root, context), () => (isInference(root, context) ? "running statistics are used as they are" : "statistics of the batch are computed"), { enable: "Set training_mode to 0, if the model is meant for inference." })) return undefined;
    return matchConvolutionFold(root, conv, { node: root, data, constants: parameters as ValueRef[] }, context);
  },
  rewrite: foldIntoConvolution,
  examples: [
    {
      title: "A Conv without bias",
      before: `graph @main(%x: float32[N, 2, 4, 4]) -> (%y: float32[N, 2, 4, 4]) {
  %w = constant float32[2, 2, 1, 1] [1, 2, 3, 4]
  %scale = constant float32[2] [4, 1]
  %bias = constant float32[2] [2, 0]
  %mean = constant float32[2] [0.5, 0]
  %var = constant float32[2] [4, 1]
  %c = Conv(%x, %w) "conv1"
  %y = BatchNormalization(%c, %scale, %bias, %mean, %var) {epsilon = 0.0} "bn1"
  return %y
}`,
      after: `graph @main(%x: float32[N, 2, 4, 4]) -> (%y: float32[N, 2, 4, 4]) {
  %w = constant float32[2, 2, 1, 1] [2, 4, 3, 4]
  %bias = constant float32[2] [1, 0]
  %y = Conv(%x, %w, %bias) "conv1"
  return %y
}`,
    },
    {
      title: "Grouped, with a bias and a weight that another Conv shares",
      before: `graph @main(%x: float32[1, 2, 4, 4]) -> (%y: float32[1, 2, 4, 4], %z: float32[1, 2, 4, 4]) {
  %w = constant float32[2, 1, 1, 1] [1, 2]
  %b = constant float32[2] [1, 1]
  %scale = constant float32[2] [2, 3]
  %bias = constant float32[2] [0, 0]
  %mean = constant float32[2] [0, 0]
  %var = constant float32[2] [1, 1]
  %c = Conv(%x, %w, %b) {group = 2}
  %y = BatchNormalization(%c, %scale, %bias, %mean, %var) {epsilon = 0.0}
  %z = Conv(%x, %w) {group = 2}
  return %y, %z
}`,
      after: `graph @main(%x: float32[1, 2, 4, 4]) -> (%y: float32[1, 2, 4, 4], %z: float32[1, 2, 4, 4]) {
  %w = constant float32[2, 1, 1, 1] [1, 2]
  %w_folded = constant float32[2, 1, 1, 1] [2, 6]
  %b = constant float32[2] [2, 3]
  %y = Conv(%x, %w_folded, %b) {group = 2}
  %z = Conv(%x, %w) {group = 2}
  return %y, %z
}`,
    },
    {
      title: "The Conv's output is used elsewhere: folding would change that use",
      fails: "used once",
      before: `graph @main(%x: float32[1, 1, 4, 4]) -> (%y: float32[1, 1, 4, 4]) {
  %w = constant float32[1, 1, 1, 1] [2]
  %one = constant float32[1] [1]
  %c = Conv(%x, %w)
  %n = BatchNormalization(%c, %one, %one, %one, %one)
  %y = Add(%n, %c)
  return %y
}`,
      after: `graph @main(%x: float32[1, 1, 4, 4]) -> (%y: float32[1, 1, 4, 4]) {
  %w = constant float32[1, 1, 1, 1] [2]
  %one = constant float32[1] [1]
  %c = Conv(%x, %w)
  %n = BatchNormalization(%c, %one, %one, %one, %one)
  %y = Add(%n, %c)
  return %y
}`,
    },
    {
      title: "The caller may override the scale",
      fails: "constants",
      before: `graph @main(%x: float32[1, 1, 4, 4], %scale: float32[1] = constant float32[1] [1]) -> (%y: float32[1, 1, 4, 4]) {
  %w = constant float32[1, 1, 1, 1] [2]
  %one = constant float32[1] [1]
  %c = Conv(%x, %w)
  %y = BatchNormalization(%c, %scale, %one, %one, %one)
  return %y
}`,
      after: `graph @main(%x: float32[1, 1, 4, 4], %scale: float32[1] = constant float32[1] [1]) -> (%y: float32[1, 1, 4, 4]) {
  %w = constant float32[1, 1, 1, 1] [2]
  %one = constant float32[1] [1]
  %c = Conv(%x, %w)
  %y = BatchNormalization(%c, %scale, %one, %one, %one)
  return %y
}`,
    },
    {
      title: "Training mode computes the batch's own statistics",
      fails: "inference mode",
      before: `graph @main(%x: float32[2, 1, 4, 4]) -> (%y: float32[2, 1, 4, 4]) {
  %w = constant float32[1, 1, 1, 1] [2]
  %one = constant float32[1] [1]
  %c = Conv(%x, %w)
  %y, %mean, %var = BatchNormalization(%c, %one, %one, %one, %one) {training_mode = 1}
  return %y
}`,
      after: `graph @main(%x: float32[2, 1, 4, 4]) -> (%y: float32[2, 1, 4, 4]) {
  %w = constant float32[1, 1, 1, 1] [2]
  %one = constant float32[1] [1]
  %c = Conv(%x, %w)
  %y, %mean, %var = BatchNormalization(%c, %one, %one, %one, %one) {training_mode = 1}
  return %y
}`,
    },
    {
      title: "A variance of zero without epsilon divides by zero",
      fails: "finite",
      before: `graph @main(%x: float32[1, 1, 4, 4]) -> (%y: float32[1, 1, 4, 4]) {
  %w = constant float32[1, 1, 1, 1] [2]
  %one = constant float32[1] [1]
  %zero = constant float32[1] [0]
  %c = Conv(%x, %w)
  %y = BatchNormalization(%c, %one, %one, %one, %zero) {epsilon = 0.0}
  return %y
}`,
      after: `graph @main(%x: float32[1, 1, 4, 4]) -> (%y: float32[1, 1, 4, 4]) {
  %w = constant float32[1, 1, 1, 1] [2]
  %one = constant float32[1] [1]
  %zero = constant float32[1] [0]
  %c = Conv(%x, %w)
  %y = BatchNormalization(%c, %one, %one, %one, %zero) {epsilon = 0.0}
  return %y
}`,
    },
  ],
});
