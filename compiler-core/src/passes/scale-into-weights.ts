import { ConstantValue } from "../ir/constant.ts";
import { describeNode, type OperatorNode, type ValueRef } from "../ir/graph.ts";
import { fromNumbers, toNumbers } from "../ir/tensor.ts";
import { defineRewrite, type MatchContext } from "./definition.ts";
import { commonFloat, largest } from "./support/channel-affine.ts";
import { magnitudeOf } from "./support/constant-numbers.ts";
import { mergedNotes, requireReplaceable } from "./support/replacement.ts";
import { withScalar } from "./support/scalars.ts";

/** Operators whose output holds elements of their first input and nothing else. */
const moves = new Set(["Transpose", "Reshape", "Flatten", "Squeeze", "Unsqueeze", "Expand", "Identity", "Slice"]);
const pathLimit = 12;

/** Columns of the last axis. */
interface Columns {
  readonly from: number;
  readonly to: number;
  readonly of: number;
}

/** A constant operand that takes the factor, all of it or some of its columns. */
interface Scaled {
  readonly node: OperatorNode;
  readonly index: number;
  readonly ref: ValueRef;
  readonly columns: Columns | undefined;
}

interface Path {
  /** from the value that is multiplied back to the operator with the weight */
  readonly nodes: readonly OperatorNode[];
  readonly scaled: readonly Scaled[];
}

/** The way from `ref`, which `user` alone uses, back to weights that can take a factor; or what is in the way. */
function pathFrom(ref: ValueRef | null | undefined, user: OperatorNode, context: MatchContext, columns: Columns | undefined, depth = 0): Path | string {
  const node = context.producer(ref);
  if (!ref || !node) return "an input of the graph is on the way";
  const name = describeNode(node);
  if (node.domain !== "" || depth > pathLimit) return `${name} is on the way`;
  if (node.op === "Split" && columns === undefined) {
    // The other parts are left as they are, so only the way in is used once.
    const single = context.graph.usesOfValue(ref).length === 1 && context.onlyUser(ref)?.id === user.id;
    const rank = context.shape(node.inputs[0])?.length;
    const sizes = node.outputs.map((output) => (output.type.kind === "tensor" ? output.type.shape?.at(-1) : undefined));
    const axis = context.attributes(node).int("axis", 0);
    if (!single || rank === undefined || (axis !== -1 && axis !== rank - 1) || !sizes.every((size): size is number => typeof size === "number")) return `${name} is on the way`;
    const from = sizes.slice(0, ref.output).reduce((a, b) => a + b, 0);
    const path = pathFrom(node.inputs[0], node, context, { from, to: from + sizes[ref.output]!, of: sizes.reduce((a, b) => a + b, 0) }, depth + 1);
    return typeof path === "string" ? path : { ...path, nodes: [node, ...path.nodes] };
  }
  if (context.onlyUser(ref)?.id !== user.id) return `${name} is used elsewhere`;
  const constants: Scaled[] = [];
  /** Takes a constant operand along; false where it cannot be. */
  const take = (index: number): boolean => {
    const operand = node.inputs[index];
    const constant = context.constant(operand);
    if (!operand || !constant || context.graph.usesOf(operand.node).length > 1) return false;
    if (columns && constant.dims.at(-1) !== columns.of) return false;
    constants.push({ node, index, ref: operand, columns });
    return true;
  };
  const further = (operand: ValueRef | null | undefined): Path | string => {
    const path = pathFrom(operand, node, context, columns, depth + 1);
    return typeof path === "string" ? path : { nodes: [node, ...path.nodes], scaled: [...constants, ...path.scaled] };
  };
  const end = (): Path => ({ nodes: [node], scaled: constants });
  const whole = columns === undefined;
  switch (node.op) {
    case "Add": {
      const index = node.inputs.findIndex((input) => context.constant(input));
      return index >= 0 && take(index) ? further(node.inputs[1 - index]) : `${name} adds what cannot be scaled`;
    }
    case "MatMul": {
      if (context.constant(node.inputs[1])) return take(1) ? end() : `the weight of ${name} is used elsewhere`;
      if (!whole) return `${name} has no constant weight`;
      if (context.constant(node.inputs[0])) return take(0) ? end() : `the weight of ${name} is used elsewhere`;
      // (s a) b is s (a b): whichever leads on to a weight.
      const left = further(node.inputs[0]);
      return typeof left === "string" ? further(node.inputs[1]) : left;
    }
    case "Gemm":
    case "Conv":
    case "ConvTranspose": {
      const plain = whole || (node.op === "Gemm" && context.attributes(node).int("transB", 0) === 0);
      return plain && take(1) && (!node.inputs[2] || take(2)) ? end() : `${name} has a weight or a bias that cannot be scaled`;
    }
    default:
      return whole && moves.has(node.op) ? further(node.inputs[0]) : `${name} is on the way`;
  }
}

export const scaleIntoWeights = defineRewrite({
  name: "scale-into-weights",
  title: "Scale into weights",
  summary: "Folds a multiplication by one number into the weights before it, through operators that only move data, through sums with constants and through products of computed values.",
  why: "Attention divides queries, keys or scores by the root of their width: that number can be in the projection's weight and bias already.",
  exactness: "reassociates",
  roots: ["Mul", "Div"],
  preconditions: [
    { name: "by one number", doc: "One operand is a constant of one element that is finite and not 0, the divisor in a Div, and does not add axes to the other." },
    {
      name: "leads to weights",
      doc: "The other operand comes, through Transpose, Reshape, Slice and the like, sums with constants, products of computed values, and a Split along the last axis right after its projection, from a MatMul, Gemm or Conv with a constant weight. Each value on the way is used once, in the same graph, and is no output; weights and biases are used there only.",
    },
    { name: "same precision", doc: "The number, weights and biases have one floating-point type." },
    { name: "finite", doc: "The scaled weights are finite." },
    { name: "replaceable", doc: "The value before can be an output of the graph where the product is one." },
  ],
  match(root, context) {
    const factor = withScalar(root, context);
    if (!factor) return undefined;
    const scale = root.op === "Div" ? 1 / factor.value : factor.value;
    const axes = context.constant(factor.ref)!.dims.length;
    const rank = context.shape(factor.data)?.length;
    const widens = axes > 0 && (rank === undefined || axes > rank);
    const usable = Number.isFinite(scale) && scale !== 0 && (root.op === "Mul" || factor.place === 1) && !widens;
    if (!context.require("by one number", usable, () => (widens ? `the constant has ${axes} axes` : `${root.op} ${root.op === "Div" && factor.place === 0 ? "of" : "by"} ${factor.value}`))) return undefined;
    const path = pathFrom(factor.data, root, context, undefined);
    if (!context.require("leads to weights", typeof path !== "string", () => (typeof path === "string" ? path : describeNode(path.nodes.at(-1)!))) || typeof path === "string") return undefined;
    const refs = [factor.ref, ...path.scaled.map(({ ref }) => ref)];
    const element = commonFloat(context, refs);
    let holds = context.require("same precision", element !== undefined, () => refs.map((ref) => context.type(ref).text).join(", "));
    const finite = element !== undefined && path.scaled.every(({ ref }) => magnitudeOf(context.constant(ref)!) * Math.abs(scale) <= largest[element]!);
    holds = context.require("finite", finite, finite ? "they are" : "a weight overflows or is not a number") && holds;
    holds = requireReplaceable(context, "replaceable", { node: root.id, output: 0 }, factor.data) && holds;
    return holds ? { nodes: [root.id, ...path.nodes.map((node) => node.id)], bindings: { path, scale, factor } } : undefined;
  },
  rewrite(match, rewriter, context) {
    const root = context.find(match.root)!;
    const { path, scale, factor } = match.bindings as unknown as { path: Path; scale: number; factor: { data: ValueRef; ref: ValueRef } };
    const inputs = new Map<number, (ValueRef | null)[]>();
    for (const { node, index, ref, columns } of path.scaled) {
      const tensor = context.tensor(ref)!;
      const numbers = Float64Array.from(toNumbers(tensor), (v, i) => {
        const column = columns && i % columns.of;
        return column === undefined || (column >= columns!.from && column < columns!.to) ? v * scale : v;
      });
      const old = context.graph.node(ref.node);
      const scaled = rewriter.addConstant({
        value: ConstantValue.of(fromNumbers(tensor.element, tensor.dims, numbers)),
        name: context.freshName(`${context.graph.valueName(ref) || node.op}_scaled`),
        region: node.region,
        order: node.order,
        ...(old.kind === "constant" ? { storage: old.storage } : {}),
      });
      rewriter.derive("fold", [ref.node, factor.ref.node], [scaled.node]);
      const list = inputs.get(node.id) ?? [...node.inputs];
      list[index] = scaled;
      inputs.set(node.id, list);
    }
    // Values on the way are others now: they are made anew, under other names, and the last one is the product itself.
    const { name } = root.outputs[0]!;
    const made = new Map<string, ValueRef>();
    const key = (ref: ValueRef): string => `${ref.node}:${ref.output}`;
    const onTheWay = new Set([key(factor.data), ...path.nodes.flatMap((node) => node.inputs.flatMap((ref) => (ref ? [key(ref)] : [])))]);
    for (const node of [...path.nodes].reverse()) {
      const outputs = node.outputs.map((output, i) => {
        const at = key({ node: node.id, output: i });
        return { name: at === key(factor.data) ? name : onTheWay.has(at) ? context.freshName(`${output.name}_scaled`) : output.name, type: output.type };
      });
      const id = rewriter.addNode({
        op: node.op,
        inputs: (inputs.get(node.id) ?? node.inputs).map((ref) => (ref ? (made.get(key(ref)) ?? ref) : null)),
        attributes: node.attributes,
        outputs,
        name: node.name,
        region: node.region,
        order: node.order,
        ...mergedNotes(node),
      });
      rewriter.derive("replace", [node.id], [id]);
      for (const i of outputs.keys()) made.set(key({ node: node.id, output: i }), { node: id, output: i });
    }
    const last = made.get(key(factor.data))!;
    rewriter.derive("fuse", [root.id], [last.node]);
    rewriter.replaceUses({ node: root.id, output: 0 }, last);
    // The other parts of a Split are what they were.
    for (const node of path.nodes) for (const i of node.outputs.keys()) if (!onTheWay.has(key({ node: node.id, output: i }))) rewriter.replaceUses({ node: node.id, output: i }, made.get(key({ node: node.id, output: i }))!);
    rewriter.removeDead([root.id]);
  },
  examples: [
    {
      title: "Queries of two heads",
      before: `graph @main(%x: float32[N, 3, 2]) -> (%y: float32[N, 2, 3, 1]) {
  %w = constant float32[2, 2] [1, 2, 3, 4]
  %b = constant float32[2] [10, 20]
  %heads = constant int64[4] [0, 0, 2, 1]
  %k = constant float32[] [0.5]
  %p = MatMul(%x, %w)
  %q = Add(%p, %b)
  %r = Reshape(%q, %heads)
  %t = Transpose(%r) {perm = [0, 2, 1, 3]}
  %y = Mul(%t, %k)
  return %y
}`,
      after: `graph @main(%x: float32[N, 3, 2]) -> (%y: float32[N, 2, 3, 1]) {
  %heads = constant int64[4] [0, 0, 2, 1]
  %w_scaled = constant float32[2, 2] [0.5, 1, 1.5, 2]
  %p_scaled = MatMul(%x, %w_scaled)
  %b_scaled = constant float32[2] [5, 10]
  %q_scaled = Add(%p_scaled, %b_scaled)
  %r_scaled = Reshape(%q_scaled, %heads)
  %y = Transpose(%r_scaled) {perm = [0, 2, 1, 3]}
  return %y
}`,
    },
    {
      title: "The first part of a joined projection, divided by a number",
      before: `graph @main(%x: float32[N, 2]) -> (%y: float32[N, 1], %k: float32[N, 2]) {
  %w = constant float32[2, 3] [1, 2, 3, 4, 5, 6]
  %sizes = constant int64[2] [1, 2]
  %d = constant float32[] [2]
  %p = MatMul(%x, %w)
  %q, %k = Split(%p, %sizes) {axis = -1}
  %y = Div(%q, %d)
  return %y, %k
}`,
      after: `graph @main(%x: float32[N, 2]) -> (%y: float32[N, 1], %k: float32[N, 2]) {
  %sizes = constant int64[2] [1, 2]
  %w_scaled = constant float32[2, 3] [0.5, 2, 3, 2, 5, 6]
  %p_scaled = MatMul(%x, %w_scaled)
  %y, %k = Split(%p_scaled, %sizes) {axis = -1}
  return %y, %k
}`,
    },
    {
      title: "The value before is needed as it is",
      fails: "leads to weights",
      before: `graph @main(%x: float32[N, 2]) -> (%y: float32[N, 2], %z: float32[N, 2]) {
  %w = constant float32[2, 2] [1, 2, 3, 4]
  %k = constant float32[] [0.5]
  %p = MatMul(%x, %w)
  %y = Mul(%p, %k)
  %z = Neg(%p)
  return %y, %z
}`,
      after: `graph @main(%x: float32[N, 2]) -> (%y: float32[N, 2], %z: float32[N, 2]) {
  %w = constant float32[2, 2] [1, 2, 3, 4]
  %k = constant float32[] [0.5]
  %p = MatMul(%x, %w)
  %y = Mul(%p, %k)
  %z = Neg(%p)
  return %y, %z
}`,
    },
    {
      title: "A scaled weight would overflow",
      fails: "finite",
      before: `graph @main(%x: float32[N, 1]) -> (%y: float32[N, 1]) {
  %w = constant float32[1, 1] [1e30]
  %k = constant float32[] [1e10]
  %p = MatMul(%x, %w)
  %y = Mul(%p, %k)
  return %y
}`,
      after: `graph @main(%x: float32[N, 1]) -> (%y: float32[N, 1]) {
  %w = constant float32[1, 1] [1e30]
  %k = constant float32[] [1e10]
  %p = MatMul(%x, %w)
  %y = Mul(%p, %k)
  return %y
}`,
    },
    {
      title: "A number over the value is no factor",
      fails: "by one number",
      before: `graph @main(%x: float32[N, 2]) -> (%y: float32[N, 2]) {
  %w = constant float32[2, 2] [1, 2, 3, 4]
  %k = constant float32[] [0.5]
  %p = MatMul(%x, %w)
  %y = Div(%k, %p)
  return %y
}`,
      after: `graph @main(%x: float32[N, 2]) -> (%y: float32[N, 2]) {
  %w = constant float32[2, 2] [1, 2, 3, 4]
  %k = constant float32[] [0.5]
  %p = MatMul(%x, %w)
  %y = Div(%k, %p)
  return %y
}`,
    },
  ],
});
