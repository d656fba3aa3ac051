import { describeNode, type ValueRef } from "../ir/graph.ts";
import { defineRewrite } from "./definition.ts";
import { isInference } from "./support/channel-affine.ts";
import { convolutionFoldPreconditions, foldIntoConvolution, matchConvolutionFold } from "./support/fold-into-convolution.ts";

export const batchNormIntoConvTranspose = defineRewrite({
  name: "batch-norm-into-conv-transpose",
  title: "BatchNormalization into ConvTranspose",
  summary: "Multiplies a ConvTranspose's weight and bias by the constants of the BatchNormalization after it, and drops the latter.",
  why: "As for Conv. The weight is [Cin, Cout / group, ...], so the scale of an element is found from its group and its second axis.",
  exactness: "reassociates",
  roots: ["BatchNormalization"],
  preconditions: [
    { name: "follows a ConvTranspose", doc: "The input comes straight from a ConvTranspose." },
    { name: "inference mode", doc: "training_mode is 0 and only the first output is used." },
    ...convolutionFoldPreconditions("ConvTranspose"),
  ],
  match(root, context) {
    const [data, ...parameters] = root.inputs;
    if (!data || parameters.length !== 4 || parameters.includes(null)) return undefined;
    const conv = context.producer(data, "ConvTranspose");
    if (!context.require("follows a ConvTranspose", conv !== undefined, () => (conv ? describeNode(conv) : `the input comes from ${context.describe(data)}`)) || !conv) return undefined;
    if (!context.require("inference mode", isInference(root, context), undefined, { enable: "Set training_mode to 0, if the model is meant for inference." })) return undefined;
    return matchConvolutionFold(root, conv, { node: root, data, constants: parameters as ValueRef[] }, context);
  },
  rewrite: foldIntoConvolution,
  examples: [
    {
      title: "Depthwise: each group has its own scale",
      before: `graph @main(%x: float32[1, 2, 3, 3]) -> (%y: float32[1, 2, 3, 3]) {
  %w = constant float32[2, 1, 1, 1] [1, 1]
  %scale = constant float32[2] [2, 3]
  %bias = constant float32[2] [1, -1]
  %mean = constant float32[2] [0, 0]
  %var = constant float32[2] [1, 1]
  %c = ConvTranspose(%x, %w) {group = 2}
  %y = BatchNormalization(%c, %scale, %bias, %mean, %var) {epsilon = 0.0}
  return %y
}`,
      after: `graph @main(%x: float32[1, 2, 3, 3]) -> (%y: float32[1, 2, 3, 3]) {
  %w = constant float32[2, 1, 1, 1] [2, 3]
  %bias = constant float32[2] [1, -1]
  %y = ConvTranspose(%x, %w, %bias) {group = 2}
  return %y
}`,
    },
    {
      title: "Two groups of two outputs, from four inputs",
      before: `graph @main(%x: float32[1, 4, 2, 2]) -> (%y: float32[1, 4, 2, 2]) {
  %w = constant float32[4, 2, 1, 1] [1, 2, 3, 4, 5, 6, 7, 8]
  %scale = constant float32[4] [1, 10, 100, 1000]
  %bias = constant float32[4] [1, 1, 1, 1]
  %mean = constant float32[4] [0, 0, 0, 0]
  %var = constant float32[4] [1, 1, 1, 1]
  %c = ConvTranspose(%x, %w) {group = 2}
  %y = BatchNormalization(%c, %scale, %bias, %mean, %var) {epsilon = 0.0}
  return %y
}`,
      after: `graph @main(%x: float32[1, 4, 2, 2]) -> (%y: float32[1, 4, 2, 2]) {
  %w = constant float32[4, 2, 1, 1] [1, 20, 3, 40, 500, 6000, 700, 8000]
  %bias = constant float32[4] [1, 1, 1, 1]
  %y = ConvTranspose(%x, %w, %bias) {group = 2}
  return %y
}`,
    },
  ],
});
