import { GraphwrightError } from "../../support/diagnostic.ts";
import type { AttributeProto, GraphProto, NodeProto } from "./onnx_pb.ts";

/**
 * The nodes with each one after those that make its inputs (and the values its bodies capture). Gives the same array
 * when it is so already. `isGiven` tells the graph's own inputs and initializers, which no node may compute. Throws "duplicate-value" and "cycle".
 */
export function sortNodes(nodes: readonly NodeProto[], file: string, isGiven: (name: string) => boolean): readonly NodeProto[] {
  const makers = new Map<string, number>();
  for (const [index, node] of nodes.entries())
    for (const name of node.output) {
      if (name === "") continue;
      const other = makers.get(name);
      if (other !== undefined)
        throw new GraphwrightError("duplicate-value", `the value ${JSON.stringify(name)} is computed by two nodes: ${label(nodes[other] as NodeProto)} and ${label(node)}.`, { file, node: label(node) });
      if (isGiven(name)) throw new GraphwrightError("duplicate-value", `the value ${JSON.stringify(name)} is an input or initializer, and ${label(node)} computes it again.`, { file, node: label(node) });
      makers.set(name, index);
    }
  const memo = new Map<GraphProto, ReadonlySet<string>>();
  const sources = (index: number): number[] => {
    const found: number[] = [];
    for (const name of usedNames(nodes[index] as NodeProto, memo)) {
      const maker = name === "" ? undefined : makers.get(name);
      if (maker !== undefined) found.push(maker);
    }
    return found;
  };
  if (isSorted(nodes, makers, memo)) return nodes;

  const sorted: NodeProto[] = [];
  /** 1 while its sources are visited, 2 when placed */
  const state = new Uint8Array(nodes.length);
  for (let start = 0; start < nodes.length; start++) {
    if (state[start] === 2) continue;
    const stack: { index: number; pending: number[] }[] = [{ index: start, pending: sources(start) }];
    state[start] = 1;
    while (stack.length > 0) {
      const top = stack.at(-1) as { index: number; pending: number[] };
      const next = top.pending.shift();
      if (next === undefined) {
        state[top.index] = 2;
        sorted.push(nodes[top.index] as NodeProto);
        stack.pop();
      } else if (state[next] === 1) {
        const at = stack.findIndex((entry) => entry.index === next);
        const cycle = stack.slice(at, at + 6).map((entry) => label(nodes[entry.index] as NodeProto));
        throw new GraphwrightError("cycle", `nodes depend on each other in a circle: ${[...cycle, cycle[0]].join(" <- ")}.`, { file, node: label(nodes[next] as NodeProto) });
      } else if (state[next] === 0) {
        state[next] = 1;
        stack.push({ index: next, pending: sources(next) });
      }
    }
  }
  return sorted;
}

function isSorted(nodes: readonly NodeProto[], makers: ReadonlyMap<string, number>, memo: Map<GraphProto, ReadonlySet<string>>): boolean {
  const early = (name: string, index: number): boolean => name !== "" && (makers.get(name) ?? -1) >= index;
  for (const [index, node] of nodes.entries()) {
    for (const name of node.input) if (early(name, index)) return false;
    for (const attribute of node.attribute)
      for (const graph of bodies(attribute)) for (const name of freeNames(graph, memo)) if (early(name, index)) return false;
  }
  return true;
}

const noBodies: readonly GraphProto[] = [];
const bodies = (attribute: AttributeProto): readonly GraphProto[] =>
  attribute.g ? [attribute.g, ...attribute.graphs] : attribute.graphs.length > 0 ? attribute.graphs : noBodies;

const label = (node: NodeProto): string => `${node.name || node.output.find((name) => name !== "") || "unnamed"} (${node.opType})`;

function usedNames(node: NodeProto, memo: Map<GraphProto, ReadonlySet<string>>): readonly string[] {
  const graphs = node.attribute.flatMap(bodies);
  return graphs.length === 0 ? node.input : [...node.input, ...graphs.flatMap((graph) => [...freeNames(graph, memo)])];
}

/** Names that a body uses and does not define: what it captures. */
function freeNames(graph: GraphProto, memo: Map<GraphProto, ReadonlySet<string>>): ReadonlySet<string> {
  const known = memo.get(graph);
  if (known) return known;
  const free = new Set<string>();
  for (const node of graph.node) for (const name of usedNames(node, memo)) free.add(name);
  for (const output of graph.output) free.add(output.name);
  for (const entry of graph.input) free.delete(entry.name);
  for (const tensor of graph.initializer) free.delete(tensor.name);
  for (const tensor of graph.sparseInitializer) free.delete(tensor.values?.name ?? "");
  for (const node of graph.node) for (const name of node.output) free.delete(name);
  free.delete("");
  memo.set(graph, free);
  return free;
}
