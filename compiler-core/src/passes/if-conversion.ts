import type { OperatorNode, ValueRef } from "../ir/graph.ts";
import { elementKind } from "../ir/element-type.ts";
import { staticShape } from "../ir/value-type.ts";
import { findOperator } from "../ops/index.ts";
import { defineRewrite, type MatchContext } from "./definition.ts";
import { copyRegion, operatorsIn, replaceOutputs } from "./support/inline-region.ts";
import { requireDeterministic } from "./support/determinism.ts";

/** Operators for which some values of their inputs are errors: the branch that is not taken must not meet them. */
const partial: ReadonlySet<string> = new Set(["Gather", "GatherElements", "GatherND", "Scatter", "ScatterElements", "ScatterND", "TensorScatter", "NegativeLogLikelihoodLoss", "SoftmaxCrossEntropyLoss", "ReverseSequence", "MaxUnpool", "Loop", "Scan", "If", "SequenceAt", "SequenceErase", "SequenceInsert", "OptionalGetElement", "Reshape", "Expand", "Tile", "Slice", "Range", "ConstantOfShape", "Pad", "Resize", "Split"]);

/** Why an operator may not run without need; undefined when it may. Places and sizes that are constants are no danger. */
function danger(node: OperatorNode, context: MatchContext): string | undefined {
  if (node.domain !== "") return `${node.domain}.${node.op} is not known to be safe`;
  if ((node.op === "Div" || node.op === "Mod") && context.type(node.inputs[0]).kind === "tensor") {
    const type = context.type(node.inputs[0]);
    if (type.kind !== "tensor" || type.element === null || elementKind(type.element) !== "float") return `${node.op} of integers fails on 0`;
  }
  if (!partial.has(node.op)) return undefined;
  if (!["Loop", "Scan", "If"].includes(node.op) && node.inputs.slice(1).every((ref) => ref === null || context.constant(ref) !== undefined)) return undefined;
  return `${node.op} ${["Loop", "Scan", "If"].includes(node.op) ? "is control flow itself" : "may fail on values that the condition keeps from it"}`;
}

const untouched = (branch: string): string => `graph @main(%x: float32[4], %i: int64[], %c: bool[]) -> (%y: float32[4]) {
  %y = If(%c) then_branch () { ${branch} return %t } else_branch () { %e = Neg(%x) return %e }
  return %y
}`;

export const ifConversion = defineRewrite({
  name: "if-conversion",
  title: "If conversion",
  summary: "Computes both branches of an If and chooses between their results with Where.",
  why: "Where branches are small, computing both costs little, and rewrites see them: they are fused with what is around. Others stay, and generated code runs one of them.",
  exactness: "exact",
  roots: ["If"],
  preconditions: [
    { name: "condition at run time", doc: "The condition is not a constant; else one branch is put in place of the If." },
    { name: "same shapes", doc: "Both branches give tensors of the same known shapes." },
    { name: "deterministic branches", doc: "No operator of the branches draws random numbers." },
    { name: "branches that cannot fail", doc: "Nothing in the branches fails on some values: no division of integers, no places or sizes that are computed, no control flow." },
    { name: "small branches", doc: "The branches together have few operators, and no products among them: one of the two is computed for nothing.", budget: true },
  ],
  match(root, context, options) {
    const [thenBranch, elseBranch] = [root.regions["then_branch"], root.regions["else_branch"]];
    if (thenBranch === undefined || elseBranch === undefined) return undefined;
    const { graph } = context;
    if (!context.require("condition at run time", context.constant(root.inputs[0]) === undefined, () => `it comes from ${context.describe(root.inputs[0]!)}`)) return undefined;
    const [a, b] = [graph.region(thenBranch).outputs, graph.region(elseBranch).outputs];
    const differing = root.outputs.findIndex((_, i) => {
      const [x, y] = [context.type(a[i]?.value), context.type(b[i]?.value)];
      return !staticShape(x) || !staticShape(y) || x.text !== y.text;
    });
    if (!context.require("same shapes", differing < 0, () => (differing < 0 ? "they are" : `output ${differing} is ${context.type(a[differing]?.value).text} or ${context.type(b[differing]?.value).text}`))) return undefined;
    if (!requireDeterministic(context, "deterministic branches", root)) return undefined;
    let reason: string | undefined;
    for (const node of [...operatorsIn(graph, thenBranch), ...operatorsIn(graph, elseBranch)]) reason ??= danger(node, context);
    if (!context.require("branches that cannot fail", reason === undefined, () => reason ?? "every operator takes all values")) return undefined;
    const both = [...operatorsIn(graph, thenBranch), ...operatorsIn(graph, elseBranch)];
    const product = both.find((node) => findOperator(node.domain, node.op)?.family === "linear");
    if (!context.require("small branches", !product && both.length <= options.bothBranches, () => (product ? `${product.op} is among them` : `they have ${both.length} operators; the budget is ${options.bothBranches}`))) return undefined;
    return { nodes: [root.id], bindings: { thenBranch, elseBranch } };
  },
  rewrite(match, rewriter, context) {
    const root = context.find(match.root)!;
    const { thenBranch, elseBranch } = match.bindings as { thenBranch: number; elseBranch: number };
    const values = [thenBranch, elseBranch].map((branch) => {
      const inside = copyRegion(rewriter, context, branch, root.region, root, new Map());
      return context.graph.region(branch).outputs.map((output) => inside(output.value));
    });
    replaceOutputs(rewriter, context, root, (output): ValueRef => {
      const node = rewriter.addNode({ op: "Where", inputs: [root.inputs[0]!, values[0]![output]!, values[1]![output]!], outputs: [{ name: context.freshName(root.outputs[output]!.name), type: root.outputs[output]!.type }], region: root.region, order: root.order });
      rewriter.derive("replace", [root.id], [node]);
      return { node, output: 0 };
    });
  },
  examples: [
    {
      title: "Two activations",
      before: `graph @main(%x: float32[4], %c: bool[]) -> (%y: float32[4]) {
  %y = If(%c) then_branch () { %t = Relu(%x) return %t } else_branch () { %e = Neg(%x) return %e }
  return %y
}`,
      after: `graph @main(%x: float32[4], %c: bool[]) -> (%y: float32[4]) {
  %t = Relu(%x)
  %e = Neg(%x)
  %y = Where(%c, %t, %e)
  return %y
}`,
    },
    {
      title: "A branch that looks up a place",
      fails: "branches that cannot fail",
      before: untouched("%g = Gather(%x, %i) %t = Add(%x, %g)"),
      after: untouched("%g = Gather(%x, %i) %t = Add(%x, %g)"),
    },
    {
      title: "A product in a branch",
      fails: "small branches",
      before: untouched("%g = MatMul(%x, %x) %t = Add(%x, %g)"),
      after: untouched("%g = MatMul(%x, %x) %t = Add(%x, %g)"),
    },
    {
      title: "Random numbers",
      fails: "deterministic branches",
      before: untouched("%t = RandomNormal() {shape = [4]}"),
      after: untouched("%t = RandomNormal() {shape = [4]}"),
    },
    {
      title: "Results of different shapes",
      fails: "same shapes",
      before: `graph @main(%x: float32[4], %z: float32[1], %c: bool[]) -> (%y: float32[]) {
  %a = If(%c) then_branch () { %t = Relu(%x) return %t } else_branch () { %e = Neg(%z) return %e }
  %y = ReduceSum(%a) {keepdims = 0}
  return %y
}`,
      after: `graph @main(%x: float32[4], %z: float32[1], %c: bool[]) -> (%y: float32[]) {
  %a = If(%c) then_branch () { %t = Relu(%x) return %t } else_branch () { %e = Neg(%z) return %e }
  %y = ReduceSum(%a) {keepdims = 0}
  return %y
}`,
    },
  ],
});
