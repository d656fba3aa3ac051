/** A picture as whoever draws it looks things up in it: cards are made when they are asked for. */
import type { GraphTable, NodeId, RegionId } from "@graphwright/compiler-core";
import type { CanvasBadge, CanvasData, CanvasEdge, CanvasGroup, CanvasNode, DiffMark } from "./cards.ts";
import type { LayoutResult, NodeKey } from "./layout/index.ts";
import { constantCard, constantInputs, inputEdge, operatorCard, outputCard, outputIndex, type GroupContents, type PictureTexts } from "./picture.ts";
import { parameterKind, rowMarks, rowsById, stringAt } from "./table.ts";

/** Numbers of nodes that heat is made of. */
export interface HeatValues {
  readonly values: ReadonlyMap<NodeId, number>;
  /** what a group has: all of it, or the worst in it */
  readonly combine: "sum" | "max";
}

export interface GroupTexts {
  /** "3 fused" */
  readonly fused: (count: number) => string;
  readonly fusedInside: (count: number) => string;
  readonly inside: (mark: "added" | "removed" | "changed", count: number) => string;
  readonly problemsInside: (count: number) => string;
  /** a message of the compiler in the reader's language */
  readonly message: (text: string) => string;
}

export interface PictureData extends CanvasData {
  /** largest value behind the heat of what is drawn, and 0 when there is none */
  readonly hottest: number;
}

/** A layout with what its groups hold. */
export interface LaidOut {
  readonly layout: LayoutResult;
  readonly contents: GroupContents;
  readonly lineage: ReadonlyMap<NodeKey, readonly NodeKey[]>;
  /** ids of `layout.owner`'s nodes, in its order */
  readonly ids: Int32Array;
}

const signs = { added: "+", removed: "−", changed: "~" } as const;

export function pictureData(
  table: GraphTable,
  result: LaidOut,
  { region, texts, groupTexts, heat }: { readonly region: RegionId; readonly texts: PictureTexts; readonly groupTexts: GroupTexts; readonly heat: HeatValues | undefined },
): PictureData {
  const rows = rowsById(table);
  const { layout, contents, ids } = result;
  const cards = new Map<NodeKey, CanvasNode | undefined>();
  const edges = new Map<NodeKey, CanvasEdge | undefined>();
  const groups = new Map<string, CanvasGroup>();
  const groupIndex = new Map(layout.groups.map((group, index) => [group.id, index]));
  const origins = result.lineage;
  /** row of each input, for edges: found by halving */
  const rowOfInput = (input: number): number => {
    let [low, high] = [0, table.ids.length - 1];
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (table.inputStart[middle]! <= input) low = middle;
      else high = middle - 1;
    }
    return low;
  };

  // Heat of what is drawn, on one scale.
  const groupHeat = new Float64Array(heat ? layout.groups.length : 0);
  let hottest = 0;
  if (heat) {
    for (let i = 0; i < ids.length; i++) {
      const value = heat.values.get(ids[i]!);
      if (value === undefined || !(value > 0)) continue;
      let drawn = true;
      for (let g = layout.owner[i]!; g >= 0; g = layout.groups[g]!.parent) {
        if (!layout.groups[g]!.expanded) drawn = false;
        groupHeat[g] = heat.combine === "sum" ? groupHeat[g]! + value : Math.max(groupHeat[g]!, value);
      }
      if (drawn) hottest = Math.max(hottest, value);
    }
    layout.groups.forEach((group, g) => {
      if (!group.expanded) hottest = Math.max(hottest, groupHeat[g]!);
    });
  }
  const problems = new Map<NodeKey, string>();
  for (const { row, message } of table.problems) problems.set(table.ids[row]!, [problems.get(table.ids[row]!), groupTexts.message(message)].filter((text) => text !== undefined).join("\n"));
  const problemsIn = new Map<number, number>();
  if (problems.size > 0) for (let i = 0; i < ids.length; i++) if (problems.has(ids[i]!)) for (let g = layout.owner[i]!; g >= 0; g = layout.groups[g]!.parent) problemsIn.set(g, (problemsIn.get(g) ?? 0) + 1);

  const warmth = (value: number | undefined): number | undefined => (heat && hottest > 0 ? Math.sqrt(Math.max(0, value !== undefined && value > 0 ? value : 0) / hottest) : undefined);

  function makeCard(id: NodeKey): CanvasNode | undefined {
    if (typeof id !== "number") return undefined;
    if (id < 0) return outputCard(table, region, outputIndex(id), texts);
    const row = rows.get(id);
    if (row === undefined) {
      const input = constantInputs(table).get(id);
      return input === undefined ? undefined : constantCard(table, input);
    }
    const card = operatorCard(table, row, texts);
    const from = table.step < 0 ? [] : (origins.get(id) ?? []).flatMap((origin) => {
      const at = rows.get(origin as NodeId);
      return at === undefined ? [] : [stringAt(table.strings, table.names[at]!)];
    });
    const warm = table.kinds[row] === parameterKind ? undefined : warmth(heat?.values.get(id));
    const wrong = problems.get(id);
    const badges: readonly CanvasBadge[] | undefined = wrong === undefined ? undefined : [...(card.badges ?? []), { text: "!", tone: "error", label: wrong }];
    return { ...card, ...(badges && { badges }), ...(from.length > 0 ? { origins: from } : {}), ...(warm === undefined ? {} : { heat: warm }) };
  }

  function makeGroup(id: string): CanvasGroup | undefined {
    const g = groupIndex.get(id);
    if (g === undefined) return undefined;
    const badges: CanvasBadge[] = [];
    if (contents.fused[g]! > 0) badges.push({ text: groupTexts.fused(contents.fused[g]!), tone: "accent", label: groupTexts.fusedInside(contents.fused[g]!) });
    const wrong = problemsIn.get(g);
    if (wrong !== undefined) badges.push({ text: `!${wrong}`, tone: "error", label: groupTexts.problemsInside(wrong) });
    for (const mark of ["added", "removed", "changed"] as const) {
      const count = contents[mark][g]!;
      if (count > 0) badges.push({ text: `${signs[mark]}${count}`, tone: mark === "added" ? "ok" : mark === "removed" ? "error" : "warning", label: groupTexts.inside(mark, count) });
    }
    const marked = contents.added[g]! + contents.removed[g]! + contents.changed[g]! > 0;
    const warm = layout.groups[g]!.expanded ? undefined : warmth(groupHeat[g]);
    return {
      ...(badges.length > 0 ? { badges } : {}),
      ...(marked && !layout.groups[g]!.expanded ? { diff: "changed" as DiffMark } : {}),
      ...(warm === undefined ? {} : { heat: warm }),
    };
  }

  return {
    hottest,
    nodes: {
      get(id) {
        if (!cards.has(id)) cards.set(id, makeCard(id));
        return cards.get(id);
      },
    },
    edges: {
      get(id) {
        if (typeof id !== "number") return undefined;
        if (!edges.has(id)) {
          if (id >= 0) edges.set(id, inputEdge(table, id, rowOfInput(id)));
          else {
            const output = outputCard(table, region, outputIndex(id), texts);
            edges.set(id, { id, ...(output?.subtitle === undefined ? {} : { label: output.subtitle }) });
          }
        }
        return edges.get(id);
      },
    },
    groups: {
      get(id) {
        let group = groups.get(id);
        if (!group) {
          group = makeGroup(id);
          if (group) groups.set(id, group);
        }
        return group;
      },
    },
    look(id) {
      const row = typeof id === "number" ? rows.get(id) : undefined;
      if (row === undefined || table.kinds[row] === parameterKind) return { family: "io", diff: row === undefined ? undefined : rowMarks[table.marks[row]!] };
      return { family: stringAt(table.strings, table.families[row]!), diff: rowMarks[table.marks[row]!] };
    },
    ...(heat ? { heat: (target) => (target.kind === "group" ? warmth(groupHeat[groupIndex.get(target.id) ?? -1]) : typeof target.id === "number" && target.id >= 0 ? warmth(heat.values.get(target.id)) : undefined) } : {}),
  };
}

const bytesTables = new WeakMap<GraphTable, ReadonlyMap<NodeId, number>>();

/** Bytes of what each node makes and of its weights, for heat. */
export function bytesOf(table: GraphTable): ReadonlyMap<NodeId, number> {
  let map = bytesTables.get(table);
  if (!map) {
    const made = new Map<NodeId, number>();
    for (let row = 0; row < table.ids.length; row++) {
      if (table.kinds[row] === parameterKind) continue;
      const out = table.outputBytes[row]!;
      made.set(table.ids[row]!, table.weightBytes[row]! + (Number.isNaN(out) ? 0 : out));
    }
    bytesTables.set(table, (map = made));
  }
  return map;
}
