import { ConstantValue } from "../ir/constant.ts";
import { type Dim, dimsEqual } from "../ir/dim.ts";
import type { OperatorNode, ValueRef } from "../ir/graph.ts";
import { defineRewrite, type MatchContext } from "./definition.ts";
import { shapeText } from "./support/channel-affine.ts";
import { mergedNotes, replaceRoot, requireUsedOnce } from "./support/replacement.ts";
import { sameSize, sizeElements } from "./support/size-values.ts";
import { transposedMatrix } from "./support/transposed-matrix.ts";

/** Why the Reshape `root` does not give the leading axes of `data` back, with `columns` last; undefined when it is proven to. */
function leadingProblem(root: OperatorNode, data: ValueRef, columns: Dim, context: MatchContext): string | undefined {
  const from = context.shape(data)!;
  const to = context.shape({ node: root.id, output: 0 });
  if (to?.length !== from.length) return `the result is ${context.type({ node: root.id, output: 0 }).text}, the value ${context.type(data).text}`;
  if (!dimsEqual(to.at(-1)!, columns)) return `the last axis has ${to.at(-1) ?? "an unknown number of"} elements, not ${columns}`;
  const elements = sizeElements(root.inputs[1], context);
  for (let axis = 0; axis < from.length - 1; axis++) {
    if (dimsEqual(to[axis]!, from[axis]!)) continue;
    const element = elements?.[axis];
    if (!element || "number" in element || !sameSize(element, { of: data, axis }, context)) return `axis ${axis} is not proven to be that of ${context.describe(data)}`;
  }
  return undefined;
}

export const gemmOfFlattened = defineRewrite({
  name: "gemm-of-flattened",
  title: "Gemm of a flattened value",
  summary: "Multiplies a value of many axes by a matrix as it is, where it is flattened to rows for a Gemm and brought back to its axes after it.",
  why: "MatMul takes any number of leading axes: both Reshapes go, with the arithmetic that works out their targets, and the bias becomes an Add that is fused again.",
  exactness: "reassociates",
  roots: ["Reshape"],
  preconditions: [
    { name: "after a Gemm", doc: "The value comes straight from a Gemm whose left factor is a Reshape or Flatten of a value of rank 3 or more." },
    { name: "used once", doc: "The Gemm's output is used by this Reshape only, in the same graph, and is no output of the graph." },
    { name: "rows kept", doc: "The last axis stays whole: it is proven to have the length that the Gemm sums over, a number above 0. The left factor is not transposed." },
    { name: "axes given back", doc: "The result has, proven, the leading axes of the value before and the Gemm's columns." },
    { name: "plain product", doc: "alpha is 1, as is beta where there is a bias, the bias is the same for each row, and a transposed right factor is a constant." },
  ],
  match(root, context) {
    const value = root.inputs[0];
    const gemm = context.producer(value, "Gemm");
    const flatten = gemm && context.producer(gemm.inputs[0], "Reshape", "Flatten");
    const data = flatten?.inputs[0];
    if (!gemm || !flatten || !data || !value) return undefined;
    const shape = context.shape(data);
    if (!context.require("after a Gemm", shape === undefined ? "unknown" : shape.length >= 3, () => `${context.describe(data)} has rank ${shape?.length ?? "unknown"}`) || !shape) return undefined;
    let holds = requireUsedOnce(context, "used once", value, root);
    const attributes = context.attributes(gemm);
    const [, right, bias] = gemm.inputs;
    const transposed = attributes.int("transB", 0) !== 0;
    const matrix = context.shape(right);
    const [inner, columns] = transposed ? [matrix?.[1] ?? null, matrix?.[0] ?? null] : [matrix?.[0] ?? null, matrix?.[1] ?? null];
    const flat = context.shape({ node: flatten.id, output: 0 });
    const rows = attributes.int("transA", 0) === 0 && typeof inner === "number" && inner > 0 && shape.at(-1) === inner && flat?.length === 2 && flat[1] === inner;
    holds = context.require("rows kept", rows, () => `${context.type(data).text} to ${context.type({ node: flatten.id, output: 0 }).text}, summed over ${inner ?? "an unknown number"}`) && holds;
    const problem = leadingProblem(root, data, columns, context);
    holds = context.require("axes given back", problem === undefined ? true : "unknown", problem ?? "they are") && holds;
    const biasShape = bias ? context.shape(bias) : [];
    const alike = biasShape !== undefined && (biasShape.length <= 1 || (biasShape.length === 2 && biasShape[0] === 1));
    const plain = attributes.float("alpha", 1) === 1 && (!bias || attributes.float("beta", 1) === 1) && alike && (!transposed || context.constant(right) !== undefined);
    holds = context.require("plain product", plain, () => `alpha ${attributes.float("alpha", 1)}, beta ${attributes.float("beta", 1)}, bias ${biasShape ? shapeText(biasShape) : "of unknown rank"}${transposed ? `, ${context.constant(right) ? "constant" : "computed"} transposed factor` : ""}`) && holds;
    return holds ? { nodes: [root.id, gemm.id, flatten.id], bindings: { gemm, data, transposed } } : undefined;
  },
  rewrite(match, rewriter, context) {
    const root = context.find(match.root)!;
    const { gemm, data, transposed } = match.bindings as { gemm: OperatorNode; data: ValueRef; transposed: boolean };
    const at = { region: root.region, order: root.order };
    let right = gemm.inputs[1]!;
    const bias = gemm.inputs[2];
    if (transposed) {
      const sole = context.graph.usesOf(right.node).length === 1;
      const name = context.graph.valueName(right);
      const turned = rewriter.addConstant({ value: ConstantValue.of(transposedMatrix(context.tensor(right)!)), name: sole ? name : context.freshName(`${name}_transposed`), ...at });
      rewriter.derive("fold", [right.node], [turned.node]);
      right = turned;
    }
    if (!bias) {
      replaceRoot(match, rewriter, { op: "MatMul", inputs: [data, right], name: gemm.name, order: root.order, ...mergedNotes(gemm, root) });
      return;
    }
    const product = rewriter.addNode({ op: "MatMul", inputs: [data, right], outputs: [gemm.outputs[0]!.name], name: gemm.name, ...at, ...mergedNotes(gemm) });
    rewriter.derive("fuse", match.nodes, [product]);
    replaceRoot(match, rewriter, { op: "Add", inputs: [{ node: product, output: 0 }, bias], order: root.order, ...mergedNotes(root) });
  },
  examples: [
    {
      title: "Rows of a batch of sequences, back to batch and sequence",
      before: `graph @main(%x: float32[B, S, 2]) -> (%y: float32[B, S, 3]) {
  %w = constant float32[2, 3] [1, 2, 3, 4, 5, 6]
  %b = constant float32[3] [1, 2, 3]
  %rows = constant int64[2] [-1, 2]
  %s = Shape(%x)
  %zero = constant int64[1] [0]
  %two = constant int64[1] [2]
  %three = constant int64[1] [3]
  %lead = Slice(%s, %zero, %two)
  %t = Concat(%lead, %three) {axis = 0}
  %f = Reshape(%x, %rows)
  %g = Gemm(%f, %w, %b) "fc"
  %y = Reshape(%g, %t)
  return %y
}`,
      after: `graph @main(%x: float32[B, S, 2]) -> (%y: float32[B, S, 3]) {
  %w = constant float32[2, 3] [1, 2, 3, 4, 5, 6]
  %b = constant float32[3] [1, 2, 3]
  %g = MatMul(%x, %w) "fc"
  %y = Add(%g, %b)
  return %y
}`,
    },
    {
      title: "A transposed weight and no bias",
      before: `graph @main(%x: float32[2, 4, 2]) -> (%y: float32[2, 4, 3]) {
  %w = constant float32[3, 2] [1, 2, 3, 4, 5, 6]
  %rows = constant int64[2] [8, 2]
  %t = constant int64[3] [2, 4, 3]
  %f = Reshape(%x, %rows)
  %g = Gemm(%f, %w) {transB = 1} "fc"
  %y = Reshape(%g, %t)
  return %y
}`,
      after: `graph @main(%x: float32[2, 4, 2]) -> (%y: float32[2, 4, 3]) {
  %w = constant float32[2, 3] [1, 3, 5, 2, 4, 6]
  %y = MatMul(%x, %w) "fc"
  return %y
}`,
    },
    {
      title: "The rows are transposed: as many, but others",
      fails: "rows kept",
      before: `graph @main(%x: float32[2, 2, 4]) -> (%y: float32[2, 2, 3]) {
  %w = constant float32[4, 3] random(1)
  %rows = constant int64[2] [4, 4]
  %t = constant int64[3] [2, 2, 3]
  %f = Reshape(%x, %rows)
  %g = Gemm(%f, %w) {transA = 1}
  %y = Reshape(%g, %t)
  return %y
}`,
      after: `graph @main(%x: float32[2, 2, 4]) -> (%y: float32[2, 2, 3]) {
  %w = constant float32[4, 3] random(1)
  %rows = constant int64[2] [4, 4]
  %t = constant int64[3] [2, 2, 3]
  %f = Reshape(%x, %rows)
  %g = Gemm(%f, %w) {transA = 1}
  %y = Reshape(%g, %t)
  return %y
}`,
    },
    {
      title: "The axes change places: as many rows, in other groups",
      fails: "axes given back",
      before: `graph @main(%x: float32[2, 4, 2]) -> (%y: float32[4, 2, 3]) {
  %w = constant float32[2, 3] random(1)
  %rows = constant int64[2] [8, 2]
  %t = constant int64[3] [4, 2, 3]
  %f = Reshape(%x, %rows)
  %g = Gemm(%f, %w)
  %y = Reshape(%g, %t)
  return %y
}`,
      after: `graph @main(%x: float32[2, 4, 2]) -> (%y: float32[4, 2, 3]) {
  %w = constant float32[2, 3] random(1)
  %rows = constant int64[2] [8, 2]
  %t = constant int64[3] [4, 2, 3]
  %f = Reshape(%x, %rows)
  %g = Gemm(%f, %w)
  %y = Reshape(%g, %t)
  return %y
}`,
    },
    {
      title: "A bias for each row",
      fails: "plain product",
      before: `graph @main(%x: float32[2, 4, 2]) -> (%y: float32[2, 4, 3]) {
  %w = constant float32[2, 3] random(1)
  %b = constant float32[8, 1] random(2)
  %rows = constant int64[2] [8, 2]
  %t = constant int64[3] [2, 4, 3]
  %f = Reshape(%x, %rows)
  %g = Gemm(%f, %w, %b)
  %y = Reshape(%g, %t)
  return %y
}`,
      after: `graph @main(%x: float32[2, 4, 2]) -> (%y: float32[2, 4, 3]) {
  %w = constant float32[2, 3] random(1)
  %b = constant float32[8, 1] random(2)
  %rows = constant int64[2] [8, 2]
  %t = constant int64[3] [2, 4, 3]
  %f = Reshape(%x, %rows)
  %g = Gemm(%f, %w, %b)
  %y = Reshape(%g, %t)
  return %y
}`,
    },
  ],
});
