import type { Attribute } from "../ir/attribute.ts";
import { describeNode, qualifiedOp, type Graph, type Node, type NodeId, type OperatorNode, type ParameterNode } from "../ir/graph.ts";
import type { Lineage } from "../ir/lineage.ts";
import { printAttribute, printFloat } from "../ir/printer.ts";
import type { StepId, Timeline } from "../ir/timeline.ts";
import { findOperator, type AttributeInfo } from "../ops/index.ts";
import { elementOfCode } from "../ops/support/element-codes.ts";
import type { Diagnostic } from "../support/diagnostic.ts";
import type { AttributeView, LineageView, NodeDetail } from "./protocol.ts";
import { insideFused } from "./cost.ts";
import { nodeView } from "./views.ts";

const longest = 2000;

const shorten = (text: string): string => (text.length <= longest ? text : `${text.slice(0, longest)}… (${text.length} characters)`);

function printFallback(info: AttributeInfo): string {
  const { fallback, kind } = info;
  if (Array.isArray(fallback)) return `[${fallback.map((v) => (typeof v === "string" ? JSON.stringify(v) : `${v}`)).join(", ")}]`;
  if (typeof fallback === "string") return JSON.stringify(fallback);
  return kind === "float" ? printFloat(Number(fallback)) : `${fallback as number}`;
}

/** Element types are numbers in the file: " (float32)" behind them. */
function elementName(name: string, value: Attribute): string {
  const element = value.kind === "int" && /^(to|.*dtype|stash_type)$/.test(name) ? elementOfCode(Number(value.value)) : undefined;
  return element ? ` (${element})` : "";
}

function attributeViews(node: OperatorNode): AttributeView[] {
  const schema = findOperator(node.domain, node.op)?.attributes ?? {};
  const views: AttributeView[] = Object.entries(node.attributes).map(([name, value]) => ({
    name,
    value: `${shorten(printAttribute(value))}${elementName(name, value)}`,
    isDefault: false,
    doc: Object.hasOwn(schema, name) ? schema[name]!.doc : "",
  }));
  for (const [name, info] of Object.entries(schema))
    if (!Object.hasOwn(node.attributes, name) && info.fallback !== undefined) views.push({ name, value: printFallback(info), isDefault: true, doc: info.doc });
  return views.sort((a, b) => Number(a.isDefault) - Number(b.isDefault) || (a.name < b.name ? -1 : 1));
}

/** "conv1 (Conv)"; a constant is told by its value's name. */
const labelOf = (node: Node): string =>
  node.kind === "constant" ? `${node.outputs[0]!.name || `#${node.id}`} (constant ${node.value.type.text})` : describeNode(node);

export function nodeDetail(timeline: Timeline, lineage: Lineage, step: StepId, id: NodeId, problems: readonly Diagnostic[]): NodeDetail {
  const { graph } = timeline.step(step);
  const node = graph.node(id);
  const first = timeline.step(0).graph;
  const origin = (origins: readonly NodeId[], from: Graph): LineageView[] =>
    origins.filter((o) => from.has(o)).map((o) => ({ id: o, label: labelOf(from.node(o)), alive: graph.has(o) }));
  const definition = node.kind === "operator" ? findOperator(node.domain, node.op) : undefined;
  const users = graph.usesOf(id).flatMap((use) => {
    if (use.kind === "result") return use.region === 0 ? [{ node: id, label: `output ${graph.region(0).outputs[use.index]!.name}`, input: use.index, output: use.output }] : [];
    return [{ node: use.user, label: labelOf(graph.node(use.user)), input: use.index, output: use.output }];
  });
  return {
    node: node.kind === "constant" ? constantNodeView(node.id, node.outputs[0]!.name, node.value.type.text, node.value.bytes, node.region) : nodeView(graph, node as OperatorNode | ParameterNode),
    problems,
    doc: node.doc,
    metadata: node.metadata,
    attributes: node.kind === "operator" ? attributeViews(node) : [],
    ...(definition
      ? {
          operator: {
            summary: definition.summary,
            doc: definition.doc ?? "",
            since: definition.versions.map((v) => v.since),
            inputs: definition.inputs.map(({ name, doc }) => ({ name, doc })),
            outputs: definition.outputs.map(({ name, doc }) => ({ name, doc })),
          },
        }
      : {}),
    users,
    origins: step === 0 ? [] : origin(lineage.origins(id, step), first),
    history: lineage.history(id, step).map(({ step: at, entry }) => {
      const { delta, parent } = timeline.step(at);
      const before = timeline.step(parent ?? 0).graph;
      return { step: at, rewrite: delta?.rewrite ?? "", kind: entry.kind, from: entry.from.filter((n) => before.has(n)).map((n) => labelOf(before.node(n))) };
    }),
  };
}

const constantNodeView = (id: NodeId, name: string, type: string, bytes: number, region: number): NodeDetail["node"] => ({
  id,
  kind: "operator",
  op: "Constant",
  domain: "",
  family: "shape",
  name,
  detail: "",
  scope: [],
  region,
  inputs: [],
  outputs: [{ name, type }],
  bodies: [],
  parts: [],
  weightBytes: bytes,
});

/** Operator nodes by qualified name, the most frequent first; a fused group counts as one. */
export const operatorCounts = (graph: Graph): { op: string; count: number }[] => {
  const counts = new Map<string, number>();
  for (const node of graph) if (node.kind === "operator" && !insideFused(graph, node)) counts.set(qualifiedOp(node), (counts.get(qualifiedOp(node)) ?? 0) + 1);
  return [...counts].map(([op, count]) => ({ op, count })).sort((a, b) => b.count - a.count || (a.op < b.op ? -1 : 1));
};
