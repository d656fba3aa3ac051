import { int } from "../ir/attribute.ts";
import { ConstantValue } from "../ir/constant.ts";
import type { ConstantNode } from "../ir/graph.ts";
import { fromNumbers, toNumbers } from "../ir/tensor.ts";
import { defineRewrite } from "./definition.ts";
import { requireHalfRange } from "./support/half-range.ts";

const leastElements = 256;

export const halfWeights = defineRewrite<ConstantNode>({
  name: "half-weights",
  title: "float16 weights",
  summary: "Stores a large float32 constant as float16, with a Cast back to float32 behind it.",
  why: "The file is half as large, and everything is still computed in float32. Each weight keeps eleven binary digits.",
  exactness: "approximates",
  tolerance: { share: 0.01 },
  roots: ["constant"],
  preconditions: [
    { name: "large float32", doc: `The constant is float32 and has ${leastElements} elements or more, so that the Cast is worth it.` },
    { name: "used by operators", doc: "Operators use it, and it is no output of a graph." },
    { name: "in range", doc: "No number exceeds 65504, the largest float16, and at most one in a hundred is so small that it loses digits (below 2^-14)." },
  ],
  match(root, context) {
    const { value } = root;
    if (value.type.element !== "float32") return undefined;
    let holds = context.require("large float32", value.count >= leastElements, value.count === 1 ? "1 element" : `${value.count} elements`);
    const uses = context.graph.usesOf(root.id);
    holds = context.require("used by operators", uses.length > 0 && uses.every((use) => use.kind === "input"), () => (uses.length === 0 ? "nothing uses it" : "it is an output of a graph")) && holds;
    return holds && requireHalfRange(context, "in range", [{ node: root.id, output: 0 }]) ? { nodes: [root.id], bindings: {} } : undefined;
  },
  rewrite(match, rewriter, context) {
    const root = context.graph.node(match.root) as ConstantNode;
    const tensor = root.value.tensor();
    const { name } = root.outputs[0]!;
    const place = { region: root.region, order: root.order };
    const half = rewriter.addConstant({ value: ConstantValue.of(fromNumbers("float16", tensor.dims, toNumbers(tensor))), name: context.freshName(name === "" ? "half" : `${name}_half`), storage: root.storage, nodeName: root.name, doc: root.doc, metadata: root.metadata, ...place });
    const back = rewriter.addNode({ op: "Cast", inputs: [half], attributes: { to: int(1) }, outputs: [{ name, type: root.value.type }], ...place });
    rewriter.derive("replace", [root.id], [half.node, back]);
    rewriter.replaceUses({ node: root.id, output: 0 }, { node: back, output: 0 });
    rewriter.removeDead([root.id]);
  },
  examples: [
    {
      title: "A weight of 512 numbers",
      before: `graph @main(%x: float32[N, 16]) -> (%y: float32[N, 32]) {
  %w = constant float32[16, 32] splat(0.25)
  %y = MatMul(%x, %w)
  return %y
}`,
      after: `graph @main(%x: float32[N, 16]) -> (%y: float32[N, 32]) {
  %w_half = constant float16[16, 32] splat(0.25)
  %w = Cast(%w_half) {to = 1}
  %y = MatMul(%x, %w)
  return %y
}`,
    },
    ...(
      [
        ["A mask of large numbers", "in range", "splat(-1e9)"],
        ["Weights that float16 cannot tell from 0", "in range", "splat(1e-9)"],
      ] as const
    ).map(([title, fails, value]) => {
      const text = `graph @main(%x: float32[N, 256]) -> (%y: float32[N, 256]) {\n  %w = constant float32[256] ${value}\n  %y = Add(%x, %w)\n  return %y\n}`;
      return { title, fails, before: text, after: text };
    }),
  ],
});
