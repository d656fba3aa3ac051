import { ConstantValue } from "../ir/constant.ts";
import type { Dim } from "../ir/dim.ts";
import { printDim } from "../ir/dim.ts";
import { fromNumbers, int64Vector, makeTensor, type Tensor } from "../ir/tensor.ts";
import { staticShape, type TensorType } from "../ir/value-type.ts";
import { defineRewrite } from "./definition.ts";
import { requireDeterministic } from "./support/determinism.ts";

export const shapeSubgraphFolding = defineRewrite({
  name: "shape-subgraph-folding",
  title: "Shape subgraph folding",
  summary: "Replaces shape arithmetic (Shape, Gather, Concat, Mul, ...) whose result is proven by the shapes by a constant.",
  why: "Exporters compute shapes at run time that are known before; as constants they let Reshape, Slice and Expand simplify. Symbolic dimensions stay symbolic.",
  exactness: "exact",
  roots: ["*"],
  preconditions: [
    { name: "dimensions proven", doc: "Every element of the integer result is a known number. A symbol is none, even where its size seems plain." },
    { name: "deterministic", doc: "The operator is known and draws no random numbers." },
  ],
  match(root, context) {
    const [output, ...others] = root.outputs;
    const known = output?.known;
    if (!known || others.some((_, i) => context.graph.usesOfValue({ node: root.id, output: i + 1 }).length > 0)) return undefined;
    if (context.graph.usesOf(root.id).length === 0) return undefined;
    const dims = staticShape(output.type);
    const { element } = output.type as TensorType;
    const fits = dims !== undefined && dims.length <= 1 && (element === "int64" || element === "int32");
    // Beyond 2^53 a number stands for an integer near it.
    const open = known.filter((d: Dim) => typeof d !== "number" || !Number.isSafeInteger(d));
    let holds = context.require("dimensions proven", fits && open.length === 0, () => {
      const [all, unknown] = [known, open].map((dims) => dims.map(printDim).join(", "));
      return open.length === 0 ? `[${all}]` : open.length === 1 ? `[${all}]: ${unknown} is not known` : `[${all}]: ${unknown} are not known`;
    });
    holds = requireDeterministic(context, "deterministic", root) && holds;
    if (!holds || !dims) return undefined;
    return { nodes: [root.id], bindings: { known, dims, element } };
  },
  rewrite(match, rewriter, context) {
    const root = context.find(match.root)!;
    const { known, dims, element } = match.bindings as { known: readonly number[]; dims: readonly number[]; element: "int64" | "int32" };
    const value: Tensor = element === "int32" ? fromNumbers("int32", dims, known) : makeTensor("int64", dims, int64Vector(known).data);
    const from = { node: root.id, output: 0 };
    const to = rewriter.addConstant({ value: ConstantValue.of(value), name: root.outputs[0]!.name, region: root.region, order: root.order, storage: context.isResult(from) ? "node" : "initializer" });
    rewriter.derive("fold", [root.id], [to.node]);
    rewriter.replaceUses(from, to);
    rewriter.removeDead([root.id]);
  },
  examples: [
    {
      title: "A known shape",
      before: `graph @main(%x: float32[2, 3, 4]) -> (%y: float32[*]) {
  %s = Shape(%x)
  %one = constant int64[1] [-1]
  %start = constant int64[1] [0]
  %end = constant int64[1] [1]
  %d = Slice(%s, %start, %end)
  %t = Concat(%d, %one) {axis = 0}
  %y = Reshape(%x, %t)
  return %y
}`,
      after: `graph @main(%x: float32[2, 3, 4]) -> (%y: float32[*]) {
  %t = constant int64[2] [2, -1]
  %y = Reshape(%x, %t)
  return %y
}`,
    },
    {
      title: "A symbolic batch stays symbolic",
      fails: "dimensions proven",
      before: `graph @main(%x: float32[N, 3, 4]) -> (%y: int64[3]) {
  %s = Shape(%x)
  %y = Abs(%s)
  return %y
}`,
      after: `graph @main(%x: float32[N, 3, 4]) -> (%y: int64[3]) {
  %s = Shape(%x)
  %y = Abs(%s)
  return %y
}`,
    },
  ],
});
