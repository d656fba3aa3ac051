import { isFloat } from "../../ir/element-type.ts";
import type { OperatorNode, ValueRef } from "../../ir/graph.ts";
import { fromNumbers, makeTensor, type Tensor, toNumbers } from "../../ir/tensor.ts";
import type { Rewriter } from "../../ir/rewriter.ts";
import type { Match, MatchContext, PreconditionInfo } from "../definition.ts";
import { affineNumbers, type AffineStep, all, at, type ChannelAffine, channelProblem, commonFloat, largest, shapeText, staysFinite } from "./channel-affine.ts";
import { magnitudeOf } from "./constant-numbers.ts";
import { addDerivedConstant, mergedNotes, replaceRoot, requireUsedOnce } from "./replacement.ts";

type Convolution = "Conv" | "ConvTranspose";

/** Preconditions shared by everything that folds an affine step into the convolution before it. */
export const convolutionFoldPreconditions = (op: Convolution): readonly PreconditionInfo[] => [
  { name: "used once", doc: `The ${op}'s output is used by this node only, in the same graph, and is no output of the graph.` },
  { name: "constants", doc: `All parameters and the ${op}'s weight and bias are constants that the caller cannot override.` },
  { name: "same precision", doc: "All of them have one floating-point type." },
  { name: "channel axis only", doc: "Every parameter is one number, or has one number for each output channel and varies on the channel axis only." },
  { name: "finite", doc: "The folded weight and bias are finite numbers of that type." },
];

interface WeightLayout {
  /** output channels */
  readonly channels: number;
  /** how many weights in a row belong to one output channel */
  readonly run: number;
  /** the output channel of each such row */
  readonly channelOf: (row: number) => number;
}

function weightLayout(conv: OperatorNode, dims: readonly number[], groups: number): WeightLayout {
  const kernel = dims.slice(2).reduce((a, b) => a * b, 1);
  if (conv.op === "Conv") return { channels: dims[0]!, run: kernel * dims[1]!, channelOf: (row) => row };
  // ConvTranspose holds [Cin, Cout / group, kernel...]: the group of an input channel picks the block of outputs.
  const [inputs, perGroup] = dims as [number, number];
  const inputsPerGroup = inputs / groups;
  return { channels: perGroup * groups, run: kernel, channelOf: (row) => Math.floor(Math.floor(row / perGroup) / inputsPerGroup) * perGroup + (row % perGroup) };
}

export interface ConvolutionFold {
  readonly conv: OperatorNode;
  readonly affine: ChannelAffine;
  readonly constants: readonly ValueRef[];
  readonly layout: WeightLayout;
  readonly bias: Float64Array;
}

/** States the shared preconditions; the result is what `foldIntoConvolution` needs. */
export function matchConvolutionFold(root: OperatorNode, conv: OperatorNode, step: AffineStep, context: MatchContext): (Omit<Match, "root"> & { bindings: { fold: ConvolutionFold } }) | undefined {
  let holds = requireUsedOnce(context, "used once", step.data, root);
  const [, weightRef, biasRef] = conv.inputs;
  const operands = [weightRef, ...(biasRef ? [biasRef] : []), ...step.constants];
  const computed = operands.filter((ref) => !context.constant(ref));
  const constant = context.require(
    "constants",
    computed.length === 0,
    () => {
      const names = computed.map((ref) => (ref ? context.describe(ref) : "a missing input")).join(", ");
      return computed.length === 0 ? "weight, bias and parameters are constants" : computed.length === 1 ? `${names} is not constant` : `${names} are not constant`;
    },
    () => (computed.some((ref) => ref && context.graph.node(ref.node).kind === "parameter") ? { enable: "Make the graph input a constant: its default may be overridden by the caller." } : {}),
  );
  if (!constant) return undefined;
  const element = commonFloat(context, operands);
  holds = context.require("same precision", element !== undefined, () => operands.map((ref) => context.type(ref).text).join(", ")) && holds;
  if (element === undefined || !isFloat(element as "float32")) return undefined;
  const { dims } = context.constant(weightRef)!;
  const groups = context.attributes(conv).int("group", 1);
  const layout = weightLayout(conv, dims, groups);
  const { channels } = layout;
  const problem = parameterProblem(root, step, context, dims.length, channels);
  holds = context.require("channel axis only", problem === undefined, () => problem ?? `${channels} output channels`) && holds;
  // Folding reads every weight, so it is not begun where it comes to nothing.
  if (!holds) return undefined;
  const affine = affineNumbers(step, context);
  const old = biasRef ? toNumbers(context.tensor(biasRef)!) : [0];
  const bias = Float64Array.from({ length: channels }, (_, c) => at(old, c) * at(affine.scale, c) + at(affine.shift, c));
  // The largest weight times the largest factor bounds all products; only where that says too little is each looked at.
  const bounded = magnitudeOf(context.constant(weightRef)!) * Math.max(...Array.from(affine.scale, Math.abs)) <= largest[element]!;
  const finite = staysFinite(element, bias) && (bounded || staysFinite(element, scaledWeight(toNumbers(context.tensor(weightRef)!), affine.scale, layout, new Float64Array(context.constant(weightRef)!.count))));
  holds = context.require("finite", finite, finite ? "the folded numbers are finite" : "a folded weight or bias overflows or is not a number") && holds;
  if (!holds) return undefined;
  return { nodes: [root.id, conv.id], bindings: { fold: { conv, affine, constants: step.constants, layout, bias } } };
}

function parameterProblem(root: OperatorNode, step: AffineStep, context: MatchContext, rank: number, channels: number): string | undefined {
  for (const ref of step.constants) {
    const { dims } = context.constant(ref)!;
    const problem =
      root.op === "BatchNormalization"
        ? dims.length === 1 && dims[0] === channels
          ? undefined
          : `${context.describe(ref)} is ${shapeText(dims)}, the convolution has ${channels} output channels`
        : channelProblem(dims, rank, channels);
    if (problem !== undefined) return problem;
  }
  return undefined;
}

/** Each weight times the factor of its output channel, written to `into`, which rounds each once. */
function scaledWeight<Numbers extends Float32Array | Float64Array>(weight: ArrayLike<number>, scale: ArrayLike<number>, { run, channelOf }: WeightLayout, into: Numbers): Numbers {
  for (let row = 0, i = 0; i < into.length; row++) {
    const factor = at(scale, channelOf(row));
    for (const end = i + run; i < end; i++) into[i] = (weight[i] as number) * factor;
  }
  return into;
}

function foldedWeight(weight: Tensor, scale: ArrayLike<number>, layout: WeightLayout): Tensor {
  const numbers = toNumbers(weight);
  if (weight.element === "float32") return makeTensor("float32", weight.dims, scaledWeight(numbers, scale, layout, new Float32Array(numbers.length)));
  return fromNumbers(weight.element, weight.dims, scaledWeight(numbers, scale, layout, new Float64Array(numbers.length)));
}

/** W' = scale * W and b' = scale * b + shift, worked out in float64 and rounded once. */
export function foldIntoConvolution(match: Match, rewriter: Rewriter, context: MatchContext): void {
  const { conv, affine, constants, layout, bias } = match.bindings.fold as ConvolutionFold;
  const root = context.find(match.root)!;
  const [data, weightRef, biasRef] = conv.inputs as [ValueRef, ValueRef, ValueRef | null | undefined];
  const weight = context.tensor(weightRef)!;
  const sources = constants.map((ref) => ref.node);
  const scales = !all(affine.scale, (s) => s === 1);
  const shifts = biasRef || !all(affine.shift, (s) => s === 0);
  const newWeight = scales
    ? addDerivedConstant(match, rewriter, context, {
        tensor: foldedWeight(weight, affine.scale, layout),
        like: weightRef,
        suffix: "folded",
        sources: [weightRef.node, ...sources],
        beside: conv,
      })
    : weightRef;
  const newBias = shifts
    ? addDerivedConstant(match, rewriter, context, {
        tensor: fromNumbers(weight.element, [bias.length], bias),
        like: biasRef ?? constants[root.op === "BatchNormalization" ? 1 : 0]!,
        suffix: "folded",
        sources: [...(biasRef ? [biasRef.node] : []), ...sources],
        beside: conv,
      })
    : null;
  replaceRoot(match, rewriter, {
    op: conv.op,
    inputs: newBias ? [data, newWeight, newBias] : [data, newWeight],
    attributes: conv.attributes,
    name: conv.name,
    order: conv.order,
    ...mergedNotes(conv, root),
  });
}
