import { int } from "../ir/attribute.ts";
import type { ValueRef } from "../ir/graph.ts";
import { defineRewrite, type MatchContext } from "./definition.ts";
import { permutationOf } from "./support/permutation.ts";

/** The Transpose of a matrix that makes `ref`. */
function matrixTranspose(ref: ValueRef | null | undefined, context: MatchContext): number | undefined {
  const node = context.producer(ref, "Transpose");
  const perm = node && permutationOf(node, context);
  return perm?.join() === "1,0" ? node!.id : undefined;
}

export const transposeIntoGemm = defineRewrite({
  name: "transpose-into-gemm",
  title: "Transpose into Gemm",
  summary: "Reads a transposed factor of a Gemm as it was before, by transA or transB.",
  why: "The transposed copy is never made; Gemm reads either layout.",
  exactness: "exact",
  roots: ["Gemm"],
  preconditions: [{ name: "transposed factor", doc: "A factor comes straight from a Transpose that swaps the two axes of a matrix." }],
  match(root, context) {
    const transposes = [0, 1].filter((i) => context.producer(root.inputs[i], "Transpose"));
    if (transposes.length === 0) return undefined;
    const places = transposes.filter((i) => matrixTranspose(root.inputs[i], context) !== undefined);
    if (!context.require("transposed factor", places.length > 0, () => (places.length > 0 ? `input ${places.join(" and ")}` : "the Transpose does not swap two axes"))) return undefined;
    return { nodes: [root.id, ...new Set(places.map((i) => root.inputs[i]!.node))], bindings: { places } };
  },
  rewrite(match, rewriter, context) {
    const root = context.find(match.root)!;
    const inputs = [...root.inputs];
    const attributes = { ...root.attributes };
    for (const place of match.bindings.places as readonly number[]) {
      const name = place === 0 ? "transA" : "transB";
      const flipped = context.attributes(root).int(name, 0) === 0;
      inputs[place] = context.find(inputs[place]!.node)!.inputs[0]!;
      if (flipped) attributes[name] = int(1);
      else delete attributes[name];
    }
    rewriter.update(root.id, { inputs, attributes });
    rewriter.removeDead(match.nodes.slice(1));
  },
  examples: [
    {
      title: "Both factors",
      before: `graph @main(%x: float32[2, N], %w: float32[2, 3]) -> (%y: float32[N, 3]) {
  %a = Transpose(%x) {perm = [1, 0]}
  %b = Transpose(%w)
  %y = Gemm(%a, %b) {transB = 1}
  return %y
}`,
      after: `graph @main(%x: float32[2, N], %w: float32[2, 3]) -> (%y: float32[N, 3]) {
  %y = Gemm(%x, %w) {transA = 1}
  return %y
}`,
    },
    {
      title: "A Transpose that leaves the axes where they are",
      fails: "transposed factor",
      before: `graph @main(%x: float32[N, 2], %w: float32[2, 3]) -> (%y: float32[N, 3]) {
  %a = Transpose(%x) {perm = [0, 1]}
  %y = Gemm(%a, %w)
  return %y
}`,
      after: `graph @main(%x: float32[N, 2], %w: float32[2, 3]) -> (%y: float32[N, 3]) {
  %a = Transpose(%x) {perm = [0, 1]}
  %y = Gemm(%a, %w)
  return %y
}`,
    },
  ],
});
