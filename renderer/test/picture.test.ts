import { afterEach, describe, expect, test } from "vitest";
import type { GraphTable } from "@graphwright/compiler-core";
import { englishTexts, layoutGraph, makeHierarchy, makePicture, nodeOfKey, openAtFirst, pictureData, rowsById, shortType, stringAt, type PictureOptions } from "../../picture/src/index.ts";
import * as act from "../src/state/actions.ts";
import { useStore } from "../src/state/store.ts";
import { exampleFile, testWindow, type TestWindow } from "./session.ts";

let current: TestWindow | undefined;
afterEach(() => current?.close());

/** The example as opened, and together with what the default pipeline makes of it. */
async function optimized() {
  current = testWindow();
  await act.start();
  const id = (await act.openFile(exampleFile()))!;
  const first = useStore.getState().models[id]!.b;
  await act.runPipeline(id);
  const { b } = useStore.getState().models[id]!;
  const { session, pictures } = current;
  const ask = { region: 0, constants: true, texts: englishTexts, names: {}, hasTable: false } as const;
  return {
    id, first, b, pictures, ask,
    before: await session.graphTable({ model: id, step: first }),
    union: await session.graphTable({ model: id, step: b, base: first }),
  };
}
const options: PictureOptions = { region: 0, constants: true, texts: englishTexts };
const groupTexts = { fused: String, fusedInside: String, inside: (mark: string, count: number) => `${count} ${mark}`, problemsInside: (count: number) => `${count} wrong`, message: (text: string) => text };

describe("the picture of a step", () => {
  test("a step and the union of two steps can be laid out: ids are unique and every edge ends at a node", async () => {
    const { before, union } = await optimized();
    const hierarchy = makeHierarchy(before, 0);
    for (const table of [before, union]) {
      const { nodes, edges } = makePicture(table, hierarchy, options);
      const layout = layoutGraph({ nodes, edges, expanded: "all", options: { direction: "down" } });
      expect(layout.bounds.width).toBeGreaterThan(0);
    }
  });

  test("constants are chips, outputs are nodes that stand for their producer, scopes are groups", async () => {
    const { before } = await optimized();
    const hierarchy = makeHierarchy(before, 0);
    const picture = makePicture(before, hierarchy, options);
    expect(picture.nodes.filter((node) => node.chip).length).toBeGreaterThan(10);
    const output = picture.nodes.find((node) => (node.id as number) < 0)!;
    expect(rowsById(before).has(nodeOfKey(before, 0, output.id)!)).toBe(true);
    expect(picture.groupIds).toContain("stem/relu");
    expect(makePicture(before, hierarchy, { ...options, constants: false }).nodes.some((node) => node.chip)).toBe(false);
  });

  test("what a rewrite made stands in the group of what it replaced", async () => {
    const { before, union } = await optimized();
    const hierarchy = makeHierarchy(before, 0);
    const picture = makePicture(union, hierarchy, options);
    const added = picture.nodes.filter((node) => union.marks[rowsById(union).get(node.id as number) ?? -1] === 1);
    expect(added.length).toBeGreaterThan(0);
    expect(added.map((node) => node.group)).toContain("stem/relu");
    expect([...new Set(added.map((node) => node.group))].every((group) => group === "" || makePicture(before, hierarchy, options).groupIds.has(group!))).toBe(true);
  });

  test("which groups are open at first is one answer for the model, not one for each step", async () => {
    const { before, union } = await optimized();
    const hierarchy = makeHierarchy(before, 0);
    expect(hierarchy.size).toBeLessThan(makePicture(union, hierarchy, options).rows.length);
    expect([before, union].map((table) => openAtFirst(makePicture(table, hierarchy, options), 161))).toEqual([new Set(), new Set()]);
    expect([before, union].map((table) => openAtFirst(makePicture(table, hierarchy, options), 160))).toEqual(["all", "all"]);
  });

  test("a fused group calls its inputs as the operators inside do", async () => {
    const { union } = await optimized();
    const labels = union.parts.flatMap(({ row }) => [...union.inputs.labels.subarray(union.inputStart[row]!, union.inputStart[row + 1]!)].map((label) => stringAt(union.strings, label)));
    expect(labels).toContain("W");
    expect(labels.filter((label) => label.startsWith("inputs"))).toEqual([]);
  });

  test("isolating a node leaves what it needs and what needs it", async () => {
    const { before } = await optimized();
    const hierarchy = makeHierarchy(before, 0);
    const conv = before.ids[[...before.ops.keys()].find((row) => stringAt(before.strings, before.ops[row]!) === "Conv")!]!;
    const drawn = (direction: "inputs" | "outputs" | "both") => makePicture(before, hierarchy, { ...options, isolation: { nodes: [conv], direction } }).rows.length;
    expect(drawn("inputs")).toBeLessThan(drawn("outputs"));
    expect(drawn("both")).toBe(drawn("inputs") + drawn("outputs") - 1);
  });
});

describe("what the window gets", () => {
  test("in a union, what was removed is marked, its edges with it, and closed groups tell what is inside", async () => {
    const { pictures, ask, id, first, b } = await optimized();
    const of = { model: id, step: b, base: first };
    const open = await pictures.picture({ of, ...ask, expanded: "all" });
    const look = (result: typeof open, table: GraphTable) => pictureData(table, result, { region: 0, texts: englishTexts, groupTexts, heat: undefined });
    const data = look(open, open.table!);
    const marks = open.layout.nodes.ids.map((node) => data.nodes.get(node)?.diff);
    expect(marks).toContain("removed");
    expect(marks).toContain("added");
    expect(open.layout.edges.ids.some((edge) => data.edges!.get(edge)?.diff === "removed")).toBe(true);
    const closed = await pictures.picture({ of, ...ask, expanded: new Set() });
    const groups = closed.layout.groups.map((group) => look(closed, open.table!).groups!.get(group.id)!);
    expect(groups.flatMap((group) => group.badges ?? []).map((badge) => badge.label)).toContainEqual(expect.stringMatching(/removed/));
    expect(groups.some((group) => group.diff === "changed")).toBe(true);
  });

  test("heat is between 0 and 1, and the hottest that is drawn is 1, open or closed", async () => {
    const { pictures, ask, id, first } = await optimized();
    const { nodes, values } = await current!.session.flops({ model: id, step: first });
    const heat = { values: new Map([...nodes].map((node, i) => [node, values[i]!])), combine: "sum" } as const;
    for (const expanded of ["all", new Set<string>()] as const) {
      const result = await pictures.picture({ of: { model: id, step: first }, ...ask, expanded });
      const data = pictureData(result.table!, result, { region: 0, texts: englishTexts, groupTexts, heat });
      const heats = [...result.layout.nodes.ids.map((node) => data.nodes.get(node)?.heat), ...result.layout.groups.map((group) => data.groups!.get(group.id)?.heat)].filter((each) => each !== undefined);
      expect(Math.max(...heats)).toBe(1);
      expect(Math.min(...heats)).toBeGreaterThanOrEqual(0);
    }
  });

  test("groups and places are kept from step to step", async () => {
    const { pictures, ask, id, first, b } = await optimized();
    const before = await pictures.picture({ of: { model: id, step: first }, ...ask, expanded: "all" });
    const input = before.layout.nodes.ids[0]!;
    const after = await pictures.picture({ of: { model: id, step: b }, ...ask, expanded: "all", anchor: input });
    expect(after.layout.groups.map((group) => group.id)).toContain("stem");
    const place = (result: typeof before) => [...result.layout.nodes.rects.slice(result.layout.nodes.ids.indexOf(input) * 4, result.layout.nodes.ids.indexOf(input) * 4 + 2)];
    expect(place(after)).toEqual(place(before));
  });

  test("a picture that was made ahead and is not shown moves nothing: places are those of the one that is", async () => {
    const { pictures, ask, id, first, b } = await optimized();
    const shown = await pictures.picture({ of: { model: id, step: b }, ...ask, expanded: "all" });
    const before = shown.layout.nodes.rects.slice();
    const last = shown.layout.nodes.ids.at(-1)!;
    // With its groups closed the end of the graph moves far up.
    await pictures.picture({ of: { model: id, step: first }, ...ask, expanded: new Set(), previous: shown.serial, anchor: shown.layout.nodes.ids[0]! });
    const again = await pictures.picture({ of: { model: id, step: b }, ...ask, expanded: "all", previous: shown.serial, anchor: last });
    expect(again.layout.nodes.rects).toEqual(before);
  });
});

test("types on edges are short", () => {
  expect(["float32[1, 64, 56, 56]", "int64[8]", "float32[]", "float32[N, ?]", "?[*]", "bool[*]", "seq(float32[2])"].map(shortType)).toEqual([
    "1×64×56×56", "8 i64", "scalar", "N×?", "", "? bool", "seq(float32[2])",
  ]);
});
