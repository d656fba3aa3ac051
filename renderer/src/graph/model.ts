/** What the canvas is given to draw. It knows nothing of the compiler: the caller maps its views to this. */

import type { NodeKey } from "../layout/index.ts";

export type DiffMark = "added" | "removed" | "changed" | "unchanged";

export interface CanvasBadge {
  readonly text: string;
  readonly tone: "neutral" | "accent" | "ok" | "warning" | "error";
  /** Full sentence for hover and screen readers. */
  readonly label: string;
}

export interface CanvasNode {
  readonly id: NodeKey;
  readonly kind: "operator" | "constant" | "input" | "output" | "group" | "fused";
  readonly op: string;
  /** The node's name in the model. */
  readonly title: string;
  /** What tells it from its like: "3×3, s2". On a constant its shape or its value. */
  readonly subtitle?: string;
  /** Operator family; names a --family-* token. */
  readonly family: string;
  readonly inputs?: readonly string[];
  readonly outputs?: readonly string[];
  readonly badges?: readonly CanvasBadge[];
  readonly diff?: DiffMark;
  /** 0 .. 1 on the heat scale. */
  readonly heat?: number;
  readonly dimmed?: boolean;
  /** What it came from, for hover: "conv1, bn1". */
  readonly origins?: readonly string[];
}

export interface CanvasEdge {
  readonly id: NodeKey;
  /** Shape and type of the value: "1×64×56×56 f32". */
  readonly label?: string;
  /** Bytes of the value; edges are drawn wider by it when `widthByBytes` is set. */
  readonly bytes?: number;
  readonly diff?: DiffMark;
  readonly dimmed?: boolean;
}

/** Extra text and marks for groups, by group id. */
export interface CanvasGroup {
  readonly title?: string;
  readonly subtitle?: string;
  readonly badges?: readonly CanvasBadge[];
  readonly diff?: DiffMark;
  readonly heat?: number;
  readonly dimmed?: boolean;
}

export interface CanvasData {
  readonly nodes: ReadonlyMap<NodeKey, CanvasNode>;
  readonly edges?: ReadonlyMap<NodeKey, CanvasEdge>;
  readonly groups?: ReadonlyMap<string, CanvasGroup>;
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
