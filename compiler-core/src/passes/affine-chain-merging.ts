import { ConstantValue } from "../ir/constant.ts";
import type { ElementType } from "../ir/element-type.ts";
import { float } from "../ir/attribute.ts";
import { describeNode, type OperatorNode, sameValue, type ValueRef } from "../ir/graph.ts";
import { fromNumbers } from "../ir/tensor.ts";
import { defineRewrite, type MatchContext } from "./definition.ts";
import { affineNumbers, affineOps, type AffineStep, affineStep, all, at, type ChannelAffine, channelProblem, commonFloat, compose, shapeText, staysFinite } from "./support/channel-affine.ts";
import { mergedNotes } from "./support/replacement.ts";

/** What the chain becomes, fewest nodes first. */
type Form = "Mul" | "Add" | "BatchNormalization" | "Mul+Add";

interface Bindings {
  readonly steps: readonly AffineStep[];
  readonly affine: ChannelAffine;
  readonly form: Form;
  readonly element: ElementType;
  readonly rank: number | undefined;
  readonly channels: number | undefined;
}

/** The chain that ends at `root`, first step first; each step but the last feeds only the next. */
function chainTo(root: OperatorNode, context: MatchContext): AffineStep[] {
  const steps: AffineStep[] = [];
  for (let step = affineStep(root, context); step; ) {
    steps.unshift(step);
    const before = affineStep(context.producer(step.data), context);
    step = before && context.onlyUser(step.data)?.id === step.node.id && !context.isResult(step.data) ? before : undefined;
  }
  return steps;
}

function channelsOf(steps: readonly AffineStep[], context: MatchContext): { rank: number | undefined; channels: number | undefined } {
  // Of the value before the chain: a constant may widen it on the way.
  const shape = context.shape(steps[0]!.data);
  const size = shape?.[1] ?? (steps[0]!.node.op === "BatchNormalization" ? context.constant(steps[0]!.constants[0])!.dims[0] : undefined);
  return { rank: shape?.length, channels: typeof size === "number" ? size : undefined };
}

function problemOf(steps: readonly AffineStep[], context: MatchContext, rank: number | undefined, channels: number | undefined): string | undefined {
  for (const { node, constants } of steps)
    for (const ref of constants) {
      const { dims } = context.constant(ref)!;
      const problem = node.op === "BatchNormalization" ? (dims.length === 1 && dims[0] === channels ? undefined : `${context.describe(ref)} is ${shapeText(dims)} for ${channels} channels`) : channelProblem(dims, rank, channels);
      if (problem !== undefined) return `${describeNode(node)}: ${problem}`;
    }
  return undefined;
}

function formOf(steps: readonly AffineStep[], affine: ChannelAffine, rank: number | undefined, channels: number | undefined): Form {
  const scales = !all(affine.scale, (s) => s === 1);
  const shifts = !all(affine.shift, (s) => s === 0);
  if (!shifts) return "Mul";
  if (!scales) return "Add";
  // One BatchNormalization with mean 0, variance 1 and epsilon 0 is exactly scale * x + shift. It is for channels
  // only: a chain of plain numbers stays a Mul and an Add.
  const byChannel = affine.scale.length > 1 || affine.shift.length > 1 || steps.some((s) => s.node.op === "BatchNormalization");
  return byChannel && channels !== undefined && rank !== undefined && rank >= 2 ? "BatchNormalization" : "Mul+Add";
}

export const affineChainMerging = defineRewrite({
  name: "affine-chain-merging",
  title: "Affine chain merging",
  summary: "Merges a chain of BatchNormalization, Mul, Add, Sub and Div with constants into one BatchNormalization, one Mul, one Add, or one Mul and one Add.",
  why: "Each link is a pass over the whole activation; y = scale * x + shift for each channel says the same in one. Worked out in float64.",
  exactness: "reassociates",
  roots: ["BatchNormalization", ...affineOps],
  preconditions: [
    { name: "a chain", doc: "At least two operators in a row are affine with constant parameters, in inference mode, and each but the last feeds only the next in the same graph." },
    { name: "same precision", doc: "All constants and the data have one floating-point type." },
    { name: "channel axis only", doc: "Every constant is one number, or has one number for each channel (axis 1) and varies on that axis only." },
    { name: "finite", doc: "The merged numbers are finite." },
    { name: "smaller", doc: "The merged form has fewer nodes." },
  ],
  match(root, context) {
    const steps = chainTo(root, context);
    if (steps.length === 0) return undefined;
    // Only the last link is a root, so that the whole chain merges in one step.
    const next = context.onlyUser({ node: root.id, output: 0 });
    const after = affineStep(next, context);
    if (after && sameValue(after.data, { node: root.id, output: 0 })) return undefined;
    if (!context.require("a chain", steps.length >= 2, () => (steps.length >= 2 ? steps.map((s) => s.node.op).join(", ") : `${context.describe(steps[0]!.data)} before it is not affine with constants, or is used elsewhere`))) return undefined;
    const values: ValueRef[] = steps.flatMap((s) => [...s.constants]);
    const element = commonFloat(context, [...values, { node: root.id, output: 0 }]);
    if (!context.require("same precision", element !== undefined, () => values.map((v) => context.type(v).text).join(", "))) return undefined;
    const { rank, channels } = channelsOf(steps, context);
    const problem = problemOf(steps, context, rank, channels);
    if (!context.require("channel axis only", problem === undefined ? true : rank === undefined ? "unknown" : "failed", problem ?? `${channels ?? "any number of"} channels`)) return undefined;
    const affine = steps.map((step) => affineNumbers(step, context)).reduce(compose);
    const finite = staysFinite(element!, affine.scale, affine.shift);
    if (!context.require("finite", finite, finite ? "the merged numbers are finite" : "a merged number overflows or is not a number")) return undefined;
    const form = formOf(steps, affine, rank, channels);
    const size = form === "Mul+Add" ? 2 : 1;
    if (!context.require("smaller", size < steps.length, `${steps.length} nodes become ${size} (${form})`)) return undefined;
    const bindings: Bindings = { steps, affine, form, element: element as ElementType, rank, channels };
    return { nodes: [...steps.map((s) => s.node.id)].reverse(), bindings: { ...bindings } };
  },
  rewrite(match, rewriter, context) {
    const { steps, affine, form, element, rank, channels } = match.bindings as unknown as Bindings;
    const root = context.find(match.root)!;
    const name = root.outputs[0]!.name;
    const { data } = steps[0]!;
    const sources = steps.flatMap((s) => s.constants.map((c) => c.node));
    const constant = (suffix: string, dims: readonly number[], numbers: ArrayLike<number>): ValueRef => {
      const ref = rewriter.addConstant({ value: ConstantValue.of(fromNumbers(element, dims, numbers)), name: context.freshName(`${name}_${suffix}`), region: root.region, order: root.order });
      rewriter.derive("fold", sources, [ref.node]);
      return ref;
    };
    /** [C, 1, 1, ...]: lines up with axis 1 of a value of `rank`. */
    const operand = (suffix: string, numbers: ArrayLike<number>): ValueRef => {
      const uniform = all(numbers, (v) => Object.is(v, numbers[0]));
      return uniform && numbers.length > 0
        ? constant(suffix, [], [numbers[0]!])
        : constant(suffix, [numbers.length, ...Array.from({ length: rank! - 2 }, () => 1)], numbers);
    };
    const spec = { region: root.region, order: root.order, name: root.name, ...mergedNotes(...steps.map((s) => s.node).reverse()) };
    const output = { name, type: root.outputs[0]!.type };
    const made: number[] = [];
    if (form === "BatchNormalization") {
      const each = (pick: (c: number) => number): Float64Array => Float64Array.from({ length: channels! }, (_, c) => pick(c));
      made.push(
        rewriter.addNode({
          ...spec,
          op: "BatchNormalization",
          inputs: [
            data,
            constant("scale", [channels!], each((c) => at(affine.scale, c))),
            constant("bias", [channels!], each((c) => at(affine.shift, c))),
            constant("mean", [channels!], each(() => 0)),
            constant("var", [channels!], each(() => 1)),
          ],
          attributes: { epsilon: float(0) },
          outputs: [output],
        }),
      );
    } else if (form === "Mul+Add") {
      const product = rewriter.addNode({ ...spec, name: "", op: "Mul", inputs: [data, operand("scale", affine.scale)], outputs: [context.freshName(`${name}_scaled`)] });
      made.push(product, rewriter.addNode({ ...spec, op: "Add", inputs: [{ node: product, output: 0 }, operand("bias", affine.shift)], outputs: [output] }));
    } else {
      const numbers = form === "Mul" ? affine.scale : affine.shift;
      made.push(rewriter.addNode({ ...spec, op: form, inputs: [data, operand(form === "Mul" ? "scale" : "bias", numbers)], outputs: [output] }));
    }
    rewriter.derive("fuse", match.nodes, made);
    rewriter.replaceUses({ node: root.id, output: 0 }, { node: made.at(-1)!, output: 0 });
    rewriter.removeDead([root.id]);
  },
  examples: [
    {
      title: "BatchNormalization, then a scale and a shift for each channel",
      before: `graph @main(%x: float32[N, 2, 4, 4]) -> (%y: float32[N, 2, 4, 4]) {
  %s = constant float32[2] [2, 1]
  %b = constant float32[2] [1, 0]
  %m = constant float32[2] [1, 1]
  %v = constant float32[2] [4, 1]
  %gamma = constant float32[2, 1, 1] [3, 5]
  %beta = constant float32[2, 1, 1] [1, 2]
  %n = BatchNormalization(%x, %s, %b, %m, %v) {epsilon = 0.0} "norm"
  %p = Mul(%n, %gamma)
  %y = Add(%p, %beta) "shift"
  return %y
}`,
      after: `graph @main(%x: float32[N, 2, 4, 4]) -> (%y: float32[N, 2, 4, 4]) {
  %y_scale = constant float32[2] [3, 5]
  %y_bias = constant float32[2] [1, -3]
  %y_mean = constant float32[2] [0, 0]
  %y_var = constant float32[2] [1, 1]
  %y = BatchNormalization(%x, %y_scale, %y_bias, %y_mean, %y_var) {epsilon = 0.0} "shift"
  return %y
}`,
    },
    {
      title: "Plain numbers stay a Mul and an Add",
      before: `graph @main(%x: float32[*]) -> (%y: float32[*]) {
  %two = constant float32[] [2]
  %one = constant float32[] [1]
  %a = Mul(%x, %two)
  %b = Sub(%a, %one)
  %y = Div(%b, %two)
  return %y
}`,
      after: `graph @main(%x: float32[*]) -> (%y: float32[*]) {
  %y_bias = constant float32[] [-0.5]
  %y = Add(%x, %y_bias)
  return %y
}`,
    },
    {
      title: "A constant on the last axis is not one on the channel axis",
      fails: "channel axis only",
      before: `graph @main(%x: float32[N, 4, 4]) -> (%y: float32[N, 4, 4]) {
  %s = constant float32[4] [1, 2, 3, 4]
  %b = constant float32[4, 1] [1, 2, 3, 4]
  %a = Mul(%x, %s)
  %y = Add(%a, %b)
  return %y
}`,
      after: `graph @main(%x: float32[N, 4, 4]) -> (%y: float32[N, 4, 4]) {
  %s = constant float32[4] [1, 2, 3, 4]
  %b = constant float32[4, 1] [1, 2, 3, 4]
  %a = Mul(%x, %s)
  %y = Add(%a, %b)
  return %y
}`,
    },
    {
      title: "The value between is used elsewhere",
      fails: "a chain",
      before: `graph @main(%x: float32[N, 4]) -> (%y: float32[N, 4]) {
  %two = constant float32[] [2]
  %a = Mul(%x, %two)
  %b = Add(%a, %two)
  %y = Mul(%a, %b)
  return %y
}`,
      after: `graph @main(%x: float32[N, 4]) -> (%y: float32[N, 4]) {
  %two = constant float32[] [2]
  %a = Mul(%x, %two)
  %b = Add(%a, %two)
  %y = Mul(%a, %b)
  return %y
}`,
    },
    {
      title: "A Mul and an Add of plain numbers: nothing smaller says it",
      fails: "smaller",
      before: `graph @main(%x: float32[N, 4]) -> (%y: float32[N, 4]) {
  %two = constant float32[] [2]
  %a = Mul(%x, %two)
  %y = Add(%a, %two)
  return %y
}`,
      after: `graph @main(%x: float32[N, 4]) -> (%y: float32[N, 4]) {
  %two = constant float32[] [2]
  %a = Mul(%x, %two)
  %y = Add(%a, %two)
  return %y
}`,
    },
  ],
});
