import { type Dim, parseDim, symbol } from "../../src/ir/dim.ts";
import type { Graph, ParameterNode } from "../../src/ir/graph.ts";
import { Rewriter, tensorType, type ValueType } from "../../src/ir/index.ts";
import { typeRules } from "../../src/ops/index.ts";

/** The same graph with every known size of its inputs replaced by a symbol of its own, types inferred anew. */
export function symbolicInputs(graph: Graph): { graph: Graph; sizes: Map<string, number>; problems: string[] } {
  const sizes = new Map<string, number>();
  const rewriter = new Rewriter(graph, typeRules);
  for (const id of graph.root.parameters) {
    const node = graph.node(id) as ParameterNode;
    const { name, type } = node.outputs[0]!;
    if (type.kind !== "tensor" || type.shape === null) continue;
    const shape = type.shape.map((d, axis): Dim => {
      if (typeof d !== "number" || d < 2) return d;
      const label = `d${id}_${axis}`;
      sizes.set(label, d);
      return symbol(label);
    });
    rewriter.update(id, { outputs: [{ name, type: tensorType(type.element, shape) }] });
  }
  // Older inferences must go: what is known of a value is otherwise kept.
  for (const node of graph) {
    if (node.kind !== "operator" || node.region !== 0) continue;
    rewriter.update(node.id, { outputs: node.outputs.map((output) => ({ name: output.name, type: withoutShape(output.type) })) });
  }
  const result = rewriter.commit({ pass: "test", rewrite: "symbolic", site: "", matched: [] }).graph;
  return { graph: result, sizes, problems: rewriter.diagnostics.map((d) => d.message) };
}

const withoutShape = (type: ValueType): ValueType => (type.kind === "tensor" ? tensorType(type.element, null) : type);

/** The size that a dimension has when its symbols have these sizes; null when it is open. */
export function sizeOf(dim: Dim, sizes: ReadonlyMap<string, number>): number | null {
  if (dim === null || typeof dim === "number") return dim;
  const text = dim.text.replace(/[A-Za-z_][A-Za-z0-9_]*/g, (word) => {
    const size = sizes.get(word);
    if (size === undefined && !/^(floor|min|max)$/.test(word)) throw new Error(`no size for ${word} in ${dim.text}`);
    return size === undefined ? word : String(size);
  });
  return parseDim(text) as number;
}
