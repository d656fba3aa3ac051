import type { Attribute } from "../ir/attribute.ts";
import { diffGraphs } from "../ir/diff.ts";
import { isFused, qualifiedOp, type Graph, type Node, type NodeId, type OperatorNode, type ParameterNode, type ValueRef } from "../ir/graph.ts";
import type { Lineage } from "../ir/lineage.ts";
import { topologicalOrder } from "../ir/order.ts";
import { printAttribute, printFloat } from "../ir/printer.ts";
import { toNumbers } from "../ir/tensor.ts";
import type { StepId } from "../ir/timeline.ts";
import { findOperator, type OperatorDefinition } from "../ops/index.ts";
import { elementOfCode } from "../ops/support/element-codes.ts";
import { nodeFlops, valueBytes } from "./cost.ts";
import type { GraphView, InputView, Mark, ModelId, NodeView, RegionView } from "./protocol.ts";

/**
 * The name-scope path of a node: "/block1/conv/Conv" lies in block1, conv. Nodes without a name take the place that
 * their first value's name gives.
 */
export function scopeOf(node: Node): readonly string[] {
  const name = node.name || (node.outputs.find((o) => o.name !== "")?.name ?? "");
  const parts = name.split("/").filter((part) => part !== "");
  return parts.slice(0, -1);
}

const times = (sizes: readonly unknown[]): string => sizes.join("×");

/** The attributes that tell a node from its like, in a few characters: "3×3, stride 2, pad 1". */
export function detailOf(node: OperatorNode): string {
  const read = (name: string): unknown => {
    const attribute = node.attributes[name];
    return attribute && "value" in attribute ? attribute.value : undefined;
  };
  const parts: string[] = [];
  const kernel = read("kernel_shape") as readonly number[] | undefined;
  if (kernel) parts.push(times(kernel));
  const uniform = (name: string, label: string, neutral: number): void => {
    const values = read(name) as readonly number[] | undefined;
    if (!values || values.every((v) => Number(v) === neutral)) return;
    parts.push(`${label} ${values.every((v) => v === values[0]) ? values[0] : times(values)}`);
  };
  uniform("strides", "stride", 1);
  uniform("dilations", "dilation", 1);
  if (kernel) uniform("pads", "pad", 0);
  const group = read("group");
  if (group !== undefined && Number(group) !== 1) parts.push(`groups ${group}`);
  for (const name of ["axis", "perm", "axes", "to", "mode", "alpha", "beta", "num_heads", "approximate", "direction", "transA", "transB"]) {
    const attribute = node.attributes[name];
    if (!attribute || attribute.kind === "tensor") continue;
    if ((name === "alpha" || name === "beta") && node.op === "Gemm" && "value" in attribute && attribute.value === 1) continue;
    if (name.startsWith("trans") && "value" in attribute && Number(attribute.value) === 0) continue;
    // Element types are numbers in the file.
    const element = name === "to" && attribute.kind === "int" ? elementOfCode(Number(attribute.value)) : undefined;
    parts.push(element ? `to ${element}` : name.startsWith("trans") ? name : `${name} ${shortAttribute(attribute)}`);
  }
  return parts.join(", ");
}

function shortAttribute(attribute: Attribute): string {
  switch (attribute.kind) {
    case "float":
      return printFloat(attribute.value).replace(/\.0$/, "");
    case "string":
      return attribute.value;
    case "ints":
      return `[${attribute.value.join(", ")}]`;
    default:
      return printAttribute(attribute);
  }
}

/** What a fused group is made of, in order. */
export function partsOf(graph: Graph, node: OperatorNode): string[] {
  const body = node.regions["body"];
  if (!isFused(node) || body === undefined) return [];
  return topologicalOrder(graph, body).flatMap((id) => {
    const inner = graph.operator(id);
    return inner ? [qualifiedOp(inner)] : [];
  });
}

/** The schema's name of an input, "W"; of a variadic one with its number. */
export function inputLabel(definition: OperatorDefinition, index: number): string {
  const formal = definition.inputs[Math.min(index, definition.inputs.length - 1)];
  return formal ? (formal.presence === "variadic" ? `${formal.name}${index - definition.inputs.length + 1}` : formal.name) : "";
}

/** What the operators inside a fused group call its inputs: "X", "W", "max"; where none of them names one, its name in the group. */
export function fusedLabels(graph: Graph, node: OperatorNode): readonly string[] {
  const body = node.regions["body"];
  if (body === undefined) return [];
  return graph.region(body).parameters.map((parameter) => {
    for (const use of graph.usesOf(parameter)) {
      const user = use.kind === "input" ? graph.operator(use.user) : undefined;
      if (!user || use.kind !== "input") continue;
      const definition = findOperator(user.domain, user.op);
      const label = isFused(user) ? fusedLabels(graph, user)[use.index] : definition && inputLabel(definition, use.index);
      if (label) return label;
    }
    return graph.node(parameter).outputs[0]!.name;
  });
}

function inputView(graph: Graph, node: Node, index: number, ref: ValueRef | null, labels?: readonly (string | undefined)[]): InputView {
  const definition = node.kind === "operator" ? findOperator(node.domain, node.op) : undefined;
  const label = labels?.[index] ?? (definition ? inputLabel(definition, index) : "");
  if (!ref) return { label, name: "", type: "" };
  const producer = graph.find(ref.node);
  const view: InputView = {
    label,
    name: producer?.outputs[ref.output]?.name ?? "",
    type: graph.type(ref).text,
    from: ref.node,
    output: ref.output,
    ...(producer && producer.region !== node.region ? { captured: true } : {}),
  };
  if (producer?.kind !== "constant") return view;
  const { value } = producer;
  let scalar: number | string | undefined;
  if (value.count === 1 && value.type.element !== null && !value.type.element.startsWith("complex")) {
    const tensor = value.tensor();
    scalar = Array.isArray(tensor.data) ? tensor.data[0] : (toNumbers(tensor)[0] as number);
  }
  return { ...view, constant: { bytes: value.bytes, ...(scalar === undefined ? {} : { scalar }) } };
}

export function nodeView(graph: Graph, node: OperatorNode | ParameterNode): NodeView {
  const weights = new Set<NodeId>();
  let weightBytes = 0;
  for (const input of node.inputs) {
    const value = graph.constant(input);
    if (!value || weights.has(input!.node)) continue;
    weights.add(input!.node);
    weightBytes += value.bytes;
  }
  const labels = node.kind === "operator" && isFused(node) ? fusedLabels(graph, node) : undefined;
  const outputs = node.outputs.map((output) => ({ name: output.name, type: output.type.text }));
  const bytes = node.outputs.map((output) => valueBytes(output.type));
  const outputBytes = bytes.includes(undefined) ? undefined : bytes.reduce<number>((a, b) => a + b!, 0);
  const common = {
    id: node.id,
    name: node.name,
    scope: scopeOf(node),
    region: node.region,
    inputs: node.inputs.map((ref, index) => inputView(graph, node, index, ref, labels)),
    outputs,
    weightBytes,
    ...(outputBytes === undefined ? {} : { outputBytes }),
  };
  if (node.kind === "parameter") return { ...common, kind: "parameter", op: "Input", domain: "", family: "parameter", detail: "", scope: [], bodies: [], parts: [] };
  const flops = nodeFlops(graph, node);
  const fused = isFused(node);
  return {
    ...common,
    kind: fused ? "fused" : "operator",
    op: node.op,
    domain: node.domain,
    family: fused ? "fused" : (findOperator(node.domain, node.op)?.family ?? "custom"),
    detail: fused ? "" : detailOf(node),
    bodies: Object.entries(node.regions).map(([name, region]) => ({ name, region })),
    parts: partsOf(graph, node),
    ...(flops === undefined ? {} : { flops }),
  };
}

export function regionViews(graph: Graph): RegionView[] {
  const views: RegionView[] = [];
  for (const region of graph.regions) {
    if (!region) continue;
    views.push({
      id: region.id,
      owner: region.owner,
      name: region.name,
      parameters: region.parameters,
      outputs: region.outputs.map((o) => ({ name: o.name, type: graph.type(o.value).text, from: o.value.node, output: o.value.output })),
    });
  }
  return views;
}

export const isDrawn = (node: Node): node is OperatorNode | ParameterNode => node.kind !== "constant";

/** Every region's nodes in topological order, the root first. */
export function nodesInOrder(graph: Graph): Node[] {
  const nodes: Node[] = [];
  for (const region of graph.regions) if (region) for (const id of topologicalOrder(graph, region.id)) nodes.push(graph.node(id));
  return nodes;
}

export function graphView(model: ModelId, step: StepId, graph: Graph): GraphView {
  return { model, step, nodes: nodesInOrder(graph).filter(isDrawn).map((node) => nodeView(graph, node)), regions: regionViews(graph), lineage: [] };
}

/** A step that another is compared with. */
export interface ComparedStep {
  readonly step: StepId;
  readonly graph: Graph;
  readonly lineage: Lineage;
}

/** What is drawn of two steps together: each node with the graph it stands in. */
export interface StepUnion {
  readonly rows: readonly { readonly node: OperatorNode | ParameterNode; readonly graph: Graph; readonly mark: Mark }[];
  readonly regions: readonly RegionView[];
  /** where the added nodes come from in the base step */
  readonly lineage: GraphView["lineage"];
}

/**
 * The union of two steps: the nodes of `graph`, and those that only the base step has, each marked. A node whose
 * constants alone changed is marked changed too.
 */
export function unionOf(step: StepId, graph: Graph, base: ComparedStep): StepUnion {
  const diff = diffGraphs(base.graph, graph);
  const added = new Set(diff.added.map((node) => node.id));
  // A new type downstream or another constant shows as a change; a value that merely has a new producer does not.
  const changed = new Set(diff.changed.map((change) => change.after.id));
  const rows: StepUnion["rows"][number][] = [];
  const removed = diff.removed.filter(isDrawn).sort((a, b) => a.order - b.order || a.id - b.id);
  let next = 0;
  for (const node of nodesInOrder(graph).filter(isDrawn)) {
    // Removed nodes stand where they stood: before the first node that comes after them.
    while (next < removed.length && removed[next]!.region === node.region && (removed[next]!.order < node.order || (removed[next]!.order === node.order && removed[next]!.id < node.id)))
      rows.push({ node: removed[next++]!, graph: base.graph, mark: "removed" });
    rows.push({ node, graph, mark: added.has(node.id) ? "added" : changed.has(node.id) ? "changed" : "unchanged" });
  }
  while (next < removed.length) rows.push({ node: removed[next++]!, graph: base.graph, mark: "removed" });
  const regions = regionViews(graph);
  const known = new Set(regions.map((region) => region.id));
  return {
    rows,
    regions: [...regions, ...regionViews(base.graph).filter((region) => !known.has(region.id))],
    lineage: diff.added.filter(isDrawn).map((node) => [node.id, base.lineage.follow(node.id, step, base.step)] as const),
  };
}

export function unionView(model: ModelId, step: StepId, graph: Graph, base: ComparedStep): GraphView {
  const { rows, regions, lineage } = unionOf(step, graph, base);
  return { model, step, base: base.step, nodes: rows.map(({ node, graph: of, mark }) => ({ ...nodeView(of, node), mark })), regions, lineage };
}
