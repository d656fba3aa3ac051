import { int } from "../ir/attribute.ts";
import { ConstantValue } from "../ir/constant.ts";
import type { ValueRef } from "../ir/graph.ts";
import { fromNumbers, toNumbers } from "../ir/tensor.ts";
import { elementOf, shapeOf, tensorType } from "../ir/value-type.ts";
import { codeOfElement } from "../ops/support/element-codes.ts";
import { defineRewrite } from "./definition.ts";
import { replaceRoot } from "./support/replacement.ts";

const isHalf = (element: string | null | undefined): boolean => element === "float16" || element === "bfloat16";

export const halfProduct = defineRewrite({
  name: "half-product",
  title: "Product of half floats",
  summary: "Computes a convolution or matrix product of half floats between Casts to float32 and back: sums are kept in float32, and weights stay half floats.",
  why: "Kernels of float32 products then serve half floats too: each operand is widened once, a weight as the kernel reads it, and the result is rounded once.",
  exactness: "reassociates",
  roots: ["MatMul", "Gemm", "Conv"],
  preconditions: [{ name: "half floats", doc: "The operands are float16 or bfloat16, and their shapes are known." }],
  match(root, context) {
    const element = elementOf(context.type(root.inputs[0]));
    if (!isHalf(element)) return undefined;
    const known = root.inputs.every((ref) => !ref || (elementOf(context.type(ref)) === element && context.shape(ref) !== undefined));
    return context.require("half floats", known, () => root.inputs.map((ref) => (ref ? context.type(ref).text : "")).join(" by ")) ? { nodes: [root.id], bindings: { element } } : undefined;
  },
  rewrite(match, rewriter, context) {
    const root = context.find(match.root)!;
    const place = { region: root.region, order: root.order };
    const { name, type } = root.outputs[0]!;
    const widened = root.inputs.map((ref, index): ValueRef | null => {
      if (!ref) return null;
      const own = context.graph.valueName(ref);
      if (index === 2 && context.constant(ref)) {
        // A bias is small, and a constant as kernels want it.
        const { dims } = context.tensor(ref)!;
        const bias = rewriter.addConstant({ value: ConstantValue.of(fromNumbers("float32", dims, toNumbers(context.tensor(ref)!))), name: context.freshName(`${own || name}_wide`), ...place });
        rewriter.derive("fold", [ref.node], [bias.node]);
        return bias;
      }
      return { node: rewriter.addNode({ op: "Cast", inputs: [ref], attributes: { to: int(codeOfElement("float32")) }, outputs: [context.freshName(`${own || name}_wide`)], ...place }), output: 0 };
    });
    const product = rewriter.addNode({ op: root.op, inputs: widened, attributes: root.attributes, outputs: [{ name: context.freshName(`${name}_sums`), type: tensorType("float32", shapeOf(type)) }], name: root.name, ...place });
    replaceRoot(match, rewriter, { op: "Cast", inputs: [{ node: product, output: 0 }], attributes: { to: int(codeOfElement(match.bindings["element"] as "float16")) }, order: root.order });
  },
  examples: [
    {
      title: "A product with a weight",
      before: `graph @main(%x: float16[4, 2]) -> (%y: float16[4, 3]) {
  %w = constant float16[2, 3] [1, 2, 3, 4, 5, 6]
  %y = MatMul(%x, %w) "fc"
  return %y
}`,
      after: `graph @main(%x: float16[4, 2]) -> (%y: float16[4, 3]) {
  %w = constant float16[2, 3] [1, 2, 3, 4, 5, 6]
  %x_wide = Cast(%x) {to = 1}
  %w_wide = Cast(%w) {to = 1}
  %y_sums = MatMul(%x_wide, %w_wide) "fc"
  %y = Cast(%y_sums) {to = 10}
  return %y
}`,
    },
    ...["graph @main(%x: float16[4, 2], %w: float16[*]) -> (%y: float16[*]) {\n  %y = MatMul(%x, %w)\n  return %y\n}"].map((text) => ({ title: "A shape that is not known", fails: "half floats", before: text, after: text })),
  ],
});
