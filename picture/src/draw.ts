/** From a table to a laid-out picture in one call, for whoever has no worker and no earlier layout: files. */

import type { GraphTable, NodeId, RegionId } from "@graphwright/compiler-core";
import { makeHierarchy } from "./hierarchy.ts";
import { layoutGraph, type LayoutResult } from "./layout/index.ts";
import { groupContents, makePicture, openAtFirst, type PictureTexts } from "./picture.ts";
import type { LaidOut } from "./picture-data.ts";
import { rowsById, usersOf } from "./table.ts";

/** Which groups are drawn open: as the window opens a model, all, none, or those down to a depth (1: the outermost). */
export type GroupsOpen = "default" | "open" | "closed" | number;

export interface DrawOptions {
  readonly region: RegionId;
  readonly constants: boolean;
  readonly texts: PictureTexts;
  readonly groups: GroupsOpen;
  /** only what is this many edges or fewer from these nodes */
  readonly around?: { readonly nodes: readonly NodeId[]; readonly radius: number };
}

/** `first` is the table of the model as opened, whose groups later steps keep. */
export function drawTable(table: GraphTable, first: GraphTable, options: DrawOptions): LaidOut & { readonly size: number } {
  const { region, constants, texts, groups, around } = options;
  const hierarchy = makeHierarchy(first.regions.includes(region) ? first : table, region);
  const only = around && nodesAround(table, around.nodes, around.radius);
  const picture = makePicture(table, hierarchy, { region, constants, texts, ...(only ? { only } : {}) });
  const expanded = groups === "default" ? openAtFirst(picture, only ? picture.rows.length : hierarchy.size) : groups === "open" ? "all" : new Set(groups === "closed" ? [] : [...picture.groupIds].filter((path) => path.split("/").length <= groups));
  const layout: LayoutResult = layoutGraph({ nodes: picture.nodes, edges: picture.edges, expanded, titles: picture.titles, kept: picture.kept, options: { direction: "down" } });
  return {
    layout,
    lineage: new Map(table.lineage.map(([node, from]) => [node, from])),
    contents: groupContents(table, picture, layout.groups, layout.owner),
    ids: Int32Array.from(picture.nodes, (node) => node.id as number),
    size: picture.rows.length,
  };
}

/** Nodes at most `radius` edges away, in either direction. */
export function nodesAround(table: GraphTable, nodes: readonly NodeId[], radius: number): ReadonlySet<NodeId> {
  const index = rowsById(table);
  const users = usersOf(table);
  const found = new Set<NodeId>(nodes);
  let edge: NodeId[] = [...nodes];
  for (let step = 0; step < radius && edge.length > 0; step++) {
    const next: NodeId[] = [];
    const add = (id: NodeId): void => {
      if (found.has(id) || !index.has(id)) return;
      found.add(id);
      next.push(id);
    };
    for (const id of edge) {
      const row = index.get(id);
      if (row === undefined) continue;
      for (let k = table.inputStart[row]!; k < table.inputStart[row + 1]!; k++) if (table.inputs.from[k]! >= 0) add(table.inputs.from[k]!);
      for (let k = users.start[row]!; k < users.start[row + 1]!; k++) add(table.ids[users.rows[k]!]!);
    }
    edge = next;
  }
  return found;
}
