import type { Attributes } from "../ir/attribute.ts";
import { describeNode, type OperatorNode, type ValueRef } from "../ir/graph.ts";
import { fromNumbers, toNumbers } from "../ir/tensor.ts";
import { defineRewrite, type MatchContext } from "./definition.ts";
import { affineNumbers, affineOps, type AffineStep, affineStep, all, at, type ChannelAffine, channelProblem, commonFloat, shapeText, staysFinite } from "./support/channel-affine.ts";
import { addDerivedConstant, mergedNotes, replaceRoot, requireUsedOnce } from "./support/replacement.ts";

interface Folded {
  readonly weight: Float64Array;
  /** undefined when there is neither a bias nor a shift */
  readonly bias: Float64Array | undefined;
}

/** Which axis of the constant right factor runs over the columns of the product. */
const columnAxis = (product: OperatorNode, context: MatchContext): 0 | 1 => (product.op === "Gemm" && context.attributes(product).int("transB", 0) !== 0 ? 0 : 1);

function foldNumbers(product: OperatorNode, affine: ChannelAffine, context: MatchContext): Folded {
  const [, weightRef, biasRef] = product.inputs;
  const weight = context.tensor(weightRef)!;
  const [rows, columns] = weight.dims as [number, number];
  const axis = columnAxis(product, context);
  const numbers = toNumbers(weight);
  const folded = Float64Array.from(numbers, (w, i) => w * at(affine.scale, axis === 1 ? i % columns : Math.floor(i / columns)));
  const count = axis === 1 ? columns : rows;
  const old = biasRef ? toNumbers(context.tensor(biasRef)!) : undefined;
  if (!old && all(affine.shift, (s) => s === 0)) return { weight: folded, bias: undefined };
  const beta = product.op === "Gemm" ? context.attributes(product).float("beta", 1) : 1;
  return { weight: folded, bias: Float64Array.from({ length: count }, (_, n) => (old ? beta * at(old, n) * at(affine.scale, n) : 0) + at(affine.shift, n)) };
}

export const affineIntoGemm = defineRewrite({
  name: "affine-into-gemm",
  title: "BatchNormalization, multiply and add into Gemm or MatMul",
  summary: "Folds a BatchNormalization in inference mode, or a Mul, Add, Sub or Div by a constant, into the constant right factor and bias of the Gemm or MatMul before it.",
  why: "Saves a pass over the activation.",
  exactness: "reassociates",
  roots: ["BatchNormalization", ...affineOps],
  preconditions: [
    { name: "follows a matrix product", doc: "The operand comes straight from a Gemm or MatMul, with no Reshape or Transpose between." },
    { name: "used once", doc: "The product is used by this node only, in the same graph, and is no output of the graph." },
    { name: "constants", doc: "The right factor (a matrix), the bias and all parameters are constants." },
    { name: "same precision", doc: "All of them have one floating-point type." },
    { name: "column axis only", doc: "Every parameter is one number, or has one number for each column of the product and varies on its last axis only. BatchNormalization acts on axis 1, so the product must have rank 2." },
    { name: "room for the shift", doc: "A shift needs the bias of a Gemm: the product has rank 2, and a bias it has already does not vary from row to row." },
    { name: "finite", doc: "The folded numbers are finite." },
  ],
  match(root, context) {
    const step = affineStep(root, context);
    if (!step) return undefined;
    const product = context.producer(step.data, "Gemm", "MatMul");
    if (!context.require("follows a matrix product", product !== undefined, () => (product ? describeNode(product) : `the operand comes from ${context.describe(step.data)}`)) || !product) return undefined;
    let holds = requireUsedOnce(context, "used once", step.data, root);
    const [, weightRef, biasRef] = product.inputs;
    const operands = [weightRef, ...(biasRef ? [biasRef] : [])];
    const computed = operands.filter((ref) => !context.constant(ref));
    const constant = computed.length === 0 && context.constant(weightRef)!.dims.length === 2;
    if (!context.require("constants", constant, () => (constant ? "the right factor is a constant matrix" : computed.length > 0 ? `${computed.map((ref) => context.describe(ref!)).join(", ")} is not constant` : `the right factor is ${context.type(weightRef).text}`))) return undefined;
    const element = commonFloat(context, [...operands, ...step.constants]);
    if (!context.require("same precision", element !== undefined, () => [...operands, ...step.constants].map((ref) => context.type(ref).text).join(", "))) return undefined;
    const rank = product.op === "Gemm" ? 2 : context.shape(product.inputs[0])?.length;
    const columns = context.constant(weightRef)!.dims[columnAxis(product, context)]!;
    const problem = columnProblem(root, step, context, rank, columns);
    if (!context.require("column axis only", problem === undefined ? true : rank === undefined ? "unknown" : "failed", problem ?? `${columns} columns`)) return undefined;
    const affine = affineNumbers(step, context);
    const shifts = !all(affine.shift, (s) => s === 0);
    const biasDims = context.constant(biasRef)?.dims ?? [];
    const rows = biasDims.length === 2 && biasDims[0] !== 1;
    const room = !rows && (!shifts || rank === 2);
    holds = context.require("room for the shift", room, () => (rows ? `the bias ${shapeText(biasDims)} varies from row to row` : room ? "there is" : `the product has rank ${rank ?? "unknown"}`)) && holds;
    // Folding reads every weight, so it is not begun where it comes to nothing.
    if (!holds) return undefined;
    const folded = foldNumbers(product, affine, context);
    const finite = staysFinite(element!, folded.weight, folded.bias ?? []);
    holds = context.require("finite", finite, finite ? "the folded numbers are finite" : "a folded number overflows or is not a number") && holds;
    return holds ? { nodes: [root.id, product.id], bindings: { product, step, folded } } : undefined;
  },
  rewrite(match, rewriter, context) {
    const root = context.find(match.root)!;
    const { product, step, folded } = match.bindings as unknown as { product: OperatorNode; step: AffineStep; folded: Folded };
    const [data, weightRef, biasRef] = product.inputs as [ValueRef, ValueRef, ValueRef | null | undefined];
    const weight = context.tensor(weightRef)!;
    const sources = step.constants.map((ref) => ref.node);
    const numbers = toNumbers(weight);
    const scaled = folded.weight.some((w, i) => w !== numbers[i]);
    const newWeight = scaled
      ? addDerivedConstant(match, rewriter, context, { tensor: fromNumbers(weight.element, weight.dims, folded.weight), like: weightRef, suffix: "folded", sources: [weightRef.node, ...sources], beside: product })
      : weightRef;
    const inputs = [data, newWeight];
    if (folded.bias)
      inputs.push(
        addDerivedConstant(match, rewriter, context, {
          tensor: fromNumbers(weight.element, [folded.bias.length], folded.bias),
          like: biasRef ?? step.constants[root.op === "BatchNormalization" ? 1 : 0]!,
          suffix: "folded",
          sources: [...(biasRef ? [biasRef.node] : []), ...sources],
          beside: product,
        }),
      );
    // The old beta is part of the folded bias.
    const { beta: _, ...attributes } = product.attributes as Record<string, Attributes[string]>;
    replaceRoot(match, rewriter, { op: product.op === "Gemm" || folded.bias ? "Gemm" : "MatMul", inputs, attributes, name: product.name, order: product.order, ...mergedNotes(product, root) });
  },
  examples: [
    {
      title: "BatchNormalization after a MatMul of matrices",
      before: `graph @main(%x: float32[N, 2]) -> (%y: float32[N, 2]) {
  %w = constant float32[2, 2] [1, 2, 3, 4]
  %scale = constant float32[2] [2, 3]
  %bias = constant float32[2] [1, 0]
  %mean = constant float32[2] [0, 1]
  %var = constant float32[2] [1, 1]
  %p = MatMul(%x, %w) "fc"
  %y = BatchNormalization(%p, %scale, %bias, %mean, %var) {epsilon = 0.0}
  return %y
}`,
      after: `graph @main(%x: float32[N, 2]) -> (%y: float32[N, 2]) {
  %w = constant float32[2, 2] [2, 6, 6, 12]
  %bias = constant float32[2] [1, -3]
  %y = Gemm(%x, %w, %bias) "fc"
  return %y
}`,
    },
    {
      title: "A transposed right factor, and a bias that beta weighs",
      before: `graph @main(%x: float32[N, 2]) -> (%y: float32[N, 2]) {
  %w = constant float32[2, 2] [1, 2, 3, 4]
  %b = constant float32[2] [1, 2]
  %s = constant float32[2] [10, 100]
  %p = Gemm(%x, %w, %b) {alpha = 0.5, beta = 2.0, transB = 1}
  %y = Mul(%p, %s)
  return %y
}`,
      after: `graph @main(%x: float32[N, 2]) -> (%y: float32[N, 2]) {
  %w = constant float32[2, 2] [10, 20, 300, 400]
  %b = constant float32[2] [20, 400]
  %y = Gemm(%x, %w, %b) {alpha = 0.5, transB = 1}
  return %y
}`,
    },
    {
      title: "A Transpose between turns columns into rows, even of a square matrix",
      fails: "follows a matrix product",
      before: `graph @main(%x: float32[2, 2]) -> (%y: float32[2, 2]) {
  %w = constant float32[2, 2] [1, 2, 3, 4]
  %scale = constant float32[2] [2, 3]
  %zero = constant float32[2] [0, 0]
  %one = constant float32[2] [1, 1]
  %p = MatMul(%x, %w)
  %t = Transpose(%p) {perm = [1, 0]}
  %y = BatchNormalization(%t, %scale, %zero, %zero, %one)
  return %y
}`,
      after: `graph @main(%x: float32[2, 2]) -> (%y: float32[2, 2]) {
  %w = constant float32[2, 2] [1, 2, 3, 4]
  %scale = constant float32[2] [2, 3]
  %zero = constant float32[2] [0, 0]
  %one = constant float32[2] [1, 1]
  %p = MatMul(%x, %w)
  %t = Transpose(%p) {perm = [1, 0]}
  %y = BatchNormalization(%t, %scale, %zero, %zero, %one)
  return %y
}`,
    },
    {
      title: "Axis 1 of a batch of products is not the column axis",
      fails: "column axis only",
      before: `graph @main(%x: float32[N, 2, 2]) -> (%y: float32[N, 2, 2]) {
  %w = constant float32[2, 2] [1, 2, 3, 4]
  %scale = constant float32[2] [2, 3]
  %zero = constant float32[2] [0, 0]
  %one = constant float32[2] [1, 1]
  %p = MatMul(%x, %w)
  %y = BatchNormalization(%p, %scale, %zero, %zero, %one)
  return %y
}`,
      after: `graph @main(%x: float32[N, 2, 2]) -> (%y: float32[N, 2, 2]) {
  %w = constant float32[2, 2] [1, 2, 3, 4]
  %scale = constant float32[2] [2, 3]
  %zero = constant float32[2] [0, 0]
  %one = constant float32[2] [1, 1]
  %p = MatMul(%x, %w)
  %y = BatchNormalization(%p, %scale, %zero, %zero, %one)
  return %y
}`,
    },
  ],
});

function columnProblem(root: OperatorNode, step: AffineStep, context: MatchContext, rank: number | undefined, columns: number): string | undefined {
  if (root.op === "BatchNormalization" && rank !== 2) return `the product has rank ${rank ?? "unknown"}, so axis 1 is not its last axis`;
  for (const ref of step.constants) {
    const { dims } = context.constant(ref)!;
    const problem = rank === undefined && dims.length > 0 ? "the rank of the product is unknown" : channelProblem(dims, rank, columns, (rank ?? 1) - 1);
    if (problem !== undefined) return problem;
  }
  return undefined;
}
