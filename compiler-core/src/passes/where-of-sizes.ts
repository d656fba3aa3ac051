import { shapesEqual } from "../ir/value-type.ts";
import { defineRewrite } from "./definition.ts";
import { requireReplaceable, takeOver } from "./support/replacement.ts";
import { sizeElements } from "./support/size-values.ts";

export const whereOfSizes = defineRewrite({
  name: "where-of-sizes",
  title: "Choice by sizes",
  summary: "Takes the last input of a Where whose condition asks whether sizes equal a negative number.",
  why: "Exporters of expand ask of every size whether it is -1. A size never is, so that the question, its constants and the choice go away.",
  exactness: "exact",
  roots: ["Where"],
  preconditions: [
    { name: "never equal", doc: "The condition is Equal of a vector of sizes and numbers, and of constants; at no place can the two be equal." },
    { name: "same shape", doc: "The last input is proven to have the shape of the result: the others do not widen it." },
    { name: "replaceable", doc: "The value is not both an input and an output of a graph, nor an output under two names." },
  ],
  match(root, context) {
    const equal = context.producer(root.inputs[0], "Equal");
    const chosen = root.inputs[2];
    const sides = equal?.inputs.map((ref) => sizeElements(ref, context));
    const [a, b] = sides ?? [];
    if (!chosen || !a || !b || (a.length !== b.length && a.length !== 1 && b.length !== 1)) return undefined;
    const length = Math.max(a.length, b.length);
    const at = (list: typeof a, i: number): (typeof a)[number] => list[list.length === 1 ? 0 : i]!;
    const maybe = Array.from({ length }, (_, i) => i).find((i) => {
      const [p, q] = [at(a, i), at(b, i)];
      if ("number" in p && "number" in q) return p.number === q.number;
      const number = "number" in p ? p.number : "number" in q ? q.number : 0;
      return number >= 0;
    });
    if (!context.require("never equal", maybe === undefined, () => (maybe === undefined ? "sizes are never negative" : `element ${maybe} may be equal`))) return undefined;
    const [before, after] = [context.shape(chosen), context.shape({ node: root.id, output: 0 })];
    let holds = context.require("same shape", shapesEqual(before ?? null, after ?? null) ? true : "unknown", () => `${context.type(chosen).text} and ${context.type({ node: root.id, output: 0 }).text}`);
    holds = requireReplaceable(context, "replaceable", { node: root.id, output: 0 }, chosen) && holds;
    return holds ? { nodes: [root.id, equal!.id], bindings: {} } : undefined;
  },
  rewrite(match, rewriter, context) {
    takeOver(rewriter, { node: match.root, output: 0 }, context.find(match.root)!.inputs[2]!);
    rewriter.removeDead([match.root]);
  },
  examples: [
    {
      title: "The target of an expand",
      before: `graph @main(%x: float32[N, 1], %z: float32[N, M]) -> (%y: float32[N, M]) {
  %minus = constant int64[2] [-1, -1]
  %ones = constant int64[2] [1, 1]
  %s = Shape(%z)
  %q = Equal(%s, %minus)
  %t = Where(%q, %ones, %s)
  %y = Expand(%x, %t)
  return %y
}`,
      after: `graph @main(%x: float32[N, 1], %z: float32[N, M]) -> (%y: float32[N, M]) {
  %s = Shape(%z)
  %y = Expand(%x, %s)
  return %y
}`,
    },
    {
      title: "A size may be 1",
      fails: "never equal",
      before: `graph @main(%z: float32[N, M]) -> (%y: int64[2]) {
  %one = constant int64[1] [1]
  %ones = constant int64[2] [5, 5]
  %s = Shape(%z)
  %q = Equal(%s, %one)
  %y = Where(%q, %ones, %s)
  return %y
}`,
      after: `graph @main(%z: float32[N, M]) -> (%y: int64[2]) {
  %one = constant int64[1] [1]
  %ones = constant int64[2] [5, 5]
  %s = Shape(%z)
  %q = Equal(%s, %one)
  %y = Where(%q, %ones, %s)
  return %y
}`,
    },
  ],
});
