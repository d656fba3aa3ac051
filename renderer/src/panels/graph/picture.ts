/** A step's graph as the layout and the canvas take it: one region, constants as chips, outputs as nodes of their own. */
import type { GraphView, InputView, NodeId, NodeView, RegionId, ValueView } from "@graphwright/compiler-core";
import { nodeSize, type CanvasBadge, type CanvasData, type CanvasEdge, type CanvasNode } from "../../graph/index.ts";
import { scopePaths, type LayoutEdge, type LayoutNode, type NodeKey } from "../../layout/index.ts";
import type { Heat } from "../../state/store.ts";

export interface Picture {
  readonly nodes: readonly LayoutNode[];
  readonly edges: readonly LayoutEdge[];
  readonly data: CanvasData;
  readonly lineage: ReadonlyMap<NodeKey, readonly NodeKey[]>;
  /** all group ids that scopes give, outermost first */
  readonly groupIds: ReadonlySet<string>;
  /** operator nodes drawn, chips and outputs not counted */
  readonly size: number;
}

export interface PictureOptions {
  readonly region: RegionId;
  readonly heat: Heat;
  readonly constants: boolean;
  readonly texts: { readonly input: string; readonly output: string; readonly fused: (parts: string) => string };
}

const elementTypes: Readonly<Record<string, string>> = {
  float32: "", float64: "f64", float16: "f16", bfloat16: "bf16", int8: "i8", int16: "i16", int32: "i32", int64: "i64",
  uint8: "u8", uint16: "u16", uint32: "u32", uint64: "u64", bool: "bool", string: "str",
};

/** "float32[1, 64, 56, 56]" -> "1×64×56×56"; other element types are named: "1×8 i64". */
export function shortType(type: string): string {
  const match = /^(\w+)\[(.*)\]$/.exec(type);
  if (!match) return type === "?" || type === "?[*]" ? "" : type;
  const [, element, dims] = match as unknown as readonly [string, string, string];
  const shape = dims === "*" ? "?" : dims === "" ? "scalar" : dims.split(", ").join("×");
  const short = elementTypes[element] ?? element;
  return short === "" ? shape : `${shape} ${short}`;
}

const scalarText = (value: number | string): string => {
  const text = typeof value === "number" && !Number.isInteger(value) ? String(Number(value.toPrecision(4))) : String(value);
  return text.length > 12 ? `${text.slice(0, 11)}…` : text;
};

const isOutput = (id: NodeKey): boolean => typeof id === "string";

/** Nodes of the compiler behind places on the canvas; an output stands for the node that makes it. */
export function nodeOf(id: NodeKey, view: GraphView): NodeId | undefined {
  if (!isOutput(id)) return id as NodeId;
  const [, region, index] = String(id).split("/");
  return view.regions.find((each) => String(each.id) === region)?.outputs[Number(index)]?.from;
}

export function makePicture(view: GraphView, { region, heat, constants, texts }: PictureOptions): Picture {
  const shown = view.nodes.filter((node) => node.region === region);
  const ids = new Set<NodeId>(shown.map((node) => node.id));
  const weightOf = (node: NodeView): number => (heat === "flops" ? (node.flops ?? 0) : heat === "bytes" ? node.weightBytes + (node.outputBytes ?? 0) : 0);
  const hottest = heat === "none" ? 0 : Math.max(1, ...shown.map(weightOf));

  const scopes = shown.map((node) => node.scope.join("/"));
  const groups = scopes.some((scope) => scope !== "") ? scopes : scopePaths(shown.map((node) => (node.kind === "parameter" ? "" : node.name)));
  const groupIds = new Set<string>();
  for (const group of groups) {
    for (let end = group.indexOf("/"); end > 0; end = group.indexOf("/", end + 1)) groupIds.add(group.slice(0, end));
    if (group !== "") groupIds.add(group);
  }

  const nodes: LayoutNode[] = [];
  const edges: LayoutEdge[] = [];
  const canvasNodes = new Map<NodeKey, CanvasNode>();
  const canvasEdges = new Map<NodeKey, CanvasEdge>();
  const lineage = new Map<NodeKey, readonly NodeKey[]>(view.lineage.map(([node, from]) => [node, from]));
  const names = new Map(shown.map((node) => [node.id, node.name]));
  const add = (card: CanvasNode, order: number, group: string): void => {
    canvasNodes.set(card.id, card);
    nodes.push({
      id: card.id,
      ...nodeSize(card),
      order,
      op: card.op,
      ...(group === "" ? {} : { group }),
      ...(card.kind === "constant" ? { chip: true } : {}),
    });
  };

  shown.forEach((node, order) => {
    const group = groups[order]!;
    node.inputs.forEach((input, index) => {
      if (!constants || !input.constant || input.from === undefined || canvasNodes.has(input.from) || ids.has(input.from)) return;
      add(constantCard(input.from, input), order - 0.5 + index * 0.01, group);
    });
    const origins = (lineage.get(node.id) ?? []).map((from) => names.get(from as NodeId)).filter((name) => name !== undefined);
    add(operatorCard(node, texts, origins, hottest > 0 ? Math.sqrt(weightOf(node) / hottest) : undefined), order, group);
  });
  const producers = new Map(shown.map((node) => [node.id, node]));
  for (const node of shown) {
    node.inputs.forEach((input, index) => {
      if (input.from === undefined || input.captured) return;
      const producer = producers.get(input.from);
      if (!producer && !(input.constant && canvasNodes.has(input.from))) return;
      const id = `${node.id}/${index}`;
      edges.push({ id, from: input.from, fromPort: input.output ?? 0, to: node.id, toPort: index });
      if (producer) canvasEdges.set(id, edgeOf(id, input, producer, node));
    });
  }

  const shownRegion = view.regions.find((each) => each.id === region);
  shownRegion?.outputs.forEach((output, index) => {
    const producer = producers.get(output.from);
    if (!producer) return;
    const id = `out/${region}/${index}`;
    add({ id, kind: "output", op: texts.output, title: output.name, family: "io", ...subtitle(shortType(output.type)) }, shown.length + index, "");
    const edgeId = `${id}/in`;
    edges.push({ id: edgeId, from: output.from, fromPort: output.output, to: id, toPort: 0 });
    canvasEdges.set(edgeId, { id: edgeId, label: shortType(output.type), ...bytesOf(producer) });
  });
  return { nodes, edges, data: { nodes: canvasNodes, edges: canvasEdges }, lineage, groupIds, size: shown.length };
}

const subtitle = (text: string): { readonly subtitle?: string } => (text === "" ? {} : { subtitle: text });
const bytesOf = (node: NodeView): { readonly bytes?: number } => (node.outputBytes === undefined ? {} : { bytes: node.outputBytes });

function operatorCard(node: NodeView, texts: PictureOptions["texts"], origins: readonly string[], heat: number | undefined): CanvasNode {
  const badges: CanvasBadge[] = node.kind === "fused" ? [{ text: String(node.parts.length), tone: "accent", label: texts.fused(node.parts.join(", ")) }] : [];
  const values = (each: readonly (InputView | ValueView)[]): readonly string[] => each.map((value) => value.name);
  return {
    id: node.id,
    kind: node.kind === "parameter" ? "input" : node.kind,
    op: node.kind === "parameter" ? texts.input : node.kind === "fused" ? node.parts.join(" + ") : node.op,
    title: node.name,
    family: node.kind === "parameter" ? "io" : node.family,
    inputs: values(node.inputs),
    outputs: values(node.outputs),
    ...subtitle(node.kind === "parameter" ? shortType(node.outputs[0]?.type ?? "") : node.detail),
    ...(badges.length > 0 ? { badges } : {}),
    ...(node.mark ? { diff: node.mark } : {}),
    ...(heat === undefined ? {} : { heat }),
    ...(origins.length > 0 ? { origins } : {}),
  };
}

function constantCard(id: NodeId, input: InputView): CanvasNode {
  const { scalar } = input.constant!;
  const text = scalar === undefined ? shortType(input.type) : scalarText(scalar);
  return { id, kind: "constant", op: input.label, title: input.name, family: "constant", subtitle: input.label ? `${input.label} ${text}` : text };
}

function edgeOf(id: NodeKey, input: InputView, from: NodeView, to: NodeView): CanvasEdge {
  const mark = [from.mark, to.mark].find((each) => each === "removed") ?? [from.mark, to.mark].find((each) => each === "added");
  return { id, label: shortType(input.type), ...bytesOf(from), ...(mark ? { diff: mark } : {}) };
}
