import { int, ints, type Attributes } from "../ir/attribute.ts";
import { fusedDomain, type OperatorNode, type ValueRef } from "../ir/graph.ts";
import { fromNumbers, int64Vector, type Tensor, toIntegers, toNumbers } from "../ir/tensor.ts";
import { blocksOf } from "../ops/support/blocked.ts";
import { defineRewrite, type MatchContext } from "./definition.ts";
import { blockConstant, Builder, blockableShape, ownProducer, unblockInstead, windowOverBlocks } from "./support/blocked-layout.ts";

/** Elementwise, and finite at 0: lanes beyond the channels stay numbers. */
const elementwise = new Set(["Abs", "Add", "Celu", "Cast", "Clip", "DequantizeLinear", "Elu", "Erf", "Gelu", "HardSigmoid", "HardSwish", "LeakyRelu", "Max", "Mean", "Min", "Mish", "Mul", "Neg", "PRelu", "QuantizeLinear", "Relu", "Selu", "Sigmoid", "Softplus", "Softsign", "Sub", "Sum", "Swish", "Tanh", "ThresholdedRelu"]);
/** Elementwise, but not finite at 0 in every operand: only where blocks are full. */
const partial = new Set(["Div", "Sqrt", "Reciprocal", "Pow", "Exp"]);
const pools = new Set(["MaxPool", "AveragePool"]);
const means: Readonly<Record<string, string>> = { GlobalAveragePool: "ReduceMean", GlobalMaxPool: "ReduceMax", ReduceMean: "ReduceMean", ReduceMax: "ReduceMax", ReduceSum: "ReduceSum" };
const others = ["Concat", "Resize", "Pad"];
const goesAlong = new Set([...elementwise, ...partial, ...pools, ...others]);

/** How an operand goes along. */
type Operand =
  | { readonly kind: "blocked"; readonly value: ValueRef }
  | { readonly kind: "plain"; readonly value: ValueRef }
  | { readonly kind: "constant"; readonly from: ValueRef; readonly tensor: Tensor }
  | { readonly kind: "keep"; readonly value: ValueRef | null };

interface Plan {
  readonly op: string;
  /** ONNX's when absent */
  readonly domain?: string;
  readonly operands: readonly Operand[];
  readonly attributes: Attributes;
  readonly channels: number;
  readonly block: number;
}

/** Does a value go back into blocks, by itself or behind operators that would go along? */
function wantsBlocks(value: ValueRef, context: MatchContext, depth = 4): boolean {
  return context.graph.usesOfValue(value).some((use) => {
    const user = use.kind === "input" ? context.find(use.user) : undefined;
    if (user?.kind !== "operator") return false;
    if (user.domain === fusedDomain) return user.op === "BlockChannels";
    return depth > 0 && user.domain === "" && goesAlong.has(user.op) && wantsBlocks({ node: user.id, output: 0 }, context, depth - 1);
  });
}

function plan(root: OperatorNode, context: MatchContext): Plan | string | undefined {
  const unblocks = root.inputs.map((ref) => ownProducer(ref, "UnblockChannels", context));
  const first = unblocks.find((u) => u !== undefined);
  if (!first || root.domain !== "") return undefined;
  const inner = blockableShape(first.inputs[0], context);
  const block = inner?.at(-1);
  const outer = blockableShape({ node: root.id, output: 0 }, context);
  if (block === undefined || outer === undefined) return "a shape is not static";
  const rank = inner!.length - 1;
  const a = context.attributes(root);
  const blockedOf = (i: number): Operand => ({ kind: "blocked", value: unblocks[i]!.inputs[0]! });
  const dimsOf = (ref: ValueRef | null | undefined): readonly number[] | undefined => blockableShape(ref, context);
  if (elementwise.has(root.op) || partial.has(root.op)) {
    const channels = outer[1]!;
    if (outer.length !== rank) return "the result has another rank";
    if (root.op.endsWith("tizeLinear") && root.inputs.slice(1).some((ref) => ref && (context.shape(ref) ?? [2]).some((d) => d !== 1))) return "it has more than one scale";
    if (partial.has(root.op) && channels % block !== 0) return `${root.op} of the lanes that ${channels} channels leave would not be finite`;
    const operands: Operand[] = [];
    for (const [i, ref] of root.inputs.entries()) {
      const dims = ref ? dimsOf(ref) : undefined;
      if (!ref) operands.push({ kind: "keep", value: null });
      else if (unblocks[i] && dims?.[1] === channels && dimsOf(unblocks[i].inputs[0])?.at(-1) === block) operands.push(blockedOf(i));
      else if (context.constant(ref)) {
        const tensor = context.tensor(ref)!;
        if (!blockConstant(tensor, rank, channels, block)) return `the constant ${context.describe(ref)} does not go along`;
        operands.push({ kind: "constant", from: ref, tensor });
      } else if (dims?.length === rank && dims[1] === channels) operands.push({ kind: "plain", value: ref });
      else return `${context.describe(ref)} is ${context.type(ref).text}`;
    }
    return { op: root.op, operands, attributes: root.attributes, channels, block };
  }
  if (!unblocks[0] && root.op !== "Concat") return undefined;
  const channels = blockableShape(root.inputs[0], context)?.[1] ?? 0;
  const one = (op: string, attributes: Attributes, rest: readonly Operand[] = []): Plan => ({ op, operands: [blockedOf(0), ...rest], attributes, channels, block });
  const vector = (i: number): number[] | undefined => {
    const t = context.tensor(root.inputs[i]);
    return t && (t.element === "float32" ? Array.from(toNumbers(t)) : toIntegers(t));
  };
  const made = (from: ValueRef, numbers: readonly number[], float: boolean): Operand => ({ kind: "constant", from, tensor: float ? fromNumbers("float32", [numbers.length], numbers) : int64Vector(numbers) });
  if (pools.has(root.op)) {
    if (rank !== 4) return "it is not over two dimensions";
    if (root.outputs.length > 1 && context.graph.usesOfValue({ node: root.id, output: 1 }).length > 0) return "its indices are used";
    return one(root.op, windowOverBlocks(root, context));
  }
  if (root.op in means) {
    const axes = root.op.startsWith("Global") ? outer.slice(2).map((_, i) => i + 2) : (vector(1) ?? a.ints("axes"))?.map((x) => (x < 0 ? x + rank : x)).sort((p, q) => p - q);
    const keeps = root.op.startsWith("Global") || a.int("keepdims", 1) !== 0;
    if (!keeps || !axes || axes.join() !== Array.from({ length: rank - 2 }, (_, i) => i + 2).join()) return "it is not a mean over all places that keeps its dimensions";
    return one(means[root.op]!, { keepdims: int(1) }, [made(root.inputs[0]!, axes, false)]);
  }
  if (root.op === "Concat") {
    const axis = a.int("axis");
    if ((axis < 0 ? axis + rank : axis) !== 1) return "it does not join channels";
    const parts = root.inputs.map((ref) => dimsOf(ref)?.[1]);
    const whole = parts.every((c, i) => c !== undefined && (i === parts.length - 1 || c % block === 0));
    if (!whole) {
      const together = parts.every((c, i) => c !== undefined && unblocks[i] !== undefined && dimsOf(unblocks[i].inputs[0])?.at(-1) === block);
      if (!together || !wantsBlocks({ node: root.id, output: 0 }, context)) return `parts of ${parts.join(", ")} channels are not whole blocks`;
      return { op: "ConcatChannels", domain: fusedDomain, operands: root.inputs.map((_, i) => blockedOf(i)), attributes: { channels: ints(parts as number[]) }, channels: outer[1]!, block };
    }
    if (unblocks.filter((u) => u !== undefined).length * 2 < parts.length) return "most parts are not in blocks";
    const operands = root.inputs.map((ref, i): Operand => (unblocks[i] && dimsOf(unblocks[i].inputs[0])?.at(-1) === block ? blockedOf(i) : { kind: "plain", value: ref! }));
    return { op: "Concat", operands, attributes: { axis: int(1) }, channels: outer[1]!, block };
  }
  if (root.op === "Resize") {
    const [, , scales, sizes] = root.inputs;
    if (rank !== 4 || a.has("axes") || (root.inputs[1] && a.string("coordinate_transformation_mode", "half_pixel") === "tf_crop_and_resize")) return "it resizes other axes";
    const values = scales ? vector(2) : vector(3);
    if (!values || values.length !== 4 || (scales ? values[0] !== 1 || values[1] !== 1 : values[1] !== channels)) return "its sizes are computed or it resizes channels";
    const source = (scales ?? sizes)!;
    const amount = made(source, scales ? [...values, 1] : [values[0]!, blocksOf(channels, block), values[2]!, values[3]!, block], scales !== undefined && scales !== null);
    const none: Operand = { kind: "keep", value: null };
    return one("Resize", root.attributes, scales ? [none, amount] : [none, none, amount]);
  }
  if (root.op === "Pad") {
    const values = vector(1);
    const fill = root.inputs[2] ? toNumbers(context.tensor(root.inputs[2]) ?? fromNumbers("float32", [1], [1]))[0] : 0;
    if (root.inputs[3] || !values || values.length !== 2 * rank || fill !== 0 || a.string("mode", "constant") !== "constant") return "it does not pad with zeros by constant amounts";
    if (values.some((v, i) => v < 0 || (i % rank < 2 && v !== 0))) return "it crops or pads channels";
    return one("Pad", root.attributes, [made(root.inputs[1]!, [...values.slice(0, rank), 0, ...values.slice(rank), 0], false)]);
  }
  return undefined;
}

export const sinkUnblock = defineRewrite({
  name: "sink-unblock",
  title: "UnblockChannels after the operator",
  summary: "Computes an elementwise operator, a pool, a mean over space, a Concat, Resize or Pad on channels in blocks, and takes them out of blocks behind it.",
  why: "The step out of blocks moves on until it meets one back into blocks, and both vanish. On blocks these operators run over whole vectors.",
  exactness: "exact",
  roots: [...elementwise, ...partial, ...pools, ...Object.keys(means), ...others],
  preconditions: [{ name: "goes along", doc: "All operands can be had in blocks: values from UnblockChannels, values with as many channels, constants for each channel or all; joined parts are whole blocks, or what follows goes back into blocks." }],
  match(root, context) {
    const found = plan(root, context);
    if (found === undefined) return undefined;
    return context.require("goes along", typeof found !== "string", typeof found === "string" ? found : `${found.channels} channels`) ? { nodes: [root.id], bindings: { plan: found } } : undefined;
  },
  rewrite(match, rewriter, context) {
    const root = context.find(match.root)!;
    const { op, domain, operands, attributes, channels, block } = match.bindings.plan as Plan;
    const builder = new Builder(rewriter, context, root);
    const rank = blockableShape({ node: root.id, output: 0 }, context)!.length;
    const inputs = operands.map((o) => {
      switch (o.kind) {
        case "blocked":
        case "keep":
          return o.value;
        case "plain":
          return builder.block(o.value, block);
        case "constant": {
          if (!elementwise.has(op) && !partial.has(op)) return builder.constant(o.tensor, `${context.graph.valueName(o.from) || root.outputs[0]!.name}_blocked`);
          const made = blockConstant(o.tensor, rank, channels, block)!;
          return made.dims.length === 0 ? (o.tensor.dims.length <= 1 ? o.from : builder.packed(made, o.from, "scalar")) : builder.packed(made, o.from, "blocked");
        }
      }
    });
    const blocked = builder.node(op, inputs, attributes, "blocks", domain ?? "");
    rewriter.update(blocked.node, { name: root.name, doc: root.doc, metadata: root.metadata });
    unblockInstead(rewriter, root, blocked, channels);
  },
  examples: [
    {
      title: "A sum and an activation",
      before: `graph @main(%a: float32[1, 2, 3, 3, 2], %b: float32[1, 2, 3, 3, 2]) -> (%y: float32[1, 4, 3, 3]) {
  %ua = graphwright.UnblockChannels(%a) {channels = 4}
  %ub = graphwright.UnblockChannels(%b) {channels = 4}
  %s = Add(%ua, %ub)
  %y = Relu(%s)
  return %y
}`,
      after: `graph @main(%a: float32[1, 2, 3, 3, 2], %b: float32[1, 2, 3, 3, 2]) -> (%y: float32[1, 4, 3, 3]) {
  %s_blocks: float32[1, 2, 3, 3, 2] = Add(%a, %b)
  %y_blocks: float32[1, 2, 3, 3, 2] = Relu(%s_blocks)
  %y: float32[1, 4, 3, 3] = graphwright.UnblockChannels(%y_blocks) {channels = 4}
  return %y
}`,
    },
    {
      title: "Parts that are not whole blocks, before a convolution on blocks",
      before: `graph @main(%a: float32[1, 2, 3, 3, 2], %b: float32[1, 1, 3, 3, 2]) -> (%y: float32[1, 3, 3, 3, 2]) {
  %ua = graphwright.UnblockChannels(%a) {channels = 3}
  %ub = graphwright.UnblockChannels(%b) {channels = 2}
  %c = Concat(%ua, %ub) {axis = 1}
  %y = graphwright.BlockChannels(%c) {block = 2}
  return %y
}`,
      after: `graph @main(%a: float32[1, 2, 3, 3, 2], %b: float32[1, 1, 3, 3, 2]) -> (%y: float32[1, 3, 3, 3, 2]) {
  %c_blocks: float32[1, 3, 3, 3, 2] = graphwright.ConcatChannels(%a, %b) {channels = [3, 2]}
  %c: float32[1, 5, 3, 3] = graphwright.UnblockChannels(%c_blocks) {channels = 5}
  %y: float32[1, 3, 3, 3, 2] = graphwright.BlockChannels(%c) {block = 2}
  return %y
}`,
    },
    {
      title: "A scale for each channel, and the mean over space",
      before: `graph @main(%a: float32[1, 2, 3, 3, 2]) -> (%y: float32[1, 3, 1, 1]) {
  %k = constant float32[3, 1, 1] [1, 2, 3]
  %ua = graphwright.UnblockChannels(%a) {channels = 3}
  %s = Mul(%ua, %k)
  %y = GlobalAveragePool(%s)
  return %y
}`,
      after: `graph @main(%a: float32[1, 2, 3, 3, 2]) -> (%y: float32[1, 3, 1, 1]) {
  %k_blocked = constant float32[1, 2, 1, 1, 2] [1, 2, 3, 0]
  %s_blocks: float32[1, 2, 3, 3, 2] = Mul(%a, %k_blocked)
  %s_blocked = constant int64[2] [2, 3]
  %y_blocks: float32[1, 2, 1, 1, 2] = ReduceMean(%s_blocks, %s_blocked) {keepdims = 1}
  %y: float32[1, 3, 1, 1] = graphwright.UnblockChannels(%y_blocks) {channels = 3}
  return %y
}`,
    },
    {
      title: "A quotient of unfilled lanes would not be finite",
      fails: "goes along",
      before: `graph @main(%a: float32[1, 2, 3, 3, 2], %b: float32[1, 2, 3, 3, 2]) -> (%y: float32[1, 3, 3, 3]) {
  %ua = graphwright.UnblockChannels(%a) {channels = 3}
  %ub = graphwright.UnblockChannels(%b) {channels = 3}
  %y = Div(%ua, %ub)
  return %y
}`,
      after: `graph @main(%a: float32[1, 2, 3, 3, 2], %b: float32[1, 2, 3, 3, 2]) -> (%y: float32[1, 3, 3, 3]) {
  %ua = graphwright.UnblockChannels(%a) {channels = 3}
  %ub = graphwright.UnblockChannels(%b) {channels = 3}
  %y = Div(%ua, %ub)
  return %y
}`,
    },
  ],
});
