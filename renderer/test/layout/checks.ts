import { expect } from "vitest";
import type { LayoutEdge, LayoutGraph, LayoutNode, LayoutResult, NodeKey } from "../../../picture/src/index.ts";

export function graphOf(
  nodes: readonly (Partial<LayoutNode> & { id: NodeKey })[],
  edges: readonly (readonly [NodeKey, NodeKey] | readonly [NodeKey, NodeKey, number])[],
  more: Partial<LayoutGraph> = {},
): LayoutGraph {
  return {
    nodes: nodes.map((node, order) => ({ width: 100, height: 40, order, ...node })),
    edges: edges.map(([from, to, toPort], id): LayoutEdge => ({ id, from, fromPort: 0, to, toPort: toPort ?? 0 })),
    expanded: "all",
    options: { direction: "down" },
    ...more,
  };
}

export interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

export function nodeBox(layout: LayoutResult, id: NodeKey): Box {
  const i = layout.nodes.ids.indexOf(id);
  if (i < 0) throw new Error(`${id} is not drawn`);
  return boxAt(layout, i);
}

export function boxAt(layout: LayoutResult, box: number): Box {
  const n = layout.nodes.ids.length;
  if (box >= n) return layout.groups[box - n]!;
  const { rects } = layout.nodes;
  return { x: rects[box * 4]!, y: rects[box * 4 + 1]!, width: rects[box * 4 + 2]!, height: rects[box * 4 + 3]! };
}

const overlap = (a: Box, b: Box): boolean =>
  a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height;

const within = (inner: Box, outer: Box): boolean =>
  inner.x >= outer.x && inner.y >= outer.y && inner.x + inner.width <= outer.x + outer.width &&
  inner.y + inner.height <= outer.y + outer.height;

/** What every layout of a DAG keeps to. */
export function expectSound(layout: LayoutResult): void {
  const n = layout.nodes.ids.length;
  const solid: { box: Box; name: string }[] = [];
  for (let i = 0; i < n; i++) solid.push({ box: boxAt(layout, i), name: String(layout.nodes.ids[i]) });
  layout.groups.forEach((group) => {
    if (!group.expanded) solid.push({ box: group, name: group.id });
  });
  for (let i = 0; i < layout.chips.ids.length; i++) {
    const [x, y, width, height] = layout.chips.rects.subarray(i * 4, i * 4 + 4);
    solid.push({ box: { x: x!, y: y!, width: width!, height: height! }, name: `chip ${layout.chips.ids[i]}` });
  }
  solid.sort((a, b) => a.box.y - b.box.y);
  for (let i = 0; i < solid.length; i++) {
    for (let k = i + 1; k < solid.length && solid[k]!.box.y < solid[i]!.box.y + solid[i]!.box.height; k++) {
      if (overlap(solid[i]!.box, solid[k]!.box)) expect.fail(`${solid[i]!.name} overlaps ${solid[k]!.name}`);
    }
  }
  layout.groups.forEach((group) => {
    if (group.parent >= 0 && !within(group, layout.groups[group.parent]!)) expect.fail(`${group.id} leaves its parent`);
  });
  for (let i = 0; i < n; i++) {
    const group = layout.nodes.groups[i]!;
    if (group >= 0 && !within(boxAt(layout, i), layout.groups[group]!)) {
      expect.fail(`${layout.nodes.ids[i]} leaves ${layout.groups[group]!.id}`);
    }
  }
  for (let e = 0; e < layout.edges.from.length; e++) {
    const from = boxAt(layout, layout.edges.from[e]!);
    const to = boxAt(layout, layout.edges.to[e]!);
    if (from.y + from.height > to.y) expect.fail(`edge ${layout.edges.ids[e]} goes up`);
    const { points, offsets } = layout.edges;
    const begin = offsets[e]!;
    const end = offsets[e + 1]! - 1;
    const where = `route ${layout.edges.ids[e]}`;
    if (end <= begin) expect.fail(`${where} has no length`);
    for (let i = begin; i < end; i++) {
      if (points[i * 2 + 3]! < points[i * 2 + 1]! - 1e-6) expect.fail(`${where} turns up`);
    }
    if (Math.abs(points[begin * 2 + 1]! - from.y - from.height) > 1e-3) expect.fail(`${where} does not start at its box`);
    if (Math.abs(points[end * 2 + 1]! - to.y) > 1e-3) expect.fail(`${where} does not end at its box`);
    if (points[begin * 2]! < from.x || points[begin * 2]! > from.x + from.width) expect.fail(`${where} starts beside its box`);
    if (points[end * 2]! < to.x || points[end * 2]! > to.x + to.width) expect.fail(`${where} ends beside its box`);
  }
  for (const value of layout.nodes.rects) if (!Number.isFinite(value)) expect.fail("a place is not a number");
}
