import { describeNode, type ValueRef } from "../ir/graph.ts";
import { fromNumbers, toNumbers } from "../ir/tensor.ts";
import { defineRewrite } from "./definition.ts";
import { affineNumbers, type AffineStep, affineStep, at, channelProblem, commonFloat, shapeText, staysFinite } from "./support/channel-affine.ts";
import { addDerivedConstant, mergedNotes, replaceRoot, requireUsedOnce } from "./support/replacement.ts";

export const multiplyBeforeConv = defineRewrite({
  name: "multiply-before-conv",
  title: "Multiply before Conv",
  summary: "Folds a Mul or Div by a constant for each input channel into the weight of the Conv after it.",
  why: "Saves a pass over the Conv's input. Padding with zeros is not disturbed, since zero times the factor is zero; a bias is not touched.",
  exactness: "reassociates",
  roots: ["Conv"],
  preconditions: [
    { name: "follows a product", doc: "The data comes straight from a Mul or Div by a constant." },
    { name: "used once", doc: "The product is used by this Conv only, in the same graph, and is no output of the graph." },
    { name: "constants", doc: "The weight is a constant." },
    { name: "same precision", doc: "Weight and factor have one floating-point type." },
    { name: "channel axis only", doc: "The factor is one number, or has one number for each input channel and varies on the channel axis only; it gives the data neither channels nor axes." },
    { name: "finite", doc: "The folded weight is finite." },
  ],
  match(root, context) {
    const [data, weightRef] = root.inputs as [ValueRef, ValueRef];
    const product = context.producer(data, "Mul", "Div");
    const step = affineStep(product, context);
    if (!product) return undefined;
    if (!context.require("follows a product", step !== undefined, () => (step ? describeNode(product) : `${describeNode(product)} has no constant factor`)) || !step) return undefined;
    let holds = requireUsedOnce(context, "used once", data, root);
    const weight = context.constant(weightRef);
    if (!context.require("constants", weight !== undefined, () => (weight ? "the weight is constant" : `${context.describe(weightRef)} is not constant`)) || !weight) return undefined;
    const element = commonFloat(context, [weightRef, ...step.constants]);
    if (!context.require("same precision", element !== undefined, () => [weightRef, ...step.constants].map((ref) => context.type(ref).text).join(", "))) return undefined;
    const channels = weight.dims[1]! * context.attributes(root).int("group", 1);
    const { dims } = context.constant(step.constants[0])!;
    const shape = context.shape(step.data);
    // The factor must not be what gives the data its channels or its rank.
    const widens = dims.length > 0 && (shape?.length !== weight.dims.length || shape[1] !== channels) ? `the factor ${shapeText(dims)} may widen ${context.type(step.data).text}` : undefined;
    const problem = channelProblem(dims, weight.dims.length, channels) ?? widens;
    if (!context.require("channel axis only", problem === undefined ? true : problem === widens && (!shape || shape[1] === null) ? "unknown" : "failed", problem ?? `${channels} input channels`) || !holds) return undefined;
    const { scale } = affineNumbers(step, context);
    const numbers = toNumbers(weight.tensor());
    const perOutput = numbers.length / Math.max(1, weight.dims[0]!);
    const kernel = perOutput / Math.max(1, weight.dims[1]!);
    const outputsPerGroup = weight.dims[0]! / context.attributes(root).int("group", 1);
    const folded = Float64Array.from(numbers, (w, i) => {
      const group = Math.floor(Math.floor(i / perOutput) / outputsPerGroup);
      return w * at(scale, group * weight.dims[1]! + (Math.floor(i / kernel) % weight.dims[1]!));
    });
    const finite = staysFinite(element!, folded, scale);
    holds = context.require("finite", finite, finite ? "the folded weight is finite" : "a folded weight overflows or is not a number") && holds;
    return holds ? { nodes: [root.id, step.node.id], bindings: { step, folded } } : undefined;
  },
  rewrite(match, rewriter, context) {
    const root = context.find(match.root)!;
    const { step, folded } = match.bindings as unknown as { step: AffineStep; folded: Float64Array };
    const weightRef = root.inputs[1]!;
    const weight = context.tensor(weightRef)!;
    const scaled = addDerivedConstant(match, rewriter, context, {
      tensor: fromNumbers(weight.element, weight.dims, folded),
      like: weightRef,
      suffix: "folded",
      sources: [weightRef.node, ...step.constants.map((ref) => ref.node)],
      beside: root,
    });
    replaceRoot(match, rewriter, { op: "Conv", inputs: [step.data, scaled, ...root.inputs.slice(2)], attributes: root.attributes, name: root.name, order: root.order, ...mergedNotes(root, step.node) });
  },
  examples: [
    {
      title: "A factor for each input channel, with padding and a bias",
      before: `graph @main(%x: float32[1, 2, 3, 3]) -> (%y: float32[1, 1, 5, 5]) {
  %s = constant float32[2, 1, 1] [10, 100]
  %w = constant float32[1, 2, 1, 1] [1, 2]
  %b = constant float32[1] [7]
  %m = Mul(%x, %s)
  %y = Conv(%m, %w, %b) {pads = [1, 1, 1, 1]}
  return %y
}`,
      after: `graph @main(%x: float32[1, 2, 3, 3]) -> (%y: float32[1, 1, 5, 5]) {
  %b = constant float32[1] [7]
  %w = constant float32[1, 2, 1, 1] [10, 200]
  %y = Conv(%x, %w, %b) {pads = [1, 1, 1, 1]}
  return %y
}`,
    },
    {
      title: "Grouped: each group has channels of its own",
      before: `graph @main(%x: float32[1, 2, 3, 3]) -> (%y: float32[1, 2, 3, 3]) {
  %s = constant float32[2, 1, 1] [0.5, 0.25]
  %w = constant float32[2, 1, 1, 1] [1, 1]
  %m = Div(%x, %s)
  %y = Conv(%m, %w) {group = 2}
  return %y
}`,
      after: `graph @main(%x: float32[1, 2, 3, 3]) -> (%y: float32[1, 2, 3, 3]) {
  %w = constant float32[2, 1, 1, 1] [2, 4]
  %y = Conv(%x, %w) {group = 2}
  return %y
}`,
    },
    {
      title: "The factor varies along the width",
      fails: "channel axis only",
      before: `graph @main(%x: float32[1, 2, 2, 2]) -> (%y: float32[1, 1, 2, 2]) {
  %s = constant float32[2] [10, 100]
  %w = constant float32[1, 2, 1, 1] [1, 2]
  %m = Mul(%x, %s)
  %y = Conv(%m, %w)
  return %y
}`,
      after: `graph @main(%x: float32[1, 2, 2, 2]) -> (%y: float32[1, 1, 2, 2]) {
  %s = constant float32[2] [10, 100]
  %w = constant float32[1, 2, 1, 1] [1, 2]
  %m = Mul(%x, %s)
  %y = Conv(%m, %w)
  return %y
}`,
    },
  ],
});
