/** What commands may ask of the canvas that is shown. The graph panel sets it while mounted. */
import type { NodeId } from "@graphwright/compiler-core";
import type { Bounds, CanvasData, LayoutResult, NodeKey } from "../../../picture/src/index.ts";

export interface CanvasHandle {
  /** Brings the whole graph into view. */
  fit(): void;
  /** Brings nodes into view, opening the groups they are in. */
  reveal(nodes: readonly NodeId[]): void;
  /** Opens or closes the group that is focused or that the selected node is in. */
  toggleGroup(): void;
  /** Opens or closes every group. */
  expandAll(open: boolean): void;
  /** Asks for a name of the group that is focused. */
  renameGroup(): void;
  /** Brings the selected node and its inputs or outputs into view. */
  showNeighbours(outputs: boolean): void;
  /** To the other end of the chosen edge, or along the selected node's first. */
  followEdge(): void;
  zoomBy(factor: number): void;
  /** What is drawn, for a file; null while nothing is. */
  drawing(): CanvasDrawing | null;
}

export interface CanvasDrawing {
  readonly layout: LayoutResult;
  readonly data: CanvasData;
  /** the part that is in view, in the layout's pixels */
  readonly inView: Bounds;
  readonly selected: ReadonlySet<NodeKey>;
}

export const canvas: { current: CanvasHandle | null } = { current: null };

/** How the canvas of a picture (a model's graph or a body in it) was left: found again with the tab, and in a project. */
export interface CanvasView {
  /** open groups; undefined: those of the first view */
  readonly expanded?: "all" | readonly string[] | undefined;
  readonly viewport?: { readonly x: number; readonly y: number; readonly zoom: number };
}

const views = new Map<string, CanvasView>();
type CanvasListener = (picture: string, change: CanvasView, before: CanvasView | undefined) => void;
const listeners = new Set<CanvasListener>();

/** Views by picture: "<model>/<region>". */
export const canvasViews = {
  get: (picture: string): CanvasView | undefined => views.get(picture),
  set(picture: string, change: CanvasView): void {
    const before = views.get(picture);
    views.set(picture, { ...before, ...change });
    for (const listener of listeners) listener(picture, change, before);
  },
  /** Of one model: by region, as text. */
  of: (model: string): readonly (readonly [region: string, view: CanvasView])[] =>
    [...views].filter(([key]) => key.startsWith(`${model}/`)).map(([key, view]) => [key.slice(model.length + 1), view]),
  forget(model: string): void {
    for (const key of [...views.keys()]) if (key.startsWith(`${model}/`)) views.delete(key);
  },
  subscribe(listener: CanvasListener): () => void {
    listeners.add(listener);
    return () => void listeners.delete(listener);
  },
};
