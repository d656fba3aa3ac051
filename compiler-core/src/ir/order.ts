import { Heap } from "../support/heap.ts";
import type { Graph, NodeId, RegionId } from "./graph.ts";

/**
 * Topological order of the nodes that lie directly in a region (Kahn 1962 with a priority queue): among nodes whose
 * inputs are done, the one with the smallest (order, id) comes first, so an order that was valid stays as it was.
 * A node with bodies depends on everything its bodies capture. Throws RangeError on a cycle.
 */
export function topologicalOrder(graph: Graph, region: RegionId = 0): NodeId[] {
  const members = graph.members(region);
  const asTheyStand = alreadyInOrder(graph, members);
  if (asTheyStand) return asTheyStand;
  const waiting = new Map<NodeId, number>();
  const next = new Map<NodeId, NodeId[]>();
  const addEdge = (from: NodeId, to: NodeId): void => {
    const list = next.get(from);
    if (list) list.push(to);
    else next.set(from, [to]);
    waiting.set(to, (waiting.get(to) ?? 0) + 1);
  };
  for (const id of members) {
    const node = graph.node(id);
    for (const input of node.inputs) if (input && graph.find(input.node)?.region === region) addEdge(input.node, id);
    if (node.kind === "operator")
      for (const capture of captures(graph, node.id)) if (graph.find(capture)?.region === region) addEdge(capture, id);
  }
  const before = (a: NodeId, b: NodeId): boolean => {
    const x = graph.node(a).order;
    const y = graph.node(b).order;
    return x < y || (x === y && a < b);
  };
  const heap = new Heap<NodeId>(before);
  for (const id of members) if (!waiting.has(id)) heap.push(id);
  const order: NodeId[] = [];
  for (let id = heap.pop(); id !== undefined; id = heap.pop()) {
    order.push(id);
    for (const user of next.get(id) ?? []) {
      const left = (waiting.get(user) as number) - 1;
      waiting.set(user, left);
      if (left === 0) heap.push(user);
    }
  }
  if (order.length !== members.length) throw new RangeError(`the graph has a cycle among ${members.length - order.length} nodes`);
  return order;
}

/** The members by (order, id) when every input stands before its user, which is so in most graphs: the heap would give the same. */
function alreadyInOrder(graph: Graph, members: readonly NodeId[]): NodeId[] | undefined {
  const sorted = members.slice();
  const orders = new Map<NodeId, number>();
  let ascending = true;
  for (const [index, id] of sorted.entries()) {
    const { order } = graph.node(id);
    orders.set(id, order);
    if (index > 0) {
      const before = sorted[index - 1]!;
      const beforeOrder = orders.get(before)!;
      if (beforeOrder > order || (beforeOrder === order && before > id)) ascending = false;
    }
  }
  if (!ascending) sorted.sort((a, b) => orders.get(a)! - orders.get(b)! || a - b);
  const seen = new Set<NodeId>();
  for (const id of sorted) {
    const node = graph.node(id);
    for (const input of node.inputs) if (input && orders.has(input.node) && !seen.has(input.node)) return undefined;
    if (node.kind === "operator") for (const capture of captures(graph, id)) if (orders.has(capture) && !seen.has(capture)) return undefined;
    seen.add(id);
  }
  return sorted;
}

function hasAny(regions: object): boolean {
  for (const _ in regions) return true;
  return false;
}

/** Producers outside a node's bodies whose values the bodies use, at any depth. */
export function captures(graph: Graph, owner: NodeId): NodeId[] {
  const node = graph.operator(owner);
  if (!node || !hasAny(node.regions)) return [];
  const bodies = Object.values(node.regions);
  const inside = new Set<RegionId>();
  const found = new Set<NodeId>();
  const pending = [...bodies];
  const uses: NodeId[] = [];
  while (pending.length > 0) {
    const region = pending.pop() as RegionId;
    inside.add(region);
    for (const output of graph.region(region).outputs) uses.push(output.value.node);
    for (const id of graph.members(region)) {
      const inner = graph.node(id);
      for (const input of inner.inputs) if (input) uses.push(input.node);
      if (inner.kind === "operator") pending.push(...Object.values(inner.regions));
    }
  }
  for (const id of uses) {
    const producer = graph.find(id);
    if (producer && !inside.has(producer.region)) found.add(id);
  }
  return [...found];
}
