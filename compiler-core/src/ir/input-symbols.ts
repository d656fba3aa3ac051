import { dimSymbols } from "./dim.ts";
import type { Graph } from "./graph.ts";

/** The symbols of a graph's inputs. */
export function inputSymbols(graph: Graph): string[] {
  const found = new Set<string>();
  for (const id of graph.root.parameters) {
    const type = graph.node(id).outputs[0]!.type;
    if (type.kind === "tensor") for (const d of type.shape ?? []) for (const name of dimSymbols(d)) found.add(name);
  }
  return [...found];
}
