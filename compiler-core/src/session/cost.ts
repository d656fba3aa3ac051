import { fusedDomain, type Graph, type Node, type NodeId, type OperatorNode, type RegionId, rootRegion, type ValueRef } from "../ir/graph.ts";
import { byteSize } from "../ir/element-type.ts";
import { topologicalOrder, captures } from "../ir/order.ts";
import { elementCount, elementOf, staticShape, type ValueType } from "../ir/value-type.ts";
import type { GraphDiff } from "../ir/diff.ts";
import { attributeReader, findOperator } from "../ops/index.ts";
import type { CostView } from "./protocol.ts";

/** Bytes of a value, or undefined when its shape or element type is not known. */
export function valueBytes(type: ValueType): number | undefined {
  const dims = staticShape(type);
  const element = elementOf(type);
  return dims === undefined || element === null ? undefined : byteSize(element, elementCount(dims));
}

/** FLOPs of a node, bodies of fused groups included; undefined when a shape or the formula is missing. */
export function nodeFlops(graph: Graph, node: OperatorNode): number | undefined {
  const body = node.regions["body"];
  if (node.domain === fusedDomain && body !== undefined) {
    let sum = 0;
    for (const id of bodyNodes(graph, body)) {
      const inner = graph.operator(id);
      const flops = inner ? nodeFlops(graph, inner) : 0;
      if (flops === undefined) return undefined;
      sum += flops;
    }
    return sum;
  }
  const definition = findOperator(node.domain, node.op);
  if (!definition) return undefined;
  if (definition.family === "shape" || definition.family === "control" || definition.family === "sequence") return definition.cost ? costOf(graph, node) : 0;
  return definition.cost ? costOf(graph, node) : undefined;
}

/** Nodes that the results of a body need: found from there, since the whole graph may be large and this is asked at each step. */
function bodyNodes(graph: Graph, body: RegionId): ReadonlySet<NodeId> {
  const found = new Set<NodeId>();
  const pending = graph.region(body).outputs.map((output) => output.value.node);
  for (let id = pending.pop(); id !== undefined; id = pending.pop()) {
    const node = graph.find(id);
    if (!node || node.region !== body || found.has(id)) continue;
    found.add(id);
    for (const input of node.inputs) if (input) pending.push(input.node);
  }
  return found;
}

function costOf(graph: Graph, node: OperatorNode): number | undefined {
  const definition = findOperator(node.domain, node.op)!;
  const inputs = node.inputs.map((input) => graph.type(input));
  const outputs = node.outputs.map((output) => output.type);
  // A formula reads sizes only: with a symbolic or unknown size there is no number to give.
  const needed = [...inputs.filter((_, i) => node.inputs[i] !== null), ...outputs.filter((_, i) => node.outputs[i]!.name !== "" || i === 0)];
  if (needed.some((type) => type.kind === "tensor" && staticShape(type) === undefined) || needed.some((type) => type.kind === "unknown")) return undefined;
  const flops = definition.cost!({ attributes: attributeReader(node, definition), inputs, outputs }).flops;
  return Number.isFinite(flops) ? flops : undefined;
}

interface Totals {
  nodes: number;
  flops: number;
  flopsUnknown: number;
  parameters: number;
  weightBytes: number;
}

/** Nodes inside the body of a fused group are part of the group. */
export function insideFused(graph: Graph, node: Node): boolean {
  let region: RegionId = node.region;
  while (region !== rootRegion) {
    const owner = graph.regions.get(region)?.owner;
    const record = owner === null || owner === undefined ? undefined : graph.find(owner);
    if (!record) return false;
    if (record.kind === "operator" && record.domain === fusedDomain) return true;
    region = record.region;
  }
  return false;
}

function addNode(totals: Totals, graph: Graph, node: Node, sign: 1 | -1): void {
  if (node.kind === "constant") {
    // Copies of a constant inside a fused body are counted: they are stored.
    totals.parameters += sign * node.value.count;
    totals.weightBytes += sign * node.value.bytes;
    return;
  }
  if (node.kind !== "operator" || insideFused(graph, node)) return;
  totals.nodes += sign;
  const flops = nodeFlops(graph, node);
  if (flops === undefined) totals.flopsUnknown += sign;
  else totals.flops += sign * flops;
}

/** Totals of a graph. O(nodes). */
export function graphCost(graph: Graph): CostView {
  const totals: Totals = { nodes: 0, flops: 0, flopsUnknown: 0, parameters: 0, weightBytes: 0 };
  for (const node of graph) addNode(totals, graph, node, 1);
  return totals;
}

/** Totals after a step from those before it: the cost follows the difference, not the graph. */
export function costAfter(before: CostView, from: Graph, to: Graph, diff: GraphDiff): CostView {
  const totals: Totals = { nodes: before.nodes, flops: before.flops, flopsUnknown: before.flopsUnknown, parameters: before.parameters, weightBytes: before.weightBytes };
  for (const node of diff.removed) addNode(totals, from, node, -1);
  for (const node of diff.added) addNode(totals, to, node, 1);
  for (const change of diff.changed) {
    addNode(totals, from, change.before, -1);
    addNode(totals, to, change.after, 1);
  }
  return totals;
}

/**
 * Largest sum of live activation bytes while the root region runs in topological order; inputs and outputs of the
 * model count, constants do not. A node that only renames (Reshape and its like) shares its input's bytes.
 * Undefined when any activation's size is unknown.
 */
export function peakBytes(graph: Graph): number | undefined {
  const order = topologicalOrder(graph, rootRegion);
  const position = new Map<NodeId, number>(order.map((id, index) => [id, index]));
  const aliases = new Map<string, string>();
  const key = (ref: ValueRef): string => {
    let at = `${ref.node}:${ref.output}`;
    for (let next = aliases.get(at); next !== undefined; next = aliases.get(at)) at = next;
    return at;
  };
  const lastUse = new Map<string, number>();
  const size = new Map<string, number>();
  const born = new Map<string, number>();
  const touch = (ref: ValueRef, when: number): void => {
    const id = key(ref);
    if (size.has(id)) lastUse.set(id, Math.max(lastUse.get(id) ?? when, when));
  };
  for (const [index, id] of order.entries()) {
    const node = graph.node(id);
    if (node.kind === "constant") continue;
    for (const input of node.inputs) if (input) touch(input, index);
    if (node.kind === "operator" && Object.keys(node.regions).length > 0)
      for (const captured of captures(graph, id)) for (const [output] of graph.node(captured).outputs.entries()) touch({ node: captured, output }, index);
    if (node.kind === "operator" && node.domain === "" && renames.has(node.op) && node.inputs[0] && graph.find(node.inputs[0].node)?.kind !== "constant") {
      aliases.set(`${id}:0`, key(node.inputs[0]));
      touch({ node: id, output: 0 }, index);
      continue;
    }
    for (const [output, value] of node.outputs.entries()) {
      if (node.kind === "operator" && value.name === "" && graph.usesOfValue({ node: id, output }).length === 0) continue;
      const bytes = valueBytes(value.type);
      if (bytes === undefined) return undefined;
      size.set(`${id}:${output}`, bytes);
      born.set(`${id}:${output}`, index);
      lastUse.set(`${id}:${output}`, index);
    }
  }
  for (const output of graph.root.outputs) touch(output.value, order.length);
  for (const id of graph.root.parameters) born.set(`${id}:0`, Math.min(born.get(`${id}:0`) ?? 0, position.get(id) ?? 0));
  const change = new Float64Array(order.length + 2);
  for (const [id, bytes] of size) {
    change[born.get(id)!]! += bytes;
    change[lastUse.get(id)! + 1]! -= bytes;
  }
  let live = 0;
  let peak = 0;
  for (const delta of change) {
    live += delta;
    peak = Math.max(peak, live);
  }
  return peak;
}

const renames: ReadonlySet<string> = new Set(["Reshape", "Flatten", "Squeeze", "Unsqueeze", "Identity"]);
