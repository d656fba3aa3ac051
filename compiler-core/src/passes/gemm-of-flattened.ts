import { ConstantValue } from "../ir/constant.ts";
import { type Dim, dimsEqual } from "../ir/dim.ts";
import type { OperatorNode, ValueRef } from "../ir/graph.ts";
import { int64Vector } from "../ir/tensor.ts";
import { defineRewrite, type MatchContext } from "./definition.ts";
import { shapeText } from "./support/channel-affine.ts";
import { mergedNotes, replaceRoot, requireUsedOnce } from "./support/replacement.ts";
import { sameSize, sizeElements } from "./support/size-values.ts";
import { transposedMatrix } from "./support/transposed-matrix.ts";

/** Where the left factor comes from: a value as it is, or one that is reshaped to this target. */
interface Source {
  readonly data: ValueRef;
  readonly target?: readonly number[];
}

/** A target of Reshape that gives `data` the leading axes of `wanted` and `inner` as the last; undefined where numbers cannot say it. */
function constantTarget(data: readonly Dim[], wanted: readonly Dim[], inner: number): number[] | undefined {
  const target = wanted.slice(0, -1).map((dim, i) => (typeof dim === "number" ? dim : dim !== null && dimsEqual(dim, data[i] ?? null) ? 0 : -1));
  const [copied, open] = [target.filter((t, i) => t === 0 && typeof wanted[i] !== "number").length, target.filter((t) => t === -1).length];
  // 0 stands for a copied axis, so a length of 0 cannot be said; and what follows from the others does not where they may be 0.
  if (target.some((t, i) => t === 0 && wanted[i] === 0) || open > 1 || (open === 1 && copied > 0) || wanted.slice(0, -1).includes(null)) return undefined;
  return [...target, inner];
}

/** The value whose rows the Gemm multiplies, with the leading axes of the Reshape `root`'s result; or why it is not proven. */
function leftFactor(root: OperatorNode, flatten: OperatorNode, inner: number, columns: Dim, context: MatchContext): Source | string {
  const data = flatten.inputs[0]!;
  const from = context.shape(data)!;
  const out = { node: root.id, output: 0 };
  const to = context.shape(out);
  if (!to || to.length < 3) return `the result is ${context.type(out).text}`;
  if (!dimsEqual(to.at(-1)!, columns)) return `the last axis has ${to.at(-1) ?? "an unknown number of"} elements, not ${columns}`;
  let problem = `the result is ${context.type(out).text}, the value ${context.type(data).text}`;
  if (from.length === to.length && from.at(-1) === inner) {
    const elements = sizeElements(root.inputs[1], context);
    const axis = to.findIndex((dim, i) => {
      if (i === to.length - 1 || dimsEqual(dim, from[i]!)) return false;
      const element = elements?.[i];
      return !element || "number" in element || !sameSize(element, { of: data, axis: i }, context);
    });
    if (axis < 0) return { data };
    problem = `axis ${axis} is not proven to be that of ${context.describe(data)}`;
  }
  // As many rows as the result has: the same elements, gathered to its axes before the product and not after it.
  if (typeof columns !== "number" || columns === 0 || context.onlyUser({ node: flatten.id, output: 0 }) === undefined) return problem;
  const target = constantTarget(from, to, inner);
  return target ? { data, target } : problem;
}

export const gemmOfFlattened = defineRewrite({
  name: "gemm-of-flattened",
  title: "Gemm of a flattened value",
  summary: "Multiplies a value of many axes by a matrix as it is, where it is flattened to rows for a Gemm and brought back to its axes after it.",
  why: "MatMul takes any number of leading axes: both Reshapes go, with the arithmetic that works out their targets, and the bias becomes an Add that is fused again.",
  exactness: "reassociates",
  roots: ["Reshape"],
  preconditions: [
    { name: "after a Gemm", doc: "The value comes straight from a Gemm whose left factor is a Reshape or Flatten of a value of known rank." },
    { name: "used once", doc: "The Gemm's output is used by this Reshape only, in the same graph, and is no output of the graph." },
    { name: "rows kept", doc: "The left factor is a matrix whose rows have the length that the Gemm sums over, a number above 0, and is not transposed." },
    { name: "axes given back", doc: "The result has, proven, the Gemm's columns last, and before them the leading axes of the value whose last axis is summed over, or axes that a constant can say: then one Reshape stays, before the product." },
    { name: "plain product", doc: "alpha is 1, as is beta where there is a bias, the bias is the same for each row, and a transposed right factor is a constant." },
  ],
  match(root, context) {
    const value = root.inputs[0];
    const gemm = context.producer(value, "Gemm");
    const flatten = gemm && context.producer(gemm.inputs[0], "Reshape", "Flatten");
    const data = flatten?.inputs[0];
    if (!gemm || !flatten || !data || !value) return undefined;
    const shape = context.shape(data);
    if (!context.require("after a Gemm", shape !== undefined ? true : "unknown", () => `${context.describe(data)} has rank ${shape?.length ?? "unknown"}`) || !shape) return undefined;
    let holds = requireUsedOnce(context, "used once", value, root);
    const attributes = context.attributes(gemm);
    const [, right, bias] = gemm.inputs;
    const transposed = attributes.int("transB", 0) !== 0;
    const matrix = context.shape(right);
    const [inner, columns] = transposed ? [matrix?.[1] ?? null, matrix?.[0] ?? null] : [matrix?.[0] ?? null, matrix?.[1] ?? null];
    const flat = context.shape({ node: flatten.id, output: 0 });
    const rows = attributes.int("transA", 0) === 0 && typeof inner === "number" && inner > 0 && flat?.length === 2 && flat[1] === inner;
    holds = context.require("rows kept", rows, () => `${context.type(data).text} to ${context.type({ node: flatten.id, output: 0 }).text}, summed over ${inner ?? "an unknown number"}`) && holds;
    const source = typeof inner === "number" ? leftFactor(root, flatten, inner, columns, context) : "the Gemm sums over an unknown number";
    holds = context.require("axes given back", typeof source !== "string" ? true : "unknown", typeof source === "string" ? source : source.target ? `a Reshape to [${source.target.join(", ")}] stays` : "they are") && holds;
    const biasShape = bias ? context.shape(bias) : [];
    const alike = biasShape !== undefined && (biasShape.length <= 1 || (biasShape.length === 2 && biasShape[0] === 1));
    const plain = attributes.float("alpha", 1) === 1 && (!bias || attributes.float("beta", 1) === 1) && alike && (!transposed || context.constant(right) !== undefined);
    holds = context.require("plain product", plain, () => `alpha ${attributes.float("alpha", 1)}, beta ${attributes.float("beta", 1)}, bias ${biasShape ? shapeText(biasShape) : "of unknown rank"}${transposed ? `, ${context.constant(right) ? "constant" : "computed"} transposed factor` : ""}`) && holds;
    return holds ? { nodes: [root.id, gemm.id, flatten.id], bindings: { gemm, source, transposed } } : undefined;
  },
  rewrite(match, rewriter, context) {
    const root = context.find(match.root)!;
    const { gemm, source, transposed } = match.bindings as { gemm: OperatorNode; source: Source; transposed: boolean };
    const at = { region: root.region, order: root.order };
    let { data } = source;
    if (source.target) {
      const flatten = context.find(match.nodes[2]!)!;
      const target = rewriter.addConstant({ value: ConstantValue.of(int64Vector(source.target)), name: context.freshName(`${flatten.outputs[0]!.name}_shape`), ...at });
      rewriter.derive("fold", [root.inputs[1]!.node], [target.node]);
      const reshaped = rewriter.addNode({ op: "Reshape", inputs: [data, target], outputs: [context.freshName(`${flatten.outputs[0]!.name}_rows`)], name: flatten.name, ...at, ...mergedNotes(flatten) });
      rewriter.derive("replace", [flatten.id], [reshaped]);
      data = { node: reshaped, output: 0 };
    }
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
      title: "As many rows, in other groups: a Reshape stays",
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
  %f_shape = constant int64[3] [4, 2, 2]
  %f_rows = Reshape(%x, %f_shape)
  %y = MatMul(%f_rows, %w)
  return %y
}`,
    },
    {
      title: "Two open axes that change places cannot be said by a constant",
      fails: "axes given back",
      before: `graph @main(%x: float32[B, S, 2]) -> (%y: float32[S, B, 3]) {
  %w = constant float32[2, 3] random(1)
  %rows = constant int64[2] [-1, 2]
  %s = Shape(%x)
  %swap = constant int64[2] [1, 0]
  %three = constant int64[1] [3]
  %lead = Gather(%s, %swap)
  %t = Concat(%lead, %three) {axis = 0}
  %f = Reshape(%x, %rows)
  %g = Gemm(%f, %w)
  %y = Reshape(%g, %t)
  return %y
}`,
      after: `graph @main(%x: float32[B, S, 2]) -> (%y: float32[S, B, 3]) {
  %w = constant float32[2, 3] random(1)
  %rows = constant int64[2] [-1, 2]
  %s = Shape(%x)
  %swap = constant int64[2] [1, 0]
  %three = constant int64[1] [3]
  %lead = Gather(%s, %swap)
  %t = Concat(%lead, %three) {axis = 0}
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
