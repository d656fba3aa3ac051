/** What the canvas is given to draw, and its texts. */

import type { DiffMark } from "../../../picture/src/cards.ts";

export type { CanvasBadge, CanvasData, CanvasEdge, CanvasGroup, CanvasNode, CanvasTarget, DiffMark, Lookup } from "../../../picture/src/cards.ts";

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
  /** what is spoken of the selected node: itself, what comes in, what uses it */
  readonly selected: (name: string, inputs: readonly string[], outputs: readonly string[]) => string;
  readonly nothingSelected: string;
}

export const englishLabels: CanvasLabels = {
  canvas: "Graph",
  help: "Arrow keys follow the edges, Enter or Space opens or closes a group, F shows everything.",
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
  selected: (name, inputs, outputs) => `${name}. Inputs: ${inputs.join("; ")}. Outputs to: ${outputs.join("; ")}.`,
  nothingSelected: "Nothing selected.",
};
