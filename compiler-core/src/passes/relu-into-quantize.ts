import { elementOf } from "../ir/value-type.ts";
import { defineRewrite } from "./definition.ts";
import { quantization } from "./support/quantized-pattern.ts";

const lowest: Readonly<Record<string, number>> = { int8: -128, uint8: 0, int16: -32768, uint16: 0 };

export const reluIntoQuantize = defineRewrite({
  name: "relu-into-quantize",
  title: "Relu into QuantizeLinear",
  summary: "Drops a Relu before a QuantizeLinear whose zero point is the least number: it clamps what is below zero by itself.",
  why: "One pass less, and a quantized operator can take the QuantizeLinear.",
  exactness: "exact",
  roots: ["QuantizeLinear"],
  preconditions: [
    { name: "follows a Relu", doc: "The input comes straight from a Relu." },
    { name: "least zero point", doc: "The zero point is a constant and the least number of its type, so that every negative number becomes it." },
  ],
  match(root, context) {
    const relu = context.producer(root.inputs[0], "Relu");
    if (!relu) return undefined;
    context.require("follows a Relu", true, "it does");
    const found = quantization(root, context);
    const element = elementOf(context.type({ node: root.id, output: 0 })) ?? "";
    const least = found !== undefined && Array.from(found.zeros).every((zero) => Number(zero) === lowest[element]);
    if (!context.require("least zero point", found ? least : "unknown", () => (found ? `${Array.from(found.zeros).slice(0, 3).join(", ")} in ${element}` : "scale or zero point is computed"))) return undefined;
    return { nodes: [root.id, relu.id], bindings: {} };
  },
  rewrite(match, rewriter, context) {
    const [root, relu] = match.nodes.map((id) => context.find(id)!);
    rewriter.update(match.root, { inputs: [relu!.inputs[0]!, ...root!.inputs.slice(1)] });
    rewriter.removeDead([relu!.id]);
  },
  examples: [
    ["Zero is the least uint8", "0", true] as const,
    ["The zero point is in the middle", "128", false] as const,
  ].map(([title, zero, applies]) => {
    const text = (relu: boolean): string => `graph @main(%x: float32[N, 4]) -> (%y: uint8[N, 4]) {
  %s = constant float32[] [0.5]
  %z = constant uint8[] [${zero}]
${relu ? "  %r = Relu(%x)\n" : ""}  %y = QuantizeLinear(${relu ? "%r" : "%x"}, %s, %z)
  return %y
}`;
    return { title, before: text(true), after: text(!applies), ...(applies ? {} : { fails: "least zero point" }) };
  }),
});
