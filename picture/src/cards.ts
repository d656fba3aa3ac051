/** What stands on the canvas, whoever draws it: React Flow, a painted canvas, or an SVG file. */

import type { NodeKey } from "./layout/index.ts";

export type DiffMark = "added" | "removed" | "changed" | "unchanged";

export interface CanvasBadge {
  readonly text: string;
  readonly tone: "neutral" | "accent" | "ok" | "warning" | "error";
  /** Full sentence for hover and screen readers. */
  readonly label: string;
}

/** On a closed group the marks of a step stand beside the title, what is fused beside the number of nodes. */
export const closedBadges = (badges: readonly CanvasBadge[] = []): { readonly beside: readonly CanvasBadge[]; readonly below: readonly CanvasBadge[] } => ({
  beside: badges.filter(({ tone }) => tone !== "accent"),
  below: badges.filter(({ tone }) => tone === "accent"),
});

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

/** What is looked up when it comes into view; a Map is one. */
export interface Lookup<K, V> {
  get(key: K): V | undefined;
}

/** A place on the canvas: a node, or a group by its id. */
export type CanvasTarget = { readonly kind: "node"; readonly id: NodeKey } | { readonly kind: "group"; readonly id: string };

/** What is given to whoever draws. It knows nothing of the compiler: the caller maps its views to this. */
export interface CanvasData {
  readonly nodes: Lookup<NodeKey, CanvasNode>;
  readonly edges?: Lookup<NodeKey, CanvasEdge>;
  readonly groups?: Lookup<string, CanvasGroup>;
  /** Family and mark of a node without making its card: the overview asks for all of them. */
  readonly look?: (id: NodeKey) => { readonly family: string; readonly diff?: DiffMark | undefined; readonly dimmed?: boolean };
  /** 0 .. 1 on the heat scale, where heat is shown; the overview then paints by it. */
  readonly heat?: (target: CanvasTarget) => number | undefined;
}
