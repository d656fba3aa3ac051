import { elementKind, elementTypes, type ElementType } from "../ir/element-type.ts";
import { defineRewrite } from "./definition.ts";

/** Whole numbers up to 2^bits are exact. */
const significand: Partial<Record<ElementType, number>> = { float64: 53, float32: 24, float16: 11, bfloat16: 8 };

/** Whether every value of `from` is a value of `to`. */
export function losesNothing(from: ElementType, to: ElementType): boolean {
  if (from === to) return true;
  const [a, b] = [elementKind(from), elementKind(to)];
  if (a === "string" || b === "string" || a === "complex" || b === "complex") return false;
  if (a === "bool") return b !== "bool" && (b !== "float" || to in significand);
  if (b === "bool") return false;
  const [m, n] = [elementTypes[from].bits, elementTypes[to].bits];
  if (b === "float") {
    const digits = significand[to];
    if (digits === undefined) return false;
    if (a !== "float") return (a === "int" ? m - 1 : m) <= digits;
    return (to === "float64" && from in significand) || (to === "float32" && (from === "float16" || from === "bfloat16"));
  }
  if (a === "float") return false;
  if (a === "uint") return b === "uint" ? n >= m : n > m;
  return b === "int" && n >= m;
}

export const castChain = defineRewrite({
  name: "cast-chain",
  title: "Cast chain",
  summary: "Casts straight to the last type, where the type between holds every value of the first.",
  why: "One pass over the data instead of two.",
  exactness: "exact",
  roots: ["Cast"],
  preconditions: [{ name: "loses nothing", doc: "Every value of the first type is a value of the type between: float16 to float32 to int8 is float16 to int8, but float32 to float16 to float32 rounds." }],
  match(root, context) {
    const inner = context.producer(root.inputs[0], "Cast");
    if (!inner) return undefined;
    const elements = [inner.inputs[0], root.inputs[0], { node: root.id, output: 0 }].map((ref) => {
      const type = context.type(ref);
      return type.kind === "tensor" ? type.element : null;
    });
    const [from, between, to] = elements;
    const known = from && between && to;
    // Text shows how many digits a type has, and narrow floats have their own overflow rules.
    const holds = known && losesNothing(from, between) && elementKind(to) !== "string";
    if (!context.require("loses nothing", known ? Boolean(holds) : "unknown", elements.map((e) => e ?? "unknown").join(" to "))) return undefined;
    return { nodes: [root.id, inner.id], bindings: {} };
  },
  rewrite(match, rewriter, context) {
    const inner = context.find(match.nodes[1]!)!;
    rewriter.update(match.root, { inputs: [inner.inputs[0]!] });
    rewriter.removeDead([inner.id]);
  },
  examples: [
    {
      title: "By way of a wider type",
      before: `graph @main(%x: int8[N]) -> (%y: float32[N]) {
  %a = Cast(%x) {to = 6}
  %y = Cast(%a) {to = 1}
  return %y
}`,
      after: `graph @main(%x: int8[N]) -> (%y: float32[N]) {
  %y = Cast(%x) {to = 1}
  return %y
}`,
    },
    {
      title: "Half precision between rounds",
      fails: "loses nothing",
      before: `graph @main(%x: float32[N]) -> (%y: float32[N]) {
  %a = Cast(%x) {to = 10}
  %y = Cast(%a) {to = 1}
  return %y
}`,
      after: `graph @main(%x: float32[N]) -> (%y: float32[N]) {
  %a = Cast(%x) {to = 10}
  %y = Cast(%a) {to = 1}
  return %y
}`,
    },
    {
      title: "By way of bool every number but zero becomes one",
      fails: "loses nothing",
      before: `graph @main(%x: int32[N]) -> (%y: int32[N]) {
  %a = Cast(%x) {to = 9}
  %y = Cast(%a) {to = 6}
  return %y
}`,
      after: `graph @main(%x: int32[N]) -> (%y: int32[N]) {
  %a = Cast(%x) {to = 9}
  %y = Cast(%a) {to = 6}
  return %y
}`,
    },
  ],
});
