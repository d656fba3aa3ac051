import type { OperatorNode, ValueRef } from "../ir/graph.ts";
import { shapesEqual } from "../ir/value-type.ts";
import { defineRewrite, type MatchContext } from "./definition.ts";
import { recognizeRms } from "./rms-normalization-fusion.ts";
import { fuseGroup } from "./support/fused-group.ts";
import { producersFirst, type Recognized } from "./support/operator-fusion.ts";

const outputOf = (node: OperatorNode): ValueRef => ({ node: node.id, output: 0 });

/** The normalization that `root` is or ends: its value and its nodes, the last one last. */
function normalizationAt(root: OperatorNode, context: MatchContext): { x: ValueRef; nodes: readonly OperatorNode[]; operands: readonly (ValueRef | null)[] } | undefined {
  if (root.op === "LayerNormalization" || root.op === "RMSNormalization") {
    const further = context.graph.usesOf(root.id).some((use) => use.output > 0);
    return further ? undefined : { x: root.inputs[0]!, nodes: [root], operands: root.inputs.slice(1) };
  }
  const silent: MatchContext = { ...context, require: (_name, state) => state === true || state === "satisfied" };
  const found: Recognized | undefined = recognizeRms(root, silent);
  if (!found) return undefined;
  const last = found.last ?? found.nodes[0]!;
  const inside = new Set(found.nodes.map((node) => node.id));
  const x = found.inputs[0] as ValueRef;
  const operands = found.nodes.flatMap((node) => node.inputs).filter((ref) => ref && !inside.has(ref.node) && ref.node !== x.node);
  return { x, nodes: [...producersFirst(found.nodes).filter((node) => node !== last), last], operands };
}

const isSum = (node: OperatorNode | undefined): node is OperatorNode => node !== undefined && node.domain === "" && (node.op === "Add" || (node.op === "Sum" && node.inputs.length === 2));

const layer = (results = "%y: float32[N, 4, 8]", returned = "%y"): string => `graph @main(%x: float32[N, 4, 8], %r: float32[N, 4, 8]) -> (${results}) {
  %g = constant float32[8] [1, 2, 3, 4, 5, 6, 7, 8]
  %s = Add(%x, %r)
  %y = LayerNormalization(%s, %g) "norm"
  return ${returned}
}`;

export const skipNormalizationGroup = defineRewrite({
  name: "skip-normalization-group",
  title: "Residual sum and normalization",
  summary: "Groups a sum with the LayerNormalization or RMSNormalization of it; the sum is given out too where something else uses it.",
  why: "The sum is read back from registers or cache for the statistics, and written at most once.",
  exactness: "exact",
  roots: ["LayerNormalization", "RMSNormalization", "Div", "Mul"],
  preconditions: [
    { name: "a sum is normalized", doc: "What is normalized comes straight from an Add (or a Sum of two) in the same graph, and the normalization gives nothing else out. A bias that is added before belongs to it when only the sum uses it." },
    { name: "the sum's shape", doc: "The operands of the sum broadcast to a proven shape that one of them has." },
    { name: "constant scale", doc: "Scale and shift are constants, so that nothing computed from the sum comes back into the group." },
  ],
  match(root, context) {
    const found = normalizationAt(root, context);
    const sum = found && context.find(found.x.node);
    if (!found || (!isSum(sum) && root.op !== "LayerNormalization" && root.op !== "RMSNormalization")) return undefined;
    if (!context.require("a sum is normalized", isSum(sum) && sum.region === root.region, () => (sum ? `${context.describe(found.x)} gives the value` : "the value is given")) || !isSum(sum)) return undefined;
    const shape = context.shape(outputOf(sum)) ?? null;
    const keeps = (node: OperatorNode): boolean => node.inputs.some((ref) => shapesEqual(context.shape(ref) ?? null, shape));
    let holds = context.require("the sum's shape", keeps(sum) ? true : "unknown", () => sum.inputs.map((ref) => context.type(ref).text).join(" and "));
    const computed = found.operands.find((ref) => ref && !context.constant(ref));
    holds = context.require("constant scale", computed === undefined, () => (computed ? `${context.describe(computed)} is computed` : "they are constants")) && holds;
    if (!holds) return undefined;
    const bias = sum.inputs.map((ref) => context.find(ref?.node ?? -1)).find((node) => isSum(node) && node.region === root.region && context.onlyUser(outputOf(node))?.id === sum.id && node.inputs.some((ref) => context.constant(ref)) && shapesEqual(context.shape(outputOf(node)) ?? null, shape));
    const parts = [...(bias ? [bias] : []), sum, ...found.nodes];
    return { nodes: [root.id, ...parts.filter((node) => node !== root).map((node) => node.id)], bindings: { parts } };
  },
  rewrite(match, rewriter, context) {
    const parts = match.bindings.parts as readonly OperatorNode[];
    const last = parts.at(-1)!;
    const kind = last.op.endsWith("Normalization") ? last.op : "RMSNormalization";
    fuseGroup(rewriter, context, { kind: `Add+${kind}`, parts, anchor: last });
  },
  examples: [
    {
      title: "As after attention in a transformer",
      before: layer(),
      after: `graph @main(%x: float32[N, 4, 8], %r: float32[N, 4, 8]) -> (%y: float32[N, 4, 8]) {
  %g = constant float32[8] [1, 2, 3, 4, 5, 6, 7, 8]
  %y = graphwright.Fused(%x, %r, %g) {kind = "Add+LayerNormalization"} "norm" body (%A: float32[N, 4, 8], %B: float32[N, 4, 8], %Scale: float32[8]) {
    %s = Add(%A, %B)
    %y = LayerNormalization(%s, %Scale) "norm"
    return %y
  }
  return %y
}`,
    },
    {
      title: "The sum goes on as the next residual",
      before: layer("%y: float32[N, 4, 8], %z: float32[N, 4, 8]", "%y, %z").replace("  return", "  %z = Neg(%s)\n  return"),
      after: `graph @main(%x: float32[N, 4, 8], %r: float32[N, 4, 8]) -> (%y: float32[N, 4, 8], %z: float32[N, 4, 8]) {
  %g = constant float32[8] [1, 2, 3, 4, 5, 6, 7, 8]
  %y, %s = graphwright.Fused(%x, %r, %g) {kind = "Add+LayerNormalization"} "norm" body (%A: float32[N, 4, 8], %B: float32[N, 4, 8], %Scale: float32[8]) {
    %s = Add(%A, %B)
    %y = LayerNormalization(%s, %Scale) "norm"
    return %y, %s
  }
  %z = Neg(%s)
  return %y, %z
}`,
    },
    ...[layer().replace("  %g = constant float32[8] [1, 2, 3, 4, 5, 6, 7, 8]\n", "").replace('"norm"', '"norm"').replace("  %y = Layer", "  %i = constant int64[2] [0, 0]\n  %g = GatherND(%s, %i)\n  %y = Layer")].map((text) => ({ title: "The scale is computed from the sum", fails: "constant scale", before: text, after: text })),
  ],
});
