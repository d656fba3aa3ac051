/** The work of the picture worker, without the worker: tests run it beside a session. */
import type { GraphTable, ModelId, NodeId, RegionId } from "@graphwright/compiler-core";
import { groupContents, LayoutEngine, makeHierarchy, makePicture, openAtFirst, rowMarks, rowsById, stringAt, transferables, type Hierarchy, type LayoutResult, type NodeKey, type PreviousLayout } from "../../../picture/src/index.ts";
import type { PictureApi, PictureParams, PictureResult, PictureStep } from "./picture-protocol.ts";
import type { CallOptions, Client, Task } from "./rpc.ts";
import type { RemoteSession, SourceRef } from "./source.ts";

const rememberedLayouts = 16;
/** A picture that is made ahead of its step may never be shown: the next then keeps the places of the one before. */
const rememberedOfCanvas = 3;
const rememberedTables = 4;

type Tables = Pick<Client<RemoteSession>, "graphTable">;

interface Numbered extends PreviousLayout {
  readonly serial: number;
}

export function createPictures(tables: Tables, readOutline: (name: string, source: SourceRef, task: Task) => GraphTable | undefined): PictureApi {
  const engine = new LayoutEngine();
  /** by canvas, the last last */
  const layouts = new Map<string, readonly Numbered[]>();
  let serials = 0;
  const outlines = new Map<string, GraphTable>();
  const cache = new Map<string, GraphTable>();
  const hierarchies = new Map<string, Hierarchy>();

  async function tableOf({ model, step, base, against }: PictureStep, task: Task): Promise<GraphTable> {
    const key = `${model}/${step}/${base ?? ""}${against ? `/${against.side}/${against.model}/${against.step}` : ""}`;
    const known = cache.get(key);
    if (known) {
      cache.delete(key);
      cache.set(key, known);
      return known;
    }
    const table = await tables.graphTable({ model, step, ...(base === undefined ? {} : { base }), ...(against ? { against } : {}) }, optionsOf(task));
    cache.set(key, table);
    for (const oldest of cache.keys()) {
      if (cache.size <= rememberedTables) break;
      cache.delete(oldest);
    }
    return table;
  }

  /** Groups are those of the model as it was opened. */
  async function hierarchyOf(of: PictureParams["of"], region: RegionId, table: GraphTable, task: Task): Promise<Hierarchy> {
    const key = `${"outline" in of ? of.outline : of.model}/${region}`;
    let hierarchy = hierarchies.get(key);
    if (!hierarchy) {
      const first = "outline" in of || (table.step === 0 && table.base === undefined) ? table : await tableOf({ model: of.model, step: 0 }, task);
      // A region that a rewrite made (the body of a fused group) has no first step.
      hierarchy = makeHierarchy(first.regions.includes(region) ? first : table, region);
      hierarchies.set(key, hierarchy);
    }
    return hierarchy;
  }

  return {
    outline({ name, source }, task) {
      const table = readOutline(name, source, task);
      if (table) outlines.set(name, table);
      return Promise.resolve(table !== undefined);
    },

    async picture({ of, after, region, constants, texts, isolation, names, expanded, anchor, previous: shown, hasTable }, task) {
      const table = "outline" in of ? outlines.get(of.outline)! : await tableOf(of, task);
      const hierarchy = await hierarchyOf(of, region, table, task);
      task.check();
      const picture = makePicture(table, hierarchy, { region, constants, texts, isolation, ...(names ? { names } : {}) });
      task.check();
      const key = `${"outline" in of ? of.outline : of.model}/${region}${"outline" in of || !of.canvas ? "" : `/${of.canvas}`}`;
      const ofCanvas = layouts.get(key) ?? [];
      let previous: PreviousLayout | undefined = ofCanvas.find(({ serial }) => serial === shown) ?? ofCanvas.at(-1);
      let lineage: ReadonlyMap<NodeKey, readonly NodeKey[]> = new Map(table.lineage.map(([node, from]) => [node, from]));
      const outline = after === undefined ? undefined : outlines.get(after);
      if (!previous && outline && after !== undefined) {
        previous = layouts.get(`${after}/0`)?.at(-1);
        lineage = sameValues(outline, table);
      }
      const open = expanded ?? openAtFirst(picture, isolation ? picture.rows.length : hierarchy.size);
      // What was removed stands aside of what it became, and that keeps the place.
      const heir = anchor === undefined || !isRemoved(table, anchor) ? undefined : table.lineage.find(([, from]) => from.includes(anchor as NodeId));
      const held = heir?.[0] ?? anchor;
      const layout = engine.layout(
        { nodes: picture.nodes, edges: picture.edges, expanded: open, titles: picture.titles, kept: picture.kept, options: { direction: "down", ...(held === undefined ? {} : { anchor: held }) } },
        { ...(previous && { previous }), lineage: heir && anchor !== undefined ? new Map([...lineage, [heir[0], [anchor]]]) : lineage },
      );
      const serial = ++serials;
      layouts.delete(key);
      // What is remembered is a copy: the layout itself is handed over.
      layouts.set(key, [...ofCanvas, { serial, nodes: { ids: layout.nodes.ids, rects: layout.nodes.rects.slice() }, groups: layout.groups }].slice(-rememberedOfCanvas));
      for (const oldest of layouts.keys()) {
        if (layouts.size <= rememberedLayouts) break;
        layouts.delete(oldest);
      }
      const contents = groupContents(table, picture, layout.groups, layout.owner);
      const ids = Int32Array.from(picture.nodes, (node) => node.id as number);
      return { serial, ...(hasTable ? {} : { table }), layout, lineage, contents, blocks: hierarchy.blocks, groupIds: picture.groupIds, expanded: open, size: picture.rows.length, ids };
    },

    forget({ name }) {
      outlines.delete(name);
      for (const map of [cache, hierarchies, layouts] as Map<string, unknown>[]) for (const key of map.keys()) if (key.startsWith(`${name}/`)) map.delete(key);
      return Promise.resolve();
    },
  };
}

const isRemoved = (table: GraphTable, node: NodeKey): boolean => {
  const row = typeof node === "number" ? rowsById(table).get(node) : undefined;
  return row !== undefined && rowMarks[table.marks[row]!] === "removed";
};

/** Nodes of the imported model -> the outline's nodes that make the values of the same names. */
function sameValues(outline: GraphTable, table: GraphTable): Map<NodeKey, readonly NodeKey[]> {
  const byName = new Map<string, number>();
  for (let row = 0; row < outline.ids.length; row++) {
    for (let o = outline.outputStart[row]!; o < outline.outputStart[row + 1]!; o++) byName.set(stringAt(outline.strings, outline.outputs.names[o]!), outline.ids[row]!);
  }
  const lineage = new Map<NodeKey, readonly NodeKey[]>();
  for (let row = 0; row < table.ids.length; row++) {
    const o = table.outputStart[row]!;
    const from = o < table.outputStart[row + 1]! ? byName.get(stringAt(table.strings, table.outputs.names[o]!)) : undefined;
    if (from !== undefined) lineage.set(table.ids[row]!, [from]);
  }
  return lineage;
}

/** Buffers of a picture that are handed over; the table stays here for the next. */
export function pictureBuffers(result: unknown): ArrayBuffer[] {
  const { layout, contents, ids } = result as Partial<PictureResult>;
  if (!layout || !contents || !ids) return [];
  return [...transferables(layout as LayoutResult), ...[contents.fused, contents.added, contents.removed, contents.changed, ids].map((array) => array.buffer as ArrayBuffer)];
}

/** A call that is cancelled with the task it is made for. */
function optionsOf(task: Task): CallOptions {
  const controller = new AbortController();
  // Tasks tell of a cancel only when they are asked.
  task.onCancel?.(() => controller.abort());
  return { signal: controller.signal };
}

export type { ModelId };
