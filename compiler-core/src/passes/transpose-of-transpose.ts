import { ints } from "../ir/attribute.ts";
import { defineRewrite } from "./definition.ts";
import { permutationOf } from "./support/permutation.ts";

export const transposeOfTranspose = defineRewrite({
  name: "transpose-of-transpose",
  title: "Transpose of Transpose",
  summary: "Composes two permutations into one.",
  why: "The data is moved once. Where the two undo each other, the one that is left does nothing and is eliminated as a no-op.",
  exactness: "exact",
  roots: ["Transpose"],
  preconditions: [{ name: "known permutations", doc: "Both permutations are given, or the rank is known." }],
  match(root, context) {
    const inner = context.producer(root.inputs[0], "Transpose");
    if (!inner) return undefined;
    const first = permutationOf(inner, context);
    const second = permutationOf(root, context);
    const known = first !== undefined && second !== undefined && first.length === second.length;
    if (!context.require("known permutations", known ? true : "unknown", () => (known ? `[${first.join(", ")}], then [${second.join(", ")}]` : "the rank is unknown"))) return undefined;
    return { nodes: [root.id, inner.id], bindings: { perm: second!.map((axis) => first![axis]!) } };
  },
  rewrite(match, rewriter, context) {
    const inner = context.find(match.nodes[1]!)!;
    const root = context.find(match.root)!;
    rewriter.update(match.root, { inputs: [inner.inputs[0]!], attributes: { ...root.attributes, perm: ints(match.bindings.perm as number[]) } });
    rewriter.removeDead([inner.id]);
  },
  examples: [
    {
      title: "Two permutations",
      before: `graph @main(%x: float32[2, 3, 4]) -> (%y: float32[4, 2, 3]) {
  %a = Transpose(%x) {perm = [1, 0, 2]}
  %y = Transpose(%a) {perm = [2, 1, 0]}
  return %y
}`,
      after: `graph @main(%x: float32[2, 3, 4]) -> (%y: float32[4, 2, 3]) {
  %y = Transpose(%x) {perm = [2, 0, 1]}
  return %y
}`,
    },
    {
      title: "Reversed twice, at an unknown rank",
      fails: "known permutations",
      before: `graph @main(%x: float32[*]) -> (%y: float32[*]) {
  %a = Transpose(%x)
  %y = Transpose(%a)
  return %y
}`,
      after: `graph @main(%x: float32[*]) -> (%y: float32[*]) {
  %a = Transpose(%x)
  %y = Transpose(%a)
  return %y
}`,
    },
  ],
});
