import { int } from "../ir/attribute.ts";
import { type OperatorNode, type ValueRef } from "../ir/graph.ts";
import { fromNumbers, toNumbers } from "../ir/tensor.ts";
import { packColumns } from "../ops/support/blocked.ts";
import { defineRewrite, type MatchContext } from "./definition.ts";
import { Builder, floatShape } from "./support/blocked-layout.ts";
import { mergedNotes, replaceRoot } from "./support/replacement.ts";
import { isSmallWeight, type Packed, type SmallWeight, smallWeight, type Spread, widened } from "./support/small-weight.ts";

interface Product {
  readonly left: ValueRef;
  readonly right: ValueRef;
  readonly transposed: boolean;
  readonly scale: number;
  readonly bias: ValueRef | undefined;
  readonly biasScale: number;
}

function productOf(root: OperatorNode, context: MatchContext): Product | string {
  const [left, right, c] = root.inputs as [ValueRef, ValueRef, ValueRef?];
  if (root.op === "MatMul") return { left, right, transposed: false, scale: 1, bias: undefined, biasScale: 0 };
  const a = context.attributes(root);
  if (a.int("transA", 0) !== 0) return "the left factor is transposed";
  const beta = a.float("beta", 1);
  const bias = c && beta !== 0 ? c : undefined;
  const columns = floatShape({ node: root.id, output: 0 }, context)?.[1];
  const dims = bias && context.constant(bias) ? context.tensor(bias)!.dims : [columns ?? 0];
  if (bias && (!context.constant(bias) || dims.reduce((p, q) => p * q, 1) !== columns || dims.at(-1) !== columns)) return "the bias is not a constant row";
  return { left, right, transposed: a.int("transB", 0) !== 0, scale: a.float("alpha", 1), bias, biasScale: beta };
}

/** A matrix's scales or zero points in panels, and how many rows share one: [ceil(columns / b), rows or 1, b], or one for all columns. */
function packSpread({ counts, sizes, numbers }: Spread, transposed: boolean, columns: number, block: number, times = 1): { packed: Packed; block: number } | undefined {
  const [k, n] = transposed ? [1, 0] : [0, 1];
  if (counts[n] !== 1 && (counts[n] !== columns || sizes[n] !== 1)) return undefined;
  const rows = counts[k]!;
  const at = (row: number, column: number): number => Number(numbers[transposed ? (counts[0] === 1 ? 0 : column) * counts[1]! + row : row * counts[1]! + (counts[1] === 1 ? 0 : column)]) * times;
  const shared = rows === 1 ? 0 : sizes[k]!;
  if (counts[n] === 1) return { packed: { dims: [1, rows, 1], numbers: Float32Array.from({ length: rows }, (_, row) => at(row, 0)) }, block: shared };
  return { packed: packColumns(Float32Array.from({ length: rows * columns }, (_, i) => at(Math.floor(i / columns), i % columns)), rows, columns, block), block: shared };
}

const fewestBits = (weight: SmallWeight, transposed: boolean, columns: number, block: number): boolean =>
  [weight.scale, weight.zero].every((s) => !s || packSpread({ ...s, numbers: [] }, transposed, columns, block) !== undefined);

export const packMatMul = defineRewrite({
  name: "pack-mat-mul",
  title: "Matrix product by packed columns",
  summary: "Multiplies by a constant matrix that is packed in panels of columns, in the order in which the kernel reads it.",
  why: "The kernel reads one panel from its beginning to its end for each strip of rows, a vector at a time; packing costs nothing at run time.",
  exactness: "reassociates",
  roots: ["MatMul", "Gemm"],
  preconditions: [
    { name: "static float32", doc: "Both factors are float32 with static shapes, the right one a matrix." },
    { name: "constant right factor", doc: "The right factor is a constant, or a Cast or DequantizeLinear makes it of constants in fewer bits, which it stays in; the left one is not transposed, and a bias is a constant row." },
    { name: "wide enough", doc: "The product has columns for half a panel at least." },
  ],
  match(root, context, options) {
    const product = productOf(root, context);
    const left = floatShape(root.inputs[0], context);
    const right = floatShape(root.inputs[1], context);
    const known = left !== undefined && left.length >= 2 && right?.length === 2;
    if (!context.require("static float32", known, () => `${context.type(root.inputs[0]).text} by ${context.type(root.inputs[1]).text}`)) return undefined;
    const columns = floatShape({ node: root.id, output: 0 }, context)?.at(-1) ?? 0;
    const small = typeof product !== "string" && isSmallWeight(root.inputs[1], context) ? smallWeight(root.inputs[1], context) : undefined;
    const stored = small !== undefined && typeof product !== "string" && fewestBits(small, product.transposed, columns, options.channelBlock);
    let holds = context.require("constant right factor", typeof product !== "string" && (context.constant(root.inputs[1]) !== undefined || stored), () => (typeof product === "string" ? product : stored ? `stored as ${small.element}` : "the right factor"));
    holds = context.require("wide enough", 2 * columns >= options.channelBlock, `${columns} columns`) && holds;
    return holds ? { nodes: [root.id], bindings: { product } } : undefined;
  },
  rewrite(match, rewriter, context, options) {
    const root = context.find(match.root)!;
    const { left, right, transposed, scale, bias, biasScale } = match.bindings.product as Product;
    const builder = new Builder(rewriter, context, root);
    const widenedColumns = (weight: SmallWeight, packed: Packed): ValueRef => {
      const columns = transposed ? weight.dims[0]! : weight.dims[1]!;
      const [s, z] = [weight.scale ?? (scale === 1 ? undefined : { counts: [1, 1], sizes: weight.dims, numbers: [1] }), weight.zero].map((spread, i) => spread && packSpread(spread, transposed, columns, options.channelBlock, i === 0 ? scale : 1));
      return widened(builder, weight, context.graph.valueName(weight.from) || root.outputs[0]!.name, packed, s?.packed, z?.packed, s?.block ?? 0);
    };
    const small = smallWeight(right, context);
    const tensor = small ? undefined : context.tensor(right)!;
    const [p, q] = (small ?? tensor!).dims as [number, number];
    const [rows, columns] = transposed ? [q, p] : [p, q];
    const numbers = new Float32Array(small ? small.numbers : toNumbers(tensor!));
    const ordered = transposed ? Float32Array.from({ length: p * q }, (_, i) => numbers[(i % columns) * rows + Math.floor(i / columns)]!) : numbers;
    if (scale !== 1 && !small) for (let i = 0; i < ordered.length; i++) ordered[i]! *= scale;
    const packed = packColumns(ordered, rows, columns, options.channelBlock);
    const inputs = [left, small ? widenedColumns(small, packed) : builder.packed(packed, right, "packed")];
    if (bias) {
      const values = Float32Array.from(toNumbers(context.tensor(bias)!), (x) => x * biasScale);
      inputs.push(context.tensor(bias)!.dims.length === 1 && biasScale === 1 ? bias : builder.constant(fromNumbers("float32", [columns], values), `${context.graph.valueName(bias)}_row`, [bias]));
    }
    replaceRoot(match, rewriter, { op: "PackedMatMul", domain: "graphwright", inputs, attributes: { columns: int(columns) }, name: root.name, order: root.order, ...mergedNotes(root) });
  },
  examples: [
    {
      title: "Columns in panels of two",
      options: { channelBlock: 2 },
      before: `graph @main(%x: float32[1, 4, 2]) -> (%y: float32[1, 4, 3]) {
  %w = constant float32[2, 3] [1, 2, 3, 4, 5, 6]
  %y = MatMul(%x, %w) "fc"
  return %y
}`,
      after: `graph @main(%x: float32[1, 4, 2]) -> (%y: float32[1, 4, 3]) {
  %w_packed = constant float32[2, 2, 2] [1, 2, 4, 5, 3, 0, 6, 0]
  %y: float32[1, 4, 3] = graphwright.PackedMatMul(%x, %w_packed) {columns = 3} "fc"
  return %y
}`,
    },
    {
      title: "A Gemm with its factors and its bias",
      options: { channelBlock: 2 },
      before: `graph @main(%x: float32[4, 2]) -> (%y: float32[4, 2]) {
  %w = constant float32[2, 2] [1, 2, 3, 4]
  %b = constant float32[1, 2] [1, 2]
  %y = Gemm(%x, %w, %b) {alpha = 0.5, transB = 1} "fc"
  return %y
}`,
      after: `graph @main(%x: float32[4, 2]) -> (%y: float32[4, 2]) {
  %w_packed = constant float32[1, 2, 2] [0.5, 1.5, 1, 2]
  %b_row = constant float32[2] [1, 2]
  %y: float32[4, 2] = graphwright.PackedMatMul(%x, %w_packed, %b_row) {columns = 2} "fc"
  return %y
}`,
    },
    {
      title: "A product of two computed matrices",
      fails: "constant right factor",
      options: { channelBlock: 2 },
      before: `graph @main(%x: float32[4, 2], %z: float32[2, 2]) -> (%y: float32[4, 2]) {
  %y = MatMul(%x, %z)
  return %y
}`,
      after: `graph @main(%x: float32[4, 2], %z: float32[2, 2]) -> (%y: float32[4, 2]) {
  %y = MatMul(%x, %z)
  return %y
}`,
    },
  ],
});
