import { int } from "../ir/attribute.ts";
import type { ValueRef } from "../ir/graph.ts";
import { toNumbers } from "../ir/tensor.ts";
import { elementCount } from "../ir/value-type.ts";
import { strassenColumns } from "../ops/support/strassen.ts";
import { defineRewrite } from "./definition.ts";
import { Builder, floatShape } from "./support/blocked-layout.ts";
import { mergedNotes, replaceRoot } from "./support/replacement.ts";

/** Fewer rows than this do not fill the register tiles of two halves, nor hide the weights' way from memory. */
const fewestRows = 64;
/** Of an odd number of rows one has zeros for its other half: of fewer it would take too much of what is won. */
const fewestOdd = 21;

/** Harmonic mean: sums of quarters take time with rows * (depth + columns), what is saved with rows * depth * columns. */
export const strassenSize = (depth: number, columns: number): number => (2 * depth * columns) / (depth + columns);

/** The axis, from the end of the data's shape, by which rows are halved: the innermost even one, or the longest. */
function bestAxis(lead: readonly number[]): number | undefined {
  const even = lead.findLastIndex((n) => n > 0 && n % 2 === 0);
  const axis = even >= 0 ? even : lead.indexOf(Math.max(...lead));
  return even >= 0 || lead[axis]! >= fewestOdd ? axis - lead.length - 1 : undefined;
}

export const strassenProduct = defineRewrite({
  name: "strassen-product",
  title: "Matrix product by Strassen's algorithm",
  summary: "Multiplies by a large constant matrix with seven products of halves instead of eight, whose right factors are worked out beforehand.",
  why: "Where a product already runs at the peak of the machine, fewer multiplications are all that is left to win: an eighth of them. The price is rounding, a few times the error of multiplying directly, and weights of seven quarters instead of four.",
  exactness: "reassociates",
  roots: ["graphwright.PackedMatMul"],
  preconditions: [
    { name: "allowed", doc: "The option `strassen`, the least size, is not 0, which multiplies everything directly.", budget: true },
    { name: "even halves", doc: "The right factor is a constant of whole panels, and the panels and the depth of the product are even in number." },
    { name: "worth it", doc: `There are ${fewestRows} rows at least, and the size, the harmonic mean of depth and columns, reaches the option: an eighth of the multiplications then takes more time than the sums of quarters.` },
  ],
  match(root, context, options) {
    const data = floatShape(root.inputs[0], context);
    const panels = floatShape(root.inputs[1], context);
    const columns = floatShape({ node: root.id, output: 0 }, context)?.at(-1);
    if (!data || panels?.length !== 3 || columns === undefined) return undefined;
    const [lead, depth] = [data.slice(0, -1), data.at(-1)!];
    const rows = elementCount(lead);
    const whole = context.constant(root.inputs[1]) !== undefined && panels[0]! * panels[2]! === columns && [depth, panels[0]!].every((n) => n % 2 === 0);
    let holds = context.require("allowed", options.strassen > 0, `strassen is ${options.strassen}`);
    holds = context.require("even halves", whole, () => `depth ${depth}, ${columns} columns`) && holds;
    const size = strassenSize(depth, columns);
    const axis = options.strassenAt ? options.strassenAt.get(root.id) : rows >= fewestRows && size >= options.strassen ? bestAxis(lead) : undefined;
    holds = context.require("worth it", axis !== undefined, () => `${rows} rows, size ${Math.floor(size)}`) && holds;
    return holds ? { nodes: [root.id], bindings: { axis } } : undefined;
  },
  rewrite(match, rewriter, context) {
    const root = context.find(match.root)!;
    const [x, w, b] = root.inputs as [ValueRef, ValueRef, ValueRef?];
    const tensor = context.tensor(w)!;
    const columns = strassenColumns(toNumbers(tensor), tensor.dims as [number, number, number]);
    const inputs = [x, new Builder(rewriter, context, root).packed(columns, w, "combined"), ...(b ? [b] : [])];
    replaceRoot(match, rewriter, { op: "StrassenMatMul", domain: "graphwright", inputs, attributes: { axis: int(match.bindings.axis as number) }, name: root.name, order: root.order, ...mergedNotes(root) });
  },
  examples: [
    {
      title: "Seven products of halves",
      options: { channelBlock: 1, strassen: 2 },
      before: `graph @main(%x: float32[64, 2]) -> (%y: float32[64, 2]) {
  %w = constant float32[2, 2, 1] [1, 2, 3, 4]
  %b = constant float32[2] [5, 6]
  %y = graphwright.PackedMatMul(%x, %w, %b) {columns = 2} "fc"
  return %y
}`,
      after: `graph @main(%x: float32[64, 2]) -> (%y: float32[64, 2]) {
  %b = constant float32[2] [5, 6]
  %w_combined = constant float32[7, 1, 1, 1] [5, 1, -1, 1, 4, 4, 6]
  %y: float32[64, 2] = graphwright.StrassenMatMul(%x, %w_combined, %b) {axis = -2} "fc"
  return %y
}`,
    },
    {
      title: "A depth that cannot be halved",
      fails: "even halves",
      options: { channelBlock: 1, strassen: 2 },
      before: `graph @main(%x: float32[64, 3]) -> (%y: float32[64, 2]) {
  %w = constant float32[2, 3, 1] [1, 2, 3, 4, 5, 6]
  %y = graphwright.PackedMatMul(%x, %w) {columns = 2} "fc"
  return %y
}`,
      after: `graph @main(%x: float32[64, 3]) -> (%y: float32[64, 2]) {
  %w = constant float32[2, 3, 1] [1, 2, 3, 4, 5, 6]
  %y = graphwright.PackedMatMul(%x, %w) {columns = 2} "fc"
  return %y
}`,
    },
  ],
});
