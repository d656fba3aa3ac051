/** From a table of nodes to what the layout takes: one region, constants as chips, outputs as nodes of their own. */

import type { GraphTable, NodeId, RegionId } from "@graphwright/compiler-core";
import type { CanvasBadge, CanvasEdge, CanvasNode } from "./cards.ts";
import { rowsOfRegion, type BlockInfo, type Hierarchy } from "./hierarchy.ts";
import type { LayoutEdge, LayoutNode, NodeKey, PlacedGroup } from "./layout/index.ts";
import { nodeSize, tagWidth } from "./measure.ts";
import type { BlockKind } from "./repeats.ts";
import { constantInputs, fusedKind, hasScalar, isCapturedInput, isConstantInput, nodeKinds, rowMarks, rowsById, stringAt, usersOf } from "./table.ts";

/** Words of the picture in the language of the window; plain data, so that they can be posted to a worker. */
export interface PictureTexts {
  readonly input: string;
  readonly output: string;
  /** "made of {{parts}}" */
  readonly fused: string;
  /** "{{number}} × {{name}}" */
  readonly stack: string;
  /** "{{name}} {{number}}" */
  readonly block: string;
  readonly blocks: Readonly<Record<BlockKind, string>>;
}

export const englishTexts: PictureTexts = {
  input: "Input",
  output: "Output",
  fused: "Fused from {{parts}}",
  stack: "{{number}} × {{name}}",
  block: "{{name}} {{number}}",
  blocks: {
    "transformer-layer": "transformer layer",
    "attention-block": "attention block",
    "recurrent-layer": "recurrent layer",
    "residual-block": "residual block",
    "convolution-block": "convolution block",
    "dense-block": "dense block",
    block: "block",
  },
};

export const fill = (template: string, values: Readonly<Record<string, string | number>>): string => template.replace(/\{\{(\w+)\}\}/g, (_, name: string) => String(values[name] ?? ""));

/** Which part of the graph around some nodes is drawn. */
export interface Isolation {
  readonly nodes: readonly NodeId[];
  /** what they need, what needs them, or both */
  readonly direction: "inputs" | "outputs" | "both";
}

export interface PictureOptions {
  readonly region: RegionId;
  readonly constants: boolean;
  readonly texts: PictureTexts;
  readonly isolation?: Isolation | undefined;
  /** only these nodes */
  readonly only?: ReadonlySet<NodeId>;
  /** names that a person gave, by family of blocks or by group path */
  readonly names?: Readonly<Record<string, string>>;
}

/** The id of the region's output number `index`; edges into outputs have the same ids. */
export const outputKey = (index: number): number => -1 - index;
export const outputIndex = (key: number): number => -1 - key;

export interface Picture {
  readonly nodes: readonly LayoutNode[];
  /** ids are numbers of inputs in the table; of outputs, `outputKey` */
  readonly edges: readonly LayoutEdge[];
  readonly titles: ReadonlyMap<string, string>;
  readonly kept: ReadonlyMap<string, BlockInfo>;
  /** every group path, outermost first */
  readonly groupIds: ReadonlySet<string>;
  /** rows drawn as nodes, chips and outputs not counted */
  readonly rows: Int32Array;
}

/** A size known only at run time by the beginning of its name. */
const shortSize = (size: string): string => (size.length > 12 ? `${size.slice(0, 11)}…` : size);

/** "float32[1, 64, 56, 56]" -> "1×64×56×56"; other element types are named: "1×8 i64". */
export function shortType(type: string): string {
  const match = /^(\w+)\[(.*)\]$/.exec(type);
  if (!match) return type === "?" || type === "?[*]" ? "" : type;
  const [, element, dims] = match as unknown as readonly [string, string, string];
  const shape = dims === "*" ? "?" : dims === "" ? "scalar" : dims.split(", ").map(shortSize).join("×");
  const short = elementTypes[element] ?? element;
  return short === "" ? shape : `${shape} ${short}`;
}

const elementTypes: Readonly<Record<string, string>> = {
  float32: "", float64: "f64", float16: "f16", bfloat16: "bf16", int8: "i8", int16: "i16", int32: "i32", int64: "i64",
  uint8: "u8", uint16: "u16", uint32: "u32", uint64: "u64", bool: "bool", string: "str",
};

export function groupTitle(info: BlockInfo, texts: PictureTexts, names: Readonly<Record<string, string>> = {}): string {
  const name = names[info.family] ?? info.name ?? texts.blocks[info.kind];
  return info.role === "stack" ? fill(texts.stack, { number: info.number, name }) : fill(texts.block, { name, number: info.number });
}

/** The card of a row. */
export function operatorCard(table: GraphTable, row: number, texts: PictureTexts): CanvasNode {
  const kind = nodeKinds[table.kinds[row]!]!;
  const parts = table.kinds[row] === fusedKind ? (table.parts.find((each) => each.row === row)?.ops ?? []) : [];
  const badges: CanvasBadge[] = kind === "fused" ? [{ text: String(parts.length), tone: "accent", label: fill(texts.fused, { parts: parts.join(", ") }) }] : [];
  const firstOutput = table.outputStart[row]!;
  const own = stringAt(table.strings, table.names[row]!);
  const value = table.outputStart[row + 1]! > firstOutput ? stringAt(table.strings, table.outputs.names[firstOutput]!) : "";
  const detail = kind === "parameter" ? shortType(stringAt(table.strings, table.outputs.types[firstOutput]!)) : stringAt(table.strings, table.details[row]!);
  const mark = rowMarks[table.marks[row]!];
  return {
    id: table.ids[row]!,
    kind: kind === "parameter" ? "input" : kind,
    op: kind === "parameter" ? texts.input : kind === "fused" ? parts.join(" + ") : stringAt(table.strings, table.ops[row]!),
    title: own || value,
    family: kind === "parameter" ? "io" : stringAt(table.strings, table.families[row]!),
    ...(detail === "" ? {} : { subtitle: detail }),
    ...(badges.length > 0 ? { badges } : {}),
    ...(mark ? { diff: mark } : {}),
  };
}

export function constantCard(table: GraphTable, input: number): CanvasNode {
  const label = stringAt(table.strings, table.inputs.labels[input]!);
  const text = table.inputs.flags[input]! & hasScalar ? stringAt(table.strings, table.inputs.scalars[input]!) : shortType(stringAt(table.strings, table.inputs.types[input]!));
  const title = stringAt(table.strings, table.inputs.names[input]!);
  return { id: table.inputs.from[input]!, kind: "constant", op: label, title, family: "constant", subtitle: [label, text].filter(Boolean).join(" ") || title };
}

export function outputCard(table: GraphTable, region: RegionId, index: number, texts: PictureTexts): CanvasNode | undefined {
  const output = table.regionViews.find((each) => each.id === region)?.outputs[index];
  if (!output) return undefined;
  const type = shortType(output.type);
  return { id: outputKey(index), kind: "output", op: texts.output, title: output.name, family: "io", ...(type === "" ? {} : { subtitle: type }) };
}

/** The edge into a row's input. */
export function inputEdge(table: GraphTable, input: number, row: number): CanvasEdge {
  const label = shortType(stringAt(table.strings, table.inputs.types[input]!));
  const producer = rowsById(table).get(table.inputs.from[input]!);
  const bytes = producer === undefined ? NaN : table.outputBytes[producer]!;
  const pair = [producer === undefined ? undefined : rowMarks[table.marks[producer]!], rowMarks[table.marks[row]!]];
  const mark = pair.includes("removed") ? "removed" : pair.includes("added") ? "added" : undefined;
  return { id: input, ...(label === "" ? {} : { label }), ...(Number.isNaN(bytes) ? {} : { bytes }), ...(mark ? { diff: mark } : {}) };
}

/** Sizes are found when the layout asks, which it does only for what it draws. */
class RowNode implements LayoutNode {
  readonly id: NodeKey;
  readonly order: number;
  readonly group: string;
  readonly chip: boolean;
  readonly #card: () => CanvasNode;
  #size: { readonly width: number; readonly height: number } | undefined;
  readonly #op: () => string;

  constructor(id: NodeKey, order: number, group: string, chip: boolean, op: () => string, card: () => CanvasNode) {
    this.id = id;
    this.order = order;
    this.group = group;
    this.chip = chip;
    this.#op = op;
    this.#card = card;
  }
  get op(): string {
    return this.#op();
  }
  get width(): number {
    return (this.#size ??= nodeSize(this.#card())).width;
  }
  get height(): number {
    return (this.#size ??= nodeSize(this.#card())).height;
  }
  get tagWidth(): number {
    return tagWidth(this.#card());
  }
}

export function makePicture(table: GraphTable, hierarchy: Hierarchy, options: PictureOptions): Picture {
  const { region, constants, texts, names = {} } = options;
  const { only } = options;
  const wanted = isolated(table, rowsOfRegion(table, region), options.isolation);
  const rows = only ? wanted.filter((row) => only.has(table.ids[row]!)) : wanted;
  const paths = hierarchy.assign(table, rows);
  const groupIds = new Set<string>();
  let last = "";
  for (const path of paths) {
    if (path === last || groupIds.has(path)) continue;
    last = path;
    for (let end = path.indexOf("/"); end > 0; end = path.indexOf("/", end + 1)) groupIds.add(path.slice(0, end));
    if (path !== "") groupIds.add(path);
  }
  const titles = new Map<string, string>();
  for (const [path, info] of hierarchy.blocks) if (groupIds.has(path)) titles.set(path, groupTitle(info, texts, names));
  for (const path in names) if (groupIds.has(path)) titles.set(path, names[path]!);

  const isDrawn = new Uint8Array(table.ids.length);
  for (const row of rows) isDrawn[row] = 1;
  const index = rowsById(table);
  const nodes: LayoutNode[] = [];
  const edges: LayoutEdge[] = [];
  const seen = new Set<NodeId>();
  const { from, flags, outputs } = table.inputs;
  const strings = new Map<number, string>();
  const opOf = (row: number): string => {
    let op = strings.get(table.ops[row]!);
    if (op === undefined) strings.set(table.ops[row]!, (op = stringAt(table.strings, table.ops[row]!)));
    return op;
  };
  rows.forEach((row, order) => {
    for (let k = table.inputStart[row]!; k < table.inputStart[row + 1]!; k++) {
      const producer = from[k]!;
      if (producer < 0 || flags[k]! & isCapturedInput) continue;
      if (flags[k]! & isConstantInput) {
        if (!constants) continue;
        if (!seen.has(producer)) {
          seen.add(producer);
          nodes.push(new RowNode(producer, order - 0.5 + (k - table.inputStart[row]!) * 0.01, paths[order]!, true, () => stringAt(table.strings, table.inputs.labels[k]!), () => constantCard(table, k)));
        }
      } else {
        const producerRow = index.get(producer);
        if (producerRow === undefined || isDrawn[producerRow] === 0) continue;
      }
      edges.push({ id: k, from: producer, fromPort: outputs[k]!, to: table.ids[row]!, toPort: k - table.inputStart[row]! });
    }
    nodes.push(new RowNode(table.ids[row]!, order, paths[order]!, false, () => opOf(row), () => operatorCard(table, row, texts)));
  });
  table.regionViews.find((each) => each.id === region)?.outputs.forEach((output, i) => {
    const producer = index.get(output.from);
    if (producer === undefined || isDrawn[producer] === 0) return;
    nodes.push(new RowNode(outputKey(i), rows.length + i, "", false, () => "Output", () => outputCard(table, region, i, texts)!));
    edges.push({ id: outputKey(i), from: output.from, fromPort: output.output, to: outputKey(i), toPort: 0 });
  });
  return { nodes, edges, titles, kept: hierarchy.blocks, groupIds, rows };
}

/** The rows among `rows` that some nodes need, or that need them. */
function isolated(table: GraphTable, rows: Int32Array, isolation: Isolation | undefined): Int32Array {
  if (!isolation) return rows;
  const index = rowsById(table);
  const starts = isolation.nodes.flatMap((id) => {
    const row = index.get(id);
    return row === undefined ? [] : [row];
  });
  if (starts.length === 0) return rows;
  const kept = new Set(starts);
  if (isolation.direction !== "outputs") {
    const pending = [...starts];
    for (let row = pending.pop(); row !== undefined; row = pending.pop()) {
      for (let k = table.inputStart[row]!; k < table.inputStart[row + 1]!; k++) {
        const producer = index.get(table.inputs.from[k]!);
        if (producer === undefined || kept.has(producer)) continue;
        kept.add(producer);
        pending.push(producer);
      }
    }
  }
  if (isolation.direction !== "inputs") {
    const users = usersOf(table);
    const seen = new Set(starts);
    const pending = [...starts];
    for (let row = pending.pop(); row !== undefined; row = pending.pop()) {
      for (let k = users.start[row]!; k < users.start[row + 1]!; k++) {
        const user = users.rows[k]!;
        if (seen.has(user)) continue;
        seen.add(user);
        kept.add(user);
        pending.push(user);
      }
    }
  }
  return rows.filter((row) => kept.has(row));
}

/** The node behind a place on the canvas; an output stands for the node that makes it. */
export function nodeOfKey(table: GraphTable, region: RegionId, key: NodeKey): NodeId | undefined {
  if (typeof key !== "number") return undefined;
  return key >= 0 ? key : table.regionViews.find((each) => each.id === region)?.outputs[outputIndex(key)]?.from;
}

export { constantInputs };

/** What is inside the groups of a layout, closed or open, at any depth. */
export interface GroupContents {
  readonly fused: Int32Array;
  readonly added: Int32Array;
  readonly removed: Int32Array;
  readonly changed: Int32Array;
}

export function groupContents(table: GraphTable, picture: Picture, groups: readonly PlacedGroup[], owner: Int32Array): GroupContents {
  const columns = { fused: new Int32Array(groups.length), added: new Int32Array(groups.length), removed: new Int32Array(groups.length), changed: new Int32Array(groups.length) };
  const byMark = [undefined, columns.added, columns.removed, columns.changed, undefined];
  const index = rowsById(table);
  picture.nodes.forEach((node, i) => {
    if (node.chip === true || typeof node.id !== "number" || node.id < 0) return;
    const row = index.get(node.id)!;
    const column = byMark[table.marks[row]!];
    const fused = table.kinds[row] === fusedKind;
    if (!column && !fused) return;
    for (let g = owner[i]!; g >= 0; g = groups[g]!.parent) {
      if (fused) columns.fused[g]!++;
      if (column) column[g]!++;
    }
  });
  return columns;
}

/**
 * Groups open at first: everything in a small graph; a stack of not too many blocks, whose blocks stay closed. `size` is what is drawn
 * of the model as opened, not of a step or of two steps at once: groups do not open and close while stepping.
 */
export function openAtFirst(picture: Picture, size: number): ReadonlySet<string> | "all" {
  if (size <= smallGraph) return "all";
  const open = new Set<string>();
  for (const [path, info] of picture.kept) if (info.role === "stack" && info.number <= fewBlocks && !path.includes("/")) open.add(path);
  return open;
}
const smallGraph = 160;
const fewBlocks = 32;
