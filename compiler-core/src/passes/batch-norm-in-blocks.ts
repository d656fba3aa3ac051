import type { ValueRef } from "../ir/graph.ts";
import { fromNumbers } from "../ir/tensor.ts";
import { defineRewrite } from "./definition.ts";
import { blockableShape, blockConstant, Builder, floatShape, ownProducer, unblockInstead } from "./support/blocked-layout.ts";
import { affineNumbers, affineStep, staysFinite } from "./support/channel-affine.ts";

export const batchNormInBlocks = defineRewrite({
  name: "batch-norm-in-blocks",
  title: "BatchNormalization of channels in blocks",
  summary: "Computes a BatchNormalization that no convolution takes up as a product and a sum on channels in blocks, and takes them out of blocks behind it.",
  why: "A normalization before its activation and convolution, as in DenseNet, would hold up the step out of blocks: each layer would go out of blocks and back. W = scale / sqrt(var + epsilon) and B = bias - mean * W are worked out in float64.",
  exactness: "reassociates",
  roots: ["BatchNormalization"],
  preconditions: [
    { name: "in blocks", doc: "The input comes out of blocks, with static sizes, as float32." },
    { name: "inference mode", doc: "training_mode is 0, only the first output is used, and scale, bias, mean and variance are constants." },
    { name: "finite", doc: "The factors and summands worked out from them are finite in float32." },
  ],
  match(root, context) {
    const unblock = ownProducer(root.inputs[0], "UnblockChannels", context);
    if (!unblock) return undefined;
    const shape = floatShape(unblock.inputs[0], context);
    const plain = floatShape(root.inputs[0], context);
    let holds = context.require("in blocks", shape !== undefined && plain !== undefined, () => `the input is ${context.type(root.inputs[0]).text}`);
    const step = affineStep(root, context);
    const computed = root.inputs.slice(1).find((ref) => ref && !context.constant(ref));
    holds = context.require("inference mode", step !== undefined, () => (step ? "running statistics are used as they are" : computed ? `${context.describe(computed)} is computed` : "statistics of the batch are computed")) && holds;
    if (!holds || !step) return undefined;
    const numbers = affineNumbers(step, context);
    const finite = staysFinite("float32", numbers.scale, numbers.shift);
    return context.require("finite", finite, finite ? "the folded numbers are finite" : "a folded number overflows or is not a number") ? { nodes: [root.id], bindings: { numbers, blocked: unblock.inputs[0]!, channels: plain![1]! } } : undefined;
  },
  rewrite(match, rewriter, context) {
    const root = context.find(match.root)!;
    const { numbers, blocked, channels } = match.bindings as { numbers: ReturnType<typeof affineNumbers>; blocked: ValueRef; channels: number };
    const dims = blockableShape(blocked, context)!;
    const builder = new Builder(rewriter, context, root);
    const rank = dims.length - 1;
    const sources = root.inputs.slice(1, 5) as ValueRef[];
    const constant = (values: ArrayLike<number>, name: string): ValueRef => {
      const made = blockConstant(fromNumbers("float32", [1, channels, ...new Array<number>(rank - 2).fill(1)], values), rank, channels, dims.at(-1)!)!;
      return builder.constant(fromNumbers("float32", made.dims, made.numbers), `${root.outputs[0]!.name || "value"}_${name}`, sources);
    };
    const product = builder.node("Mul", [blocked, constant(numbers.scale, "factor")], {}, "scaled", "");
    const sum = builder.node("Add", [product, constant(numbers.shift, "summand")], {}, "blocks", "");
    rewriter.update(sum.node, { name: root.name, doc: root.doc, metadata: root.metadata });
    unblockInstead(rewriter, root, sum, channels);
  },
  examples: [
    {
      title: "Before an activation and a convolution",
      before: `graph @main(%a: float32[1, 2, 3, 3, 2]) -> (%y: float32[1, 3, 3, 3]) {
  %scale = constant float32[3] [2, 1, 3]
  %bias = constant float32[3] [1, 0, 0]
  %mean = constant float32[3] [0, 1, 0]
  %var = constant float32[3] [4, 1, 9]
  %u = graphwright.UnblockChannels(%a) {channels = 3}
  %y = BatchNormalization(%u, %scale, %bias, %mean, %var) {epsilon = 0.0} "bn1"
  return %y
}`,
      after: `graph @main(%a: float32[1, 2, 3, 3, 2]) -> (%y: float32[1, 3, 3, 3]) {
  %y_factor = constant float32[1, 2, 1, 1, 2] [1, 1, 1, 0]
  %y_scaled: float32[1, 2, 3, 3, 2] = Mul(%a, %y_factor)
  %y_summand = constant float32[1, 2, 1, 1, 2] [1, -1, 0, 0]
  %y_blocks: float32[1, 2, 3, 3, 2] = Add(%y_scaled, %y_summand) "bn1"
  %y: float32[1, 3, 3, 3] = graphwright.UnblockChannels(%y_blocks) {channels = 3}
  return %y
}`,
    },
    {
      title: "Statistics of the batch",
      fails: "inference mode",
      before: `graph @main(%a: float32[1, 2, 3, 3, 2]) -> (%y: float32[1, 4, 3, 3]) {
  %scale = constant float32[4] [2, 1, 3, 1]
  %bias = constant float32[4] [1, 0, 0, 0]
  %mean = constant float32[4] [0, 1, 0, 0]
  %var = constant float32[4] [4, 1, 9, 1]
  %u = graphwright.UnblockChannels(%a) {channels = 4}
  %y, %m, %v = BatchNormalization(%u, %scale, %bias, %mean, %var) {training_mode = 1} "bn1"
  return %y
}`,
      after: `graph @main(%a: float32[1, 2, 3, 3, 2]) -> (%y: float32[1, 4, 3, 3]) {
  %scale = constant float32[4] [2, 1, 3, 1]
  %bias = constant float32[4] [1, 0, 0, 0]
  %mean = constant float32[4] [0, 1, 0, 0]
  %var = constant float32[4] [4, 1, 9, 1]
  %u = graphwright.UnblockChannels(%a) {channels = 4}
  %y, %m, %v = BatchNormalization(%u, %scale, %bias, %mean, %var) {training_mode = 1} "bn1"
  return %y
}`,
    },
  ],
});
