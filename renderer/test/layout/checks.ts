import { expect } from "vitest";
import type { LayoutEdge, LayoutGraph, LayoutNode, LayoutResult, NodeKey } from "../../src/layout/index.ts";

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
  const [x, y, width, height] = layout.nodes.rects.subarray(i * 4, i * 4 + 4);
  return { x: x!, y: y!, width: width!, height: height! };
}

export function boxAt(layout: LayoutResult, box: number): Box {
  const n = layout.nodes.ids.length;
  return box < n ? nodeBox(layout, layout.nodes.ids[box]!) : layout.groups[box - n]!;
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
    expect(end).toBeGreaterThan(begin);
    for (let i = begin; i < end; i++) {
      if (points[i * 2 + 3]! < points[i * 2 + 1]! - 1e-6) expect.fail(`route ${layout.edges.ids[e]} turns up`);
    }
    expect(points[begin * 2 + 1]).toBeCloseTo(from.y + from.height, 3);
    expect(points[end * 2 + 1]).toBeCloseTo(to.y, 3);
    expect(points[begin * 2]).toBeGreaterThanOrEqual(from.x);
    expect(points[begin * 2]).toBeLessThanOrEqual(from.x + from.width);
    expect(points[end * 2]).toBeGreaterThanOrEqual(to.x);
    expect(points[end * 2]).toBeLessThanOrEqual(to.x + to.width);
  }
  for (const value of layout.nodes.rects) if (!Number.isFinite(value)) expect.fail("a place is not a number");
}
