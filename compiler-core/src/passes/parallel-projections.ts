import { int } from "../ir/attribute.ts";
import { ConstantValue } from "../ir/constant.ts";
import { type OperatorNode, sameValue, type ValueRef } from "../ir/graph.ts";
import { fromNumbers, int64Vector, type Tensor, toNumbers } from "../ir/tensor.ts";
import { elementOf } from "../ir/value-type.ts";
import { defineRewrite, type MatchContext } from "./definition.ts";
import { commonFloat } from "./support/channel-affine.ts";
import { mergedNotes } from "./support/replacement.ts";

/** A MatMul by a constant matrix, with the constant vector that is added to it, if all of its uses are that sum. */
interface Projection {
  readonly product: OperatorNode;
  readonly sum?: OperatorNode;
  readonly weight: ValueRef;
  readonly bias?: ValueRef;
  readonly columns: number;
}

function projectionAt(node: OperatorNode, context: MatchContext): Projection | undefined {
  const weight = node.inputs[1]!;
  const constant = context.constant(weight);
  if (node.domain !== "" || node.op !== "MatMul" || constant?.dims.length !== 2) return undefined;
  const columns = constant.dims[1]!;
  const value = { node: node.id, output: 0 };
  const user = context.onlyUser(value);
  const bias = user?.domain === "" && user.op === "Add" && !context.isResult(value) ? user.inputs.find((ref) => !sameValue(ref, value)) : undefined;
  const dims = context.constant(bias)?.dims;
  return user && bias && dims?.length === 1 && dims[0] === columns ? { product: node, sum: user, weight, bias, columns } : { product: node, weight, columns };
}

/** Columns side by side. */
function joinColumns(tensors: readonly Tensor[]): Tensor {
  const rows = tensors[0]!.dims[0]!;
  const widths = tensors.map((t) => t.dims[1]!);
  const total = widths.reduce((a, b) => a + b, 0);
  const joined = new Float64Array(rows * total);
  let at = 0;
  for (const [i, tensor] of tensors.entries()) {
    const numbers = toNumbers(tensor);
    for (let row = 0; row < rows; row++) joined.set(numbers.subarray(row * widths[i]!, (row + 1) * widths[i]!), row * total + at);
    at += widths[i]!;
  }
  return fromNumbers(tensors[0]!.element, [rows, total], joined);
}

export const parallelProjections = defineRewrite({
  name: "parallel-projections",
  title: "Parallel projections",
  summary: "Multiplies a value by several constant matrices at once, their columns side by side, and splits the product; the biases go along.",
  why: "Query, key and value of attention are one larger matrix product, which reads the value once.",
  exactness: "reassociates",
  roots: ["MatMul"],
  preconditions: [
    { name: "one left factor", doc: "Other MatMuls by constant matrices have the same left factor, in the same graph." },
    { name: "alike", doc: "Weights and biases have one floating-point type, and weights are used by their product only. Where some have a constant vector added to them, zeros are added to the others." },
    { name: "three or more", doc: "Of two products nothing is won: one and a Split are as many nodes, and an activation that follows one of them can no longer be fused with it." },
    { name: "known rank", doc: "The product's rank is 2 or more." },
  ],
  match(root, context) {
    const data = root.inputs[0];
    const own = projectionAt(root, context);
    if (!data || !own) return undefined;
    const uses = context.graph.usesOfValue(data);
    const others = uses.flatMap((use) => {
      const user = use.kind === "input" && use.index === 0 ? context.find(use.user) : undefined;
      return user && user.region === root.region ? (projectionAt(user, context) ?? []) : [];
    });
    if (others.length < 2) return undefined;
    // The first of them is the root.
    const first = others.reduce((a, b) => (b.product.order < a.product.order || (b.product.order === a.product.order && b.product.id < a.product.id) ? b : a));
    if (!context.require("one left factor", first.product.id === root.id, () => (first.product.id === root.id ? `${others.length} products` : `${context.describe({ node: first.product.id, output: 0 })} comes first`))) return undefined;
    const alike = others.filter((p) => context.graph.usesOf(p.weight.node).length === 1 && commonFloat(context, [p.weight, own.weight, ...(p.bias ? [p.bias] : [])]) !== undefined);
    if (!context.require("alike", alike.length > 1 && alike.some((p) => p.product.id === root.id), () => `${alike.length} of ${others.length} are`)) return undefined;
    let holds = context.require("three or more", alike.length >= 3, `${alike.length} products`);
    const rank = context.shape(data)?.length;
    holds = context.require("known rank", rank === undefined ? "unknown" : rank >= 2, `rank ${rank ?? "unknown"}`) && holds;
    const sorted = [...alike].sort((a, b) => a.product.order - b.product.order || a.product.id - b.product.id);
    return holds ? { nodes: sorted.flatMap((p) => [p.product.id, ...(p.sum ? [p.sum.id] : [])]), bindings: { projections: sorted } } : undefined;
  },
  rewrite(match, rewriter, context) {
    const projections = match.bindings.projections as readonly Projection[];
    const first = projections[0]!;
    const { product } = first;
    const at = { region: product.region, order: product.order };
    const constant = (tensor: Tensor, base: string, sources: readonly ValueRef[]): ValueRef => {
      const ref = rewriter.addConstant({ value: ConstantValue.of(tensor), name: context.freshName(base), ...at });
      if (sources.length > 0) rewriter.derive("fold", sources.map((s) => s.node), [ref.node]);
      return ref;
    };
    const name = product.outputs[0]!.name;
    const weights = projections.map((p) => p.weight);
    const weight = constant(joinColumns(weights.map((ref) => context.tensor(ref)!)), `${context.graph.valueName(weights[0]!) || name}_joined`, weights);
    const nodes = projections.flatMap((p) => [p.product, ...(p.sum ? [p.sum] : [])]);
    let joined = rewriter.addNode({ op: "MatMul", inputs: [product.inputs[0]!, weight], outputs: [context.freshName(`${name}_joined`)], name: product.name, ...at, ...mergedNotes(...nodes) });
    const made = [joined];
    const summed = projections.filter((p) => p.sum !== undefined);
    if (summed.length > 0) {
      const biases = summed.map((p) => p.bias!);
      const numbers = projections.flatMap((p) => (p.bias ? Array.from(toNumbers(context.tensor(p.bias)!)) : Array<number>(p.columns).fill(0)));
      const bias = constant(fromNumbers(elementOf(context.type(biases[0]!))!, [numbers.length], numbers), `${context.graph.valueName(biases[0]!) || name}_joined`, biases);
      const { sum } = summed[0]!;
      joined = rewriter.addNode({ op: "Add", inputs: [{ node: joined, output: 0 }, bias], outputs: [context.freshName(`${sum!.outputs[0]!.name}_joined`)], name: sum!.name, ...at });
      made.push(joined);
    }
    const sizes = constant({ ...int64Vector(projections.map((p) => p.columns)) }, `${name}_sizes`, []);
    const results = projections.map((p) => p.sum ?? p.product);
    const split = rewriter.addNode({ op: "Split", inputs: [{ node: joined, output: 0 }, sizes], attributes: { axis: int(-1) }, outputs: results.map((node) => node.outputs[0]!), ...at });
    made.push(split);
    rewriter.derive("fuse", match.nodes, made);
    for (const [output, node] of results.entries()) rewriter.replaceUses({ node: node.id, output: 0 }, { node: split, output });
    rewriter.removeDead(results.map((node) => node.id));
  },
  examples: [
    {
      title: "Query, key and value, with biases",
      before: `graph @main(%x: float32[N, 2]) -> (%q: float32[N, 2], %k: float32[N, 1], %v: float32[N, 2]) {
  %wq = constant float32[2, 2] [1, 2, 3, 4]
  %wk = constant float32[2, 1] [5, 6]
  %wv = constant float32[2, 2] [7, 8, 9, 10]
  %bq = constant float32[2] [1, 2]
  %bk = constant float32[1] [3]
  %bv = constant float32[2] [4, 5]
  %pq = MatMul(%x, %wq) "query"
  %q = Add(%pq, %bq)
  %pk = MatMul(%x, %wk) "key"
  %k = Add(%bk, %pk)
  %pv = MatMul(%x, %wv) "value"
  %v = Add(%pv, %bv)
  return %q, %k, %v
}`,
      after: `graph @main(%x: float32[N, 2]) -> (%q: float32[N, 2], %k: float32[N, 1], %v: float32[N, 2]) {
  %wq_joined = constant float32[2, 5] [1, 2, 5, 7, 8, 3, 4, 6, 9, 10]
  %pq_joined = MatMul(%x, %wq_joined) "query"
  %bq_joined = constant float32[5] [1, 2, 3, 4, 5]
  %q_joined = Add(%pq_joined, %bq_joined)
  %pq_sizes = constant int64[3] [2, 1, 2]
  %q, %k, %v = Split(%q_joined, %pq_sizes) {axis = -1}
  return %q, %k, %v
}`,
    },
    {
      title: "A key without a bias",
      before: `graph @main(%x: float32[N, 2]) -> (%q: float32[N, 2], %k: float32[N, 1], %v: float32[N, 2]) {
  %wq = constant float32[2, 2] [1, 2, 3, 4]
  %wk = constant float32[2, 1] [5, 6]
  %wv = constant float32[2, 2] [7, 8, 9, 10]
  %bq = constant float32[2] [1, 2]
  %bv = constant float32[2] [4, 5]
  %k = MatMul(%x, %wk) "key"
  %pq = MatMul(%x, %wq) "query"
  %q = Add(%pq, %bq)
  %pv = MatMul(%x, %wv) "value"
  %v = Add(%pv, %bv)
  return %q, %k, %v
}`,
      after: `graph @main(%x: float32[N, 2]) -> (%q: float32[N, 2], %k: float32[N, 1], %v: float32[N, 2]) {
  %wk_joined = constant float32[2, 5] [5, 1, 2, 7, 8, 6, 3, 4, 9, 10]
  %k_joined = MatMul(%x, %wk_joined) "key"
  %bq_joined = constant float32[5] [0, 1, 2, 4, 5]
  %q_joined = Add(%k_joined, %bq_joined)
  %k_sizes = constant int64[3] [1, 2, 2]
  %k, %q, %v = Split(%q_joined, %k_sizes) {axis = -1}
  return %q, %k, %v
}`,
    },
    {
      title: "Two products would stay two nodes",
      fails: "three or more",
      before: `graph @main(%x: float32[N, 2]) -> (%q: float32[N, 2], %k: float32[N, 1]) {
  %wq = constant float32[2, 2] [1, 2, 3, 4]
  %wk = constant float32[2, 1] [5, 6]
  %q = MatMul(%x, %wq)
  %k = MatMul(%x, %wk)
  return %q, %k
}`,
      after: `graph @main(%x: float32[N, 2]) -> (%q: float32[N, 2], %k: float32[N, 1]) {
  %wq = constant float32[2, 2] [1, 2, 3, 4]
  %wk = constant float32[2, 1] [5, 6]
  %q = MatMul(%x, %wq)
  %k = MatMul(%x, %wk)
  return %q, %k
}`,
    },
  ],
});
