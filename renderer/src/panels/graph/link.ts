/**
 * Two canvases that move together. What stands on both gives pairs of places; between them the other canvas follows in
 * proportion, so that a part that only one side has does not push the rest apart, as in a text diff.
 */
import type { NodeId } from "@graphwright/compiler-core";
import type { Bounds, LayoutResult, NodeKey } from "../../../../picture/src/index.ts";
import type { GraphCanvasHandle } from "../../graph/index.ts";
import { canvas, type CanvasHandle } from "../../state/canvas.ts";

export type Side = "before" | "after";
export const otherSide = (side: Side): Side => (side === "before" ? "after" : "before");

export interface Placed {
  readonly layout: LayoutResult;
  /** ids of `layout.owner`'s nodes, in its order */
  readonly ids: Int32Array;
  /** what new nodes came from */
  readonly lineage?: ReadonlyMap<NodeKey, readonly NodeKey[]>;
}

interface Point {
  readonly x: number;
  readonly y: number;
}

/** Where a point of one canvas is on the other. */
export interface LinkMap {
  readonly across: (point: Point, from: Side) => Point;
}

/** Middles of the boxes that stand for each node: its card, or the closed group that it is in. */
function boxesOf({ layout, ids }: Placed): (index: number) => { readonly key: number; readonly at: Point } | undefined {
  const slots = new Map<number | string, number>(layout.nodes.ids.map((id, slot) => [id, slot]));
  return (index) => {
    const g = layout.owner[index]!;
    const group = layout.groups[g];
    if (group && !group.expanded) return { key: -1 - g, at: { x: group.x + group.width / 2, y: group.y + group.height / 2 } };
    const slot = slots.get(ids[index]!);
    if (slot === undefined) return undefined;
    const [x, y, width, height] = layout.nodes.rects.subarray(slot * 4, slot * 4 + 4) as unknown as readonly [number, number, number, number];
    return { key: slot, at: { x: x + width / 2, y: y + height / 2 } };
  };
}

/** Pairs of the longest run in which both sides go down: [before, after], both ascending. */
function inOrder(points: readonly (readonly [number, number])[]): readonly [Float64Array, Float64Array] {
  const sorted = [...points].sort((a, b) => a[0] - b[0] || b[1] - a[1]);
  // Longest strictly ascending run of the second, by piles; equal firsts come with the second descending, so one is taken.
  const tails: number[] = [];
  const before = new Int32Array(sorted.length).fill(-1);
  sorted.forEach(([, value], index) => {
    let [low, high] = [0, tails.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (sorted[tails[middle]!]![1] < value) low = middle + 1;
      else high = middle;
    }
    if (low > 0) before[index] = tails[low - 1]!;
    tails[low] = index;
  });
  const chosen: number[] = [];
  for (let at = tails.at(-1) ?? -1; at >= 0; at = before[at]!) chosen.push(at);
  chosen.reverse();
  return [Float64Array.from(chosen, (at) => sorted[at]![0]), Float64Array.from(chosen, (at) => sorted[at]![1])];
}

/** Straight between two places, and as far beyond the ends as there. */
function interpolate(from: Float64Array, to: Float64Array, value: number): number {
  const last = from.length - 1;
  if (value <= from[0]!) return to[0]! + value - from[0]!;
  if (value >= from[last]!) return to[last]! + value - from[last]!;
  let [low, high] = [0, last];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (from[middle]! <= value) low = middle;
    else high = middle;
  }
  return to[low]! + ((value - from[low]!) / (from[high]! - from[low]!)) * (to[high]! - to[low]!);
}

const mean = (values: readonly number[]): number => values.reduce((sum, each) => sum + each, 0) / values.length;
const median = (values: number[]): number => values.sort((a, b) => a - b)[values.length >> 1] ?? 0;

/** `pairs` says which node after is which before; undefined: the same ids. `chosen` stand at the same height and column. */
export function linkMap(before: Placed, after: Placed, pairs: ReadonlyMap<NodeId, NodeId> | undefined, chosen?: readonly [NodeId, NodeId]): LinkMap {
  const [boxBefore, boxAfter] = [boxesOf(before), boxesOf(after)];
  const rows = new Map<NodeId, number>();
  after.ids.forEach((id, index) => rows.set(id, index));
  const seen = new Set<number>();
  const heights: (readonly [number, number])[] = [];
  const shifts: number[] = [];
  let shift: number | undefined;
  before.ids.forEach((id, index) => {
    const other = pairs ? pairs.get(id) : id;
    const row = other === undefined ? undefined : rows.get(other);
    if (row === undefined) return;
    const [a, b] = [boxBefore(index), boxAfter(row)];
    // A card and a closed group say little about each other.
    if (!a || !b || a.key < 0 !== b.key < 0) return;
    if (chosen && id === chosen[0] && other === chosen[1]) shift = b.at.x - a.at.x;
    if (a.key < 0) {
      // A pair of closed groups counts once, not for everything in them.
      const key = -a.key * (after.layout.groups.length + 1) - b.key;
      if (seen.has(key)) return;
      seen.add(key);
    }
    heights.push([a.at.y, b.at.y]);
    shifts.push(b.at.x - a.at.x);
  });
  // What a rewrite made stands where that stood which it came from.
  if (!pairs && after.lineage) {
    const rowsBefore = new Map<NodeKey, number>();
    before.ids.forEach((id, index) => rowsBefore.set(id, index));
    for (const [id, origins] of after.lineage) {
      const row = typeof id === "number" ? rows.get(id) : undefined;
      const b = row === undefined ? undefined : boxAfter(row);
      const from = origins.flatMap((origin) => { const index = rowsBefore.get(origin); return index === undefined ? [] : (boxBefore(index) ?? []); });
      if (!b || from.length === 0 || from.some(({ key }) => key < 0 !== b.key < 0)) continue;
      const at = { x: mean(from.map(({ at: { x } }) => x)), y: mean(from.map(({ at: { y } }) => y)) };
      if (chosen?.[1] === id && origins.includes(chosen[0])) shift = b.at.x - at.x;
      heights.push([at.y, b.at.y]);
      shifts.push(b.at.x - at.x);
    }
  }
  const [ya, yb] = inOrder(heights);
  const dx = shift ?? median(shifts);
  if (ya.length === 0) {
    const [p, q] = [before.layout.bounds, after.layout.bounds];
    return { across: (point, from) => (from === "before" ? proportional(point, p, q) : proportional(point, q, p)) };
  }
  return {
    across: ({ x, y }, from) => (from === "before" ? { x: x + dx, y: interpolate(ya, yb, y) } : { x: x - dx, y: interpolate(yb, ya, y) }),
  };
}

const proportional = ({ x, y }: Point, from: Bounds, to: Bounds): Point => ({
  x: to.x + ((x - from.x) / Math.max(1, from.width)) * to.width,
  y: to.y + ((y - from.y) / Math.max(1, from.height)) * to.height,
});

interface View {
  readonly x: number;
  readonly y: number;
  readonly zoom: number;
}

export interface Pane {
  readonly handle: GraphCanvasHandle;
  readonly host: HTMLElement;
}

const same = (a: View, b: View): boolean => Math.abs(a.x - b.x) < 0.5 && Math.abs(a.y - b.y) < 0.5 && Math.abs(a.zoom - b.zoom) < 1e-6;

/** The canvas that a person moves leads, the other follows. */
export class ViewLink {
  /** where the last wheel, press or key went */
  leader: Side = "after";
  /** where commands go that name nodes */
  home: Side = "after";
  private on = true;
  private readonly panes = new Map<Side, Pane>();
  private readonly drawn = new Map<Side, Placed>();
  private readonly handles = new Map<Side, CanvasHandle>();
  private readonly turns = new Map<Side, (id: string, open: boolean) => void>();
  private pairs: ReadonlyMap<NodeId, NodeId> | undefined;
  private chosen: readonly [NodeId, NodeId] | undefined;
  private map: LinkMap | undefined;
  private frame = 0;

  private readonly commands: CanvasHandle = {
    fit: () => this.leading((handle) => handle.fit()),
    zoomBy: (factor) => this.leading((handle) => handle.zoomBy(factor)),
    expandAll: (open) => this.handles.forEach((handle) => handle.expandAll(open)),
    toggleGroup: () => this.leading((handle) => handle.toggleGroup()),
    renameGroup: () => this.leading((handle) => handle.renameGroup()),
    showNeighbours: (outputs) => this.leading((handle) => handle.showNeighbours(outputs)),
    followEdge: () => this.leading((handle) => handle.followEdge()),
    reveal: (nodes) => this.lead(this.sideOf(nodes)).handles.get(this.leader)?.reveal(nodes),
    drawing: () => this.handles.get(this.home)?.drawing() ?? null,
  };

  get linked(): boolean {
    return this.on;
  }

  /** Whether a canvas goes where it has to on its own, or the other takes it along. */
  movesItself(side: Side): boolean {
    return !this.on || side === this.leader;
  }

  lead(side: Side): this {
    this.leader = side;
    return this;
  }

  setLinked(on: boolean): void {
    this.on = on;
    this.soon();
  }

  setPairs(pairs: ReadonlyMap<NodeId, NodeId> | undefined, chosen: readonly [NodeId, NodeId] | undefined): void {
    this.pairs = pairs;
    this.chosen = chosen;
    this.changed();
  }

  /** A canvas is there; gives what takes it away. */
  join(side: Side, pane: Pane): () => void {
    this.panes.set(side, pane);
    this.soon();
    return () => {
      if (this.panes.get(side) === pane) this.panes.delete(side);
    };
  }

  /** A canvas can be told to open or close a group. */
  groups(side: Side, turn: (id: string, open: boolean) => void): () => void {
    this.turns.set(side, turn);
    return () => {
      if (this.turns.get(side) === turn) this.turns.delete(side);
    };
  }

  /** A group was opened or closed on one canvas: where the other has it, there too. */
  turned(side: Side, id: string, open: boolean): void {
    if (this.on) this.turns.get(otherSide(side))?.(id, open);
  }

  drew(side: Side, drawn: Placed): void {
    this.drawn.set(side, drawn);
    this.changed();
  }

  /** Commands of the window go to the canvas that they mean. */
  offer(side: Side, handle: CanvasHandle): () => void {
    this.handles.set(side, handle);
    canvas.current = this.commands;
    return () => {
      if (this.handles.get(side) === handle) this.handles.delete(side);
      if (canvas.current === this.commands) canvas.current = null;
    };
  }

  /** A canvas has moved, by itself or because it was taken along. */
  moved(side: Side): void {
    if (!this.on) return;
    if (side === this.leader) this.follow();
    else this.soon();
  }

  private leading(run: (handle: CanvasHandle) => void): void {
    const handle = this.handles.get(this.leader) ?? this.handles.get(this.home);
    if (handle) run(handle);
  }

  private sideOf(nodes: readonly NodeId[]): Side {
    const has = (side: Side): boolean => this.drawn.get(side)?.ids.includes(nodes[0] ?? -1) ?? false;
    return has(this.home) || !has(otherSide(this.home)) ? this.home : otherSide(this.home);
  }

  private changed(): void {
    this.map = undefined;
    this.soon();
  }

  /** After what changes now: the canvases have drawn it then. */
  private soon(): void {
    if (this.frame !== 0) return;
    this.frame = requestAnimationFrame(() => {
      this.frame = 0;
      if (this.on) this.follow();
    });
  }

  private follow(): void {
    const [lead, other] = [this.panes.get(this.leader), this.panes.get(otherSide(this.leader))];
    const [before, after] = [this.drawn.get("before"), this.drawn.get("after")];
    if (!lead || !other || !before || !after) return;
    this.map ??= linkMap(before, after, this.pairs, this.chosen);
    const { x, y, zoom } = lead.handle.viewport();
    const middle = { x: (lead.host.clientWidth / 2 - x) / zoom, y: (lead.host.clientHeight / 2 - y) / zoom };
    const to = this.map.across(middle, this.leader);
    const view = { x: other.host.clientWidth / 2 - to.x * zoom, y: other.host.clientHeight / 2 - to.y * zoom, zoom };
    if (!same(other.handle.viewport(), view)) other.handle.setViewport(view);
  }
}
