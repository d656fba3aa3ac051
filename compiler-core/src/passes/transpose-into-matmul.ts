import { int } from "../ir/attribute.ts";
import type { OperatorNode } from "../ir/graph.ts";
import { defineRewrite, type MatchContext } from "./definition.ts";
import { commonFloat } from "./support/channel-affine.ts";
import { permutationOf } from "./support/permutation.ts";
import { mergedNotes, replaceRoot } from "./support/replacement.ts";

/** The Transpose that makes a factor, if it swaps the last two axes and no others. */
function swapOf(root: OperatorNode, place: number, context: MatchContext): OperatorNode | undefined {
  const node = context.producer(root.inputs[place], "Transpose");
  const perm = node && permutationOf(node, context);
  const swaps = perm && perm.length >= 2 && perm.every((axis, k) => axis === (k === perm.length - 2 ? perm.length - 1 : k === perm.length - 1 ? perm.length - 2 : k));
  return swaps ? node : undefined;
}

export const transposeIntoMatmul = defineRewrite({
  name: "transpose-into-matmul",
  title: "Transpose into MatMul",
  summary: "Reads a transposed factor of a product of two matrices as it was before, by writing the product as a Gemm; of batches of matrices that are both transposed, transposes the product instead.",
  why: "A transposed copy is never made: Gemm reads either layout, and a^T b^T is (b a)^T.",
  exactness: "reassociates",
  roots: ["MatMul"],
  preconditions: [
    { name: "transposed factor", doc: "A factor comes straight from a Transpose that swaps the last two axes and no others." },
    { name: "matrices, or both transposed", doc: "Both factors have rank 2, or both are so transposed, have one rank, and their Transposes are used only here." },
    { name: "same precision", doc: "Both factors have one floating-point type." },
  ],
  match(root, context) {
    if (!root.inputs.some((ref) => context.producer(ref, "Transpose"))) return undefined;
    const turns = [0, 1].map((place) => swapOf(root, place, context));
    const places: number[] = [0, 1].filter((place) => turns[place]);
    if (!context.require("transposed factor", places.length > 0, () => (places.length > 0 ? `input ${places.join(" and ")}` : "the Transpose does not swap the last two axes"))) return undefined;
    const ranks = root.inputs.map((ref) => context.shape(ref)?.length);
    const matrices = ranks.every((rank) => rank === 2);
    const both = !matrices && places.length === 2 && ranks[0] !== undefined && ranks[0] === ranks[1] && turns[0] !== turns[1] && [0, 1].every((place) => context.onlyUser(root.inputs[place]!)?.id === root.id);
    let holds = context.require("matrices, or both transposed", matrices || both ? true : ranks.some((rank) => rank === undefined) ? "unknown" : "failed", () => `ranks ${ranks[0] ?? "unknown"} and ${ranks[1] ?? "unknown"}, ${places.length} transposed`);
    holds = context.require("same precision", commonFloat(context, root.inputs) !== undefined, () => root.inputs.map((ref) => context.type(ref).text).join(", ")) && holds;
    return holds ? { nodes: [root.id, ...new Set(places.map((place) => turns[place]!.id))], bindings: { turns, matrices } } : undefined;
  },
  rewrite(match, rewriter, context) {
    const root = context.find(match.root)!;
    const { turns, matrices } = match.bindings as { turns: readonly (OperatorNode | undefined)[]; matrices: boolean };
    const inputs = root.inputs.map((ref, place) => turns[place]?.inputs[0] ?? ref);
    const place = { name: root.name, order: root.order, ...mergedNotes(root, ...turns.filter((turn) => turn !== undefined)) };
    if (matrices) {
      replaceRoot(match, rewriter, { op: "Gemm", inputs, attributes: { ...(turns[0] ? { transA: int(1) } : {}), ...(turns[1] ? { transB: int(1) } : {}) }, ...place });
      return;
    }
    const product = rewriter.addNode({ op: "MatMul", inputs: [inputs[1]!, inputs[0]!], outputs: [context.freshName(`${root.outputs[0]!.name}_turned`)], region: root.region, ...place });
    replaceRoot(match, rewriter, { op: "Transpose", inputs: [{ node: product, output: 0 }], attributes: turns[0]!.attributes, order: root.order });
  },
  examples: [
    {
      title: "A product with a transposed matrix",
      before: `graph @main(%x: float32[N, 2], %w: float32[3, 2]) -> (%y: float32[N, 3]) {
  %t = Transpose(%w) {perm = [1, 0]}
  %y = MatMul(%x, %t) "fc"
  return %y
}`,
      after: `graph @main(%x: float32[N, 2], %w: float32[3, 2]) -> (%y: float32[N, 3]) {
  %y = Gemm(%x, %w) {transB = 1} "fc"
  return %y
}`,
    },
    {
      title: "Two batches, both transposed",
      before: `graph @main(%x: float32[N, 2, 4], %z: float32[N, 3, 2]) -> (%y: float32[N, 4, 3]) {
  %a = Transpose(%x) {perm = [0, 2, 1]}
  %b = Transpose(%z) {perm = [0, 2, 1]}
  %y = MatMul(%a, %b)
  return %y
}`,
      after: `graph @main(%x: float32[N, 2, 4], %z: float32[N, 3, 2]) -> (%y: float32[N, 4, 3]) {
  %y_turned = MatMul(%z, %x)
  %y = Transpose(%y_turned) {perm = [0, 2, 1]}
  return %y
}`,
    },
    ...(
      [
        ["One of two batches", "matrices, or both transposed", "float32[N, 2, 4]", "float32[N, 2, 3]", "%a = Transpose(%x) {perm = [0, 2, 1]}\n  %y = MatMul(%a, %z)", "float32[N, 4, 3]"],
        ["Heads are moved, not the last two axes", "transposed factor", "float32[4, 4, 4, 4]", "float32[4, 4, 4, 4]", "%a = Transpose(%x) {perm = [0, 2, 1, 3]}\n  %y = MatMul(%a, %z)", "float32[4, 4, 4, 4]"],
        ["Integers have no Gemm everywhere", "same precision", "int32[2, 4]", "int32[2, 3]", "%a = Transpose(%x) {perm = [1, 0]}\n  %y = MatMul(%a, %z)", "int32[4, 3]"],
      ] as const
    ).map(([title, fails, x, z, body, y]) => {
      const text = `graph @main(%x: ${x}, %z: ${z}) -> (%y: ${y}) {\n  ${body}\n  return %y\n}`;
      return { title, fails, before: text, after: text };
    }),
  ],
});
