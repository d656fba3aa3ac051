/** A layout together with what it shows, indexed for drawing, hit tests and walking along edges. */

import type { LayoutResult, NodeKey, PlacedGroup } from "../../../picture/src/index.ts";
import type { CanvasData, CanvasNode, CanvasTarget } from "./model.ts";
import { RowIndex } from "./row-index.ts";

export interface Rect {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

export interface Scene {
  readonly layout: LayoutResult;
  readonly data: CanvasData;
  /** Nodes first, then groups: the layout's box numbers. */
  readonly boxCount: number;
  /** x, y, width, height for each box. */
  readonly rects: Float64Array;
  /** Boxes with their chips, and edges, by place. */
  readonly boxes: RowIndex;
  readonly edges: RowIndex;
  readonly edgeBounds: Float64Array;
  /** Chips of box b: chipItems[chipStart[b]] .. */
  readonly chipStart: Int32Array;
  readonly chipItems: Int32Array;
  /** Drawn edges out of and into each box. */
  readonly outStart: Int32Array;
  readonly outItems: Int32Array;
  readonly inStart: Int32Array;
  readonly inItems: Int32Array;
  /** Colour token of each box as painted: an index in `tokens`. */
  readonly token: Uint8Array;
  readonly tokens: readonly string[];
  /** 0: as ever; 1: dimmed; 2: has a diff mark. */
  readonly flags: Uint8Array;
  /** Heat of each box, 0 .. 1 or NaN, where heat is shown. */
  readonly heats: Float32Array | undefined;
  /** True for the first route of each value: the one that carries the label. */
  readonly leads: Uint8Array;
  boxOf(target: CanvasTarget): number;
  /** Box drawn for a node: itself, its host when it is a chip, or -1. */
  boxOfNode(id: NodeKey): number;
}

function rowsBy(count: number, keys: ArrayLike<number>): { start: Int32Array; items: Int32Array } {
  const start = new Int32Array(count + 1);
  for (let i = 0; i < keys.length; i++) start[keys[i]! + 1]!++;
  for (let i = 0; i < count; i++) start[i + 1]! += start[i]!;
  const fill = start.slice();
  const items = new Int32Array(keys.length);
  for (let i = 0; i < keys.length; i++) items[fill[keys[i]!]!++] = i;
  return { start, items };
}

export function makeScene(layout: LayoutResult, data: CanvasData): Scene {
  const n = layout.nodes.ids.length;
  const boxCount = n + layout.groups.length;
  const rects = new Float64Array(boxCount * 4);
  rects.set(layout.nodes.rects);
  layout.groups.forEach((group, g) => rects.set([group.x, group.y, group.width, group.height], (n + g) * 4));

  const chipRows = rowsBy(boxCount, layout.chips.hosts);
  const bounds = new Float64Array(boxCount * 4);
  for (let b = 0; b < boxCount; b++) {
    let maxX = rects[b * 4]! + rects[b * 4 + 2]!;
    for (let k = chipRows.start[b]!; k < chipRows.start[b + 1]!; k++) {
      const c = chipRows.items[k]! * 4;
      maxX = Math.max(maxX, layout.chips.rects[c]! + layout.chips.rects[c + 2]!);
    }
    bounds[b * 4] = rects[b * 4]!;
    bounds[b * 4 + 1] = rects[b * 4 + 1]!;
    bounds[b * 4 + 2] = maxX;
    bounds[b * 4 + 3] = rects[b * 4 + 1]! + rects[b * 4 + 3]!;
  }
  const { offsets, points, from, to, fromPort } = layout.edges;
  const edgeCount = from.length;
  const edgeBounds = new Float64Array(edgeCount * 4);
  const leads = new Uint8Array(edgeCount);
  for (let e = 0; e < edgeCount; e++) {
    let minX = Infinity;
    let maxX = -Infinity;
    for (let i = offsets[e]!; i < offsets[e + 1]!; i++) {
      const x = points[i * 2]!;
      if (x < minX) minX = x;
      if (x > maxX) maxX = x;
    }
    edgeBounds[e * 4] = minX;
    edgeBounds[e * 4 + 1] = points[offsets[e]! * 2 + 1]!;
    edgeBounds[e * 4 + 2] = maxX;
    edgeBounds[e * 4 + 3] = points[offsets[e + 1]! * 2 - 1]!;
    leads[e] = e === 0 || from[e] !== from[e - 1] || fromPort[e] !== fromPort[e - 1] ? 1 : 0;
  }
  const out = rowsBy(boxCount, from);
  const into = rowsBy(boxCount, to);

  const tokens: string[] = ["--color-line-strong"];
  const tokenOf = new Map<string, number>();
  const token = new Uint8Array(boxCount);
  const flags = new Uint8Array(boxCount);
  const heats = data.heat ? new Float32Array(boxCount) : undefined;
  for (let b = 0; b < boxCount; b++) {
    const node = b >= n ? undefined : data.look ? data.look(layout.nodes.ids[b]!) : data.nodes.get(layout.nodes.ids[b]!);
    const extra = b < n ? node : data.groups?.get(layout.groups[b - n]!.id);
    if (heats) heats[b] = data.heat!(b < n ? { kind: "node", id: layout.nodes.ids[b]! } : { kind: "group", id: layout.groups[b - n]!.id }) ?? NaN;
    if (b < n) {
      const family = node?.family ?? "custom";
      let index = tokenOf.get(family);
      if (index === undefined) {
        index = tokens.length;
        tokenOf.set(family, index);
        tokens.push(`--family-${family}`);
      }
      token[b] = index;
    }
    if (extra?.diff !== undefined && extra.diff !== "unchanged") flags[b] = 2;
    else if (extra?.dimmed === true) flags[b] = 1;
  }

  let nodeBox: Map<NodeKey, number> | undefined;
  let groupBox: Map<string, number> | undefined;
  const boxOfNode = (id: NodeKey): number => {
    if (nodeBox === undefined) {
      nodeBox = new Map();
      layout.chips.ids.forEach((chip, i) => {
        if (layout.chips.reference[i] === 0 && !nodeBox!.has(chip)) nodeBox!.set(chip, layout.chips.hosts[i]!);
      });
      layout.nodes.ids.forEach((node, i) => nodeBox!.set(node, i));
    }
    return nodeBox.get(id) ?? -1;
  };
  return {
    layout,
    data,
    boxCount,
    rects,
    boxes: new RowIndex(bounds),
    edges: new RowIndex(edgeBounds, 512),
    edgeBounds,
    chipStart: chipRows.start,
    chipItems: chipRows.items,
    outStart: out.start,
    outItems: out.items,
    inStart: into.start,
    inItems: into.items,
    token,
    tokens,
    flags,
    heats,
    leads,
    boxOfNode,
    boxOf(target) {
      if (target.kind === "node") return boxOfNode(target.id);
      groupBox ??= new Map(layout.groups.map((group, g) => [group.id, n + g]));
      return groupBox.get(target.id) ?? -1;
    },
  };
}

export const isGroup = (scene: Scene, box: number): boolean => box >= scene.layout.nodes.ids.length;

export function groupAt(scene: Scene, box: number): PlacedGroup {
  return scene.layout.groups[box - scene.layout.nodes.ids.length]!;
}

export function nodeAt(scene: Scene, box: number): CanvasNode | undefined {
  return scene.data.nodes.get(scene.layout.nodes.ids[box]!);
}

export const targetAt = (scene: Scene, box: number): CanvasTarget =>
  isGroup(scene, box)
    ? { kind: "group", id: groupAt(scene, box).id }
    : { kind: "node", id: scene.layout.nodes.ids[box]! };

export const rectAt = ({ rects }: Scene, box: number): Rect => ({
  x: rects[box * 4]!,
  y: rects[box * 4 + 1]!,
  width: rects[box * 4 + 2]!,
  height: rects[box * 4 + 3]!,
});

/** Innermost box under a point, or -1. Open groups only count on their title bar when `solid`. */
export function boxUnder(scene: Scene, x: number, y: number): number {
  let found = -1;
  scene.boxes.query(x, y, x, y, (box) => {
    const rect = rectAt(scene, box);
    if (x < rect.x || x > rect.x + rect.width || y < rect.y || y > rect.y + rect.height) return;
    if (isGroup(scene, box) && groupAt(scene, box).expanded && y > rect.y + 26) return;
    if (found < 0 || rect.width < rectAt(scene, found).width) found = box;
  });
  return found;
}

/** The route nearest to a point within `distance`, or -1. */
export function edgeUnder(scene: Scene, x: number, y: number, distance: number): number {
  const { offsets, points } = scene.layout.edges;
  let best = distance;
  let found = -1;
  scene.edges.query(x - distance, y - distance, x + distance, y + distance, (e) => {
    for (let i = offsets[e]!; i + 1 < offsets[e + 1]!; i++) {
      const ax = points[i * 2]!;
      const ay = points[i * 2 + 1]!;
      const bx = points[i * 2 + 2]!;
      const by = points[i * 2 + 3]!;
      if (y < ay - distance || y > by + distance) continue;
      // The curve is x(y) nearly: smoothstep between the ends.
      const t = by > ay ? Math.max(0, Math.min(1, (y - ay) / (by - ay))) : 0;
      const at = ax + (bx - ax) * t * t * (3 - 2 * t);
      if (Math.abs(at - x) < best) {
        best = Math.abs(at - x);
        found = e;
      }
    }
  });
  return found;
}

export type Direction = "up" | "down" | "left" | "right";

/** Where an arrow key leads from a box: along the straightest edge, or to the nearest box at the side. -1: nowhere. */
export function neighbour(scene: Scene, box: number, direction: Direction): number {
  const { rects, layout } = scene;
  const cx = rects[box * 4]! + rects[box * 4 + 2]! / 2;
  let found = -1;
  let best = Infinity;
  if (direction === "up" || direction === "down") {
    const start = direction === "up" ? scene.inStart : scene.outStart;
    const items = direction === "up" ? scene.inItems : scene.outItems;
    const ends = direction === "up" ? layout.edges.from : layout.edges.to;
    for (let k = start[box]!; k < start[box + 1]!; k++) {
      const other = ends[items[k]!]!;
      const dx = Math.abs(rects[other * 4]! + rects[other * 4 + 2]! / 2 - cx);
      const dy = Math.abs(rects[other * 4 + 1]! - rects[box * 4 + 1]!);
      if (dy + dx * 2 < best) {
        best = dy + dx * 2;
        found = other;
      }
    }
    return found;
  }
  const { x, y, width, height } = rectAt(scene, box);
  const reach = 4_000;
  scene.boxes.query(
    direction === "left" ? x - reach : x + width,
    y - 120,
    direction === "left" ? x : x + width + reach,
    y + height + 120,
    (other) => {
      if (other === box || (isGroup(scene, other) && groupAt(scene, other).expanded)) return;
      const r = rectAt(scene, other);
      const gap = direction === "left" ? x - (r.x + r.width) : r.x - (x + width);
      if (gap < 0) return;
      const score = gap + Math.abs(r.y + r.height / 2 - y - height / 2) * 4;
      if (score < best) {
        best = score;
        found = other;
      }
    },
  );
  return found;
}
