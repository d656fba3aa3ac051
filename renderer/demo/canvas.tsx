/**
 * Development page for the canvas alone, on graphs without a model behind them.
 * Query: graph=resnet|transformer|llm|inception|unet|chain, size, theme, open=all|none, diff, heat, long.
 */

import "@fontsource-variable/inter";
import "@fontsource-variable/jetbrains-mono";
import { useCallback, useMemo, useRef, useState, type ReactNode } from "react";
import { createRoot } from "react-dom/client";
import { chain, inception, resnet, transformer, unet, type SyntheticGraph } from "../bench/synthetic.ts";
import "../src/design/tokens.css";
import {
  GraphCanvas,
  type CanvasData,
  type CanvasEdge,
  type CanvasNode,
  type CanvasTarget,
  type GraphCanvasHandle,
} from "../src/graph/index.ts";
import { LayoutEngine, nodeSize, scopePaths, tagWidth, type LayoutGraph, type LayoutResult, type NodeKey } from "../../picture/src/index.ts";

const query = new URLSearchParams(location.search);
document.documentElement.dataset["theme"] = query.get("theme") ?? "light";
const size = Number(query.get("size") ?? 50_000);

const families: Record<string, string> = {
  Conv: "linear", Gemm: "linear", MatMul: "linear", BatchNormalization: "normalization", LayerNormalization: "normalization",
  Relu: "activation", Sigmoid: "activation", Softmax: "activation", MaxPool: "pooling", AveragePool: "pooling",
  GlobalAveragePool: "pooling", Reshape: "shape", Transpose: "shape", Flatten: "shape", Concat: "shape", Gather: "shape",
  Resize: "shape", Add: "elementwise", Mul: "elementwise", Cos: "elementwise", Sin: "elementwise", Input: "io", Output: "io",
  Constant: "constant", FusedConv: "fused",
};

function make(): SyntheticGraph {
  switch (query.get("graph")) {
    case "transformer":
      return transformer(size, { constants: query.has("constants"), scoped: query.has("scoped") });
    case "llm":
      return transformer(size, { shared: true, scoped: true, constants: true });
    case "inception":
      return inception(12);
    case "unet":
      return unet(4, 3);
    case "chain":
      return chain(size);
    default:
      return resnet();
  }
}

interface Built {
  readonly data: CanvasData;
  readonly graph: Omit<LayoutGraph, "expanded">;
}

function build(source: SyntheticGraph): Built {
  const paths = scopePaths(source.nodes.map((node) => node.name));
  const nodes = new Map<NodeKey, CanvasNode>();
  source.nodes.forEach((node, i) => {
    const leaf = query.has("long") ? `${node.name}/a_rather_long_exporter_made_name_for_${node.op}_${i}` : node.name.slice(node.name.lastIndexOf("/") + 1);
    nodes.set(node.id, {
      id: node.id,
      kind: node.op === "FusedConv" ? "fused" : node.constant === true ? "constant" : (node.io ?? "operator"),
      op: node.io === undefined ? node.op : leaf,
      title: node.io === undefined ? (leaf === node.op && !query.has("long") ? node.name.split("/").slice(-2).join("/").replace(/^\//, "") : leaf) : "",
      ...(node.attributes === undefined ? {} : { subtitle: node.attributes }),
      family: families[node.op] ?? "custom",
      ...(query.has("heat") ? { heat: node.op === "Conv" ? ((i * 37) % 100) / 100 : 0.03 } : {}),
      ...(query.has("diff") ? { diff: i % 17 === 3 ? "added" : i % 17 === 6 ? "removed" : i % 17 === 11 ? "changed" : "unchanged" } : {}),
      ...(i % 23 === 7 && query.has("badges") ? { badges: [{ text: "2.1e-6", tone: "ok", label: "largest error 2.1e-6" }] } : {}),
    } as CanvasNode);
  });
  const edges = new Map<NodeKey, CanvasEdge>();
  source.edges.forEach((edge, i) => edges.set(i, { id: i, ...(edge.shape === "" ? {} : { label: /[a-z]\d/.test(edge.shape) ? edge.shape : `${edge.shape} f32` }) }));
  return {
    data: { nodes, edges },
    graph: {
      nodes: source.nodes.map((node, i) => ({
        id: node.id,
        op: node.op,
        order: i,
        group: paths[i]!,
        ...nodeSize(nodes.get(node.id)!),
        tagWidth: tagWidth(nodes.get(node.id)!),
        chip: node.constant === true,
      })),
      edges: source.edges.map((edge, i) => ({ id: i, from: edge.from, fromPort: 0, to: edge.to, toPort: edge.toPort })),
      options: { direction: "down" },
    },
  };
}

/** Fuses the first Conv, BatchNormalization, Relu run: what a rewrite looks like on the canvas. */
function fuseFirst(source: SyntheticGraph): { graph: SyntheticGraph; lineage: Map<NodeKey, NodeKey[]> } | undefined {
  const users = (id: string): typeof source.edges => source.edges.filter((edge) => edge.from === id);
  for (const node of source.nodes) {
    if (node.op !== "Conv") continue;
    const norm = source.nodes.find((n) => n.id === users(node.id)[0]?.to && n.op === "BatchNormalization");
    const relu = norm === undefined ? undefined : source.nodes.find((n) => n.id === users(norm.id)[0]?.to && n.op === "Relu");
    if (norm === undefined || relu === undefined) continue;
    const gone = new Set([node.id, norm.id, relu.id]);
    const weights = new Set(source.edges.filter((e) => e.to === norm.id && e.toPort > 0).map((e) => e.from));
    const fused = { ...node, id: `${node.id}:fused`, name: `${node.name}_fused`, op: "FusedConv" };
    return {
      graph: {
        nodes: source.nodes.flatMap((n) => (n.id === node.id ? [fused] : gone.has(n.id) || weights.has(n.id) ? [] : [n])),
        edges: source.edges.flatMap((e) => {
          if (e.to === norm.id || e.to === relu.id) return [];
          if (e.to === node.id) return [{ ...e, to: fused.id }];
          if (e.from === relu.id) return [{ ...e, from: fused.id }];
          return [e];
        }),
      },
      lineage: new Map([[fused.id, [...gone]]]),
    };
  }
  return undefined;
}

const engine = new LayoutEngine();
const source = make();

function Page(): ReactNode {
  const canvas = useRef<GraphCanvasHandle>(null);
  const [state, setState] = useState(() => {
    const built = build(source);
    const expanded: "all" | ReadonlySet<string> = query.get("open") === "none" ? new Set<string>() : "all";
    const begin = performance.now();
    const layout = engine.layout({ ...built.graph, expanded });
    console.log(`layout ${(performance.now() - begin).toFixed(1)} ms, ${layout.nodes.ids.length} nodes drawn`);
    return { source, built, layout, expanded, lineage: undefined as ReadonlyMap<NodeKey, readonly NodeKey[]> | undefined };
  });
  const [selection, setSelection] = useState<readonly CanvasTarget[]>([]);
  const [hovered, setHovered] = useState<CanvasTarget | null>(null);

  const relayout = useCallback((next: SyntheticGraph, expanded: "all" | ReadonlySet<string>, lineage?: ReadonlyMap<NodeKey, readonly NodeKey[]>, anchorOn?: NodeKey) => {
    setState((before) => {
      const built = next === before.source ? before.built : build(next);
      const anchor = anchorOn ?? canvas.current?.anchor();
      const layout: LayoutResult = engine.layout(
        { ...built.graph, expanded, options: { direction: "down", ...(anchor === undefined ? {} : { anchor }) } },
        { previous: before.layout, ...(lineage === undefined ? {} : { lineage }) },
      );
      return { source: next, built, layout, expanded, lineage };
    });
  }, []);
  const toggle = (id: string): void => {
    const open = new Set(state.expanded === "all" ? state.layout.groups.map((group) => group.id) : state.expanded);
    if (open.has(id)) open.delete(id);
    else open.add(id);
    relayout(state.source, open, undefined, id);
  };
  const tools = useMemo(() => ({
    fuse: () => {
      const next = fuseFirst(state.source);
      if (next !== undefined) relayout(next.graph, state.expanded, next.lineage);
    },
    canvas,
    toggle,
  }), [state, relayout]); // eslint-disable-line react-hooks/exhaustive-deps
  Object.assign(window, { demo: tools });
  return (
    <GraphCanvas
      ref={canvas}
      data={state.built.data}
      layout={state.layout}
      {...(state.lineage === undefined ? {} : { lineage: state.lineage })}
      selection={selection}
      hovered={hovered}
      fitRequest="once"
      onSelect={(targets, additive) => setSelection((before) => (additive ? [...before, ...targets] : targets))}
      onHover={setHovered}
      onToggleGroup={toggle}
    />
  );
}

createRoot(document.getElementById("root")!).render(<Page />);
