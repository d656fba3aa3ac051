/** What the canvas is given to draw. It knows nothing of the compiler: the caller maps its views to this. */

import type { CanvasEdge, CanvasGroup, CanvasNode, DiffMark } from "../../../picture/src/cards.ts";
import type { NodeKey } from "../../../picture/src/index.ts";

export type { CanvasBadge, CanvasEdge, CanvasGroup, CanvasNode, DiffMark } from "../../../picture/src/cards.ts";

/** What is looked up when it comes into view; a Map is one. */
export interface Lookup<K, V> {
  get(key: K): V | undefined;
}

export interface CanvasData {
  readonly nodes: Lookup<NodeKey, CanvasNode>;
  readonly edges?: Lookup<NodeKey, CanvasEdge>;
  readonly groups?: Lookup<string, CanvasGroup>;
  /** Family and mark of a node without making its card: the overview asks for all of them. */
  readonly look?: (id: NodeKey) => { readonly family: string; readonly diff?: DiffMark | undefined; readonly dimmed?: boolean };
  /** 0 .. 1 on the heat scale, where heat is shown; the overview then paints by it. */
  readonly heat?: (target: CanvasTarget) => number | undefined;
}

/** A place on the canvas: a node, or a group by its id. */
export type CanvasTarget = { readonly kind: "node"; readonly id: NodeKey } | { readonly kind: "group"; readonly id: string };

/** Texts of the canvas; every one can be replaced by the caller's translation. */
export interface CanvasLabels {
  readonly canvas: string;
  readonly help: string;
  readonly zoomIn: string;
  readonly zoomOut: string;
  readonly fit: string;
  readonly minimap: string;
  readonly expand: (title: string) => string;
  readonly collapse: (title: string) => string;
  readonly nodes: (count: number) => string;
  readonly repeated: (index: number, count: number) => string;
  readonly diff: Readonly<Record<DiffMark, string>>;
  readonly constant: string;
  readonly reference: (name: string) => string;
  readonly more: (count: number) => string;
  readonly selected: (name: string, inputs: number, outputs: number) => string;
  readonly nothingSelected: string;
}

export const englishLabels: CanvasLabels = {
  canvas: "Graph",
  help: "Arrow keys follow the edges, Space opens or closes a group, F shows everything.",
  zoomIn: "Zoom in",
  zoomOut: "Zoom out",
  fit: "Show the whole graph",
  minimap: "Overview: click to go there",
  expand: (title) => `Open group ${title}`,
  collapse: (title) => `Close group ${title}`,
  nodes: (count) => (count === 1 ? "1 node" : `${count.toLocaleString("en")} nodes`),
  repeated: (index, count) => `${index} of ${count} equal groups`,
  diff: { added: "added", removed: "removed", changed: "changed", unchanged: "unchanged" },
  constant: "constant",
  reference: (name) => `comes from ${name}`,
  more: (count) => `and ${count} more`,
  selected: (name, inputs, outputs) => `${name}. ${inputs} in, ${outputs} out.`,
  nothingSelected: "Nothing selected.",
};
