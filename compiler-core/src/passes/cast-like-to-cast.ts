import { int } from "../ir/attribute.ts";
import { elementOf } from "../ir/value-type.ts";
import { codeOfElement } from "../ops/support/element-codes.ts";
import { defineRewrite } from "./definition.ts";

export const castLikeToCast = defineRewrite({
  name: "cast-like-to-cast",
  title: "CastLike to Cast",
  summary: "Names the element type that a CastLike takes from its second input.",
  why: "A Cast of a constant folds and a Cast to the same type goes away, while a CastLike ties the value to a tensor that it does not read.",
  exactness: "exact",
  roots: ["CastLike"],
  preconditions: [{ name: "known type", doc: "The element type of the second input is known." }],
  match(root, context) {
    const element = elementOf(context.type(root.inputs[1]));
    return context.require("known type", element === null ? "unknown" : true, () => context.type(root.inputs[1]).text) ? { nodes: [root.id], bindings: { element } } : undefined;
  },
  rewrite(match, rewriter, context) {
    const root = context.find(match.root)!;
    rewriter.update(match.root, { op: "Cast", inputs: [root.inputs[0]!], attributes: { ...root.attributes, to: int(codeOfElement(match.bindings.element as "float32")) } });
  },
  examples: [
    {
      title: "Like a float32 input",
      before: `graph @main(%x: float32[N, 4], %n: int64[]) -> (%y: float32[N, 4]) {
  %c = CastLike(%n, %x)
  %y = Mul(%x, %c)
  return %y
}`,
      after: `graph @main(%x: float32[N, 4], %n: int64[]) -> (%y: float32[N, 4]) {
  %c = Cast(%n) {to = 1}
  %y = Mul(%x, %c)
  return %y
}`,
    },
    {
      title: "Like a value of unknown type",
      fails: "known type",
      before: `graph @main(%x, %n: int64[]) -> (%y) {
  %y = CastLike(%n, %x)
  return %y
}`,
      after: `graph @main(%x, %n: int64[]) -> (%y) {
  %y = CastLike(%n, %x)
  return %y
}`,
    },
  ],
});
