import { afterEach, describe, expect, test } from "vitest";
import type { GraphView } from "@graphwright/compiler-core";
import { layoutGraph } from "../src/layout/index.ts";
import { makePicture, nodeOf, shortType } from "../src/panels/graph/picture.ts";
import * as act from "../src/state/actions.ts";
import { query } from "../src/state/query.ts";
import { searchNodes } from "../src/state/search.ts";
import { useStore } from "../src/state/store.ts";
import { exampleFile, testWindow, type TestWindow } from "./session.ts";

let current: TestWindow | undefined;
afterEach(() => current?.close());

async function views(): Promise<{ readonly before: GraphView; readonly union: GraphView }> {
  current = testWindow();
  await act.start();
  const id = (await act.openFile(exampleFile()))!;
  const first = useStore.getState().models[id]!.b;
  await act.runPipeline(id);
  const { b } = useStore.getState().models[id]!;
  return { before: await query("graph", { model: id, step: first }), union: await query("graph", { model: id, step: b, base: first }) };
}
const texts = { input: "Input", output: "Output", fused: (parts: string) => parts };
const options = (view: GraphView) => ({ region: view.regions.find((each) => each.owner === null)!.id, heat: "none", constants: true, texts }) as const;

describe("the picture of a step", () => {
  test("a step and the union of two steps can be laid out: ids are unique and every edge ends at a node", async () => {
    const { before, union } = await views();
    for (const view of [before, union]) {
      const { nodes, edges } = makePicture(view, options(view));
      const layout = layoutGraph({ nodes, edges, expanded: "all", options: { direction: "down" } });
      expect(layout.bounds.width).toBeGreaterThan(0);
    }
  });

  test("constants are chips, outputs are nodes that stand for their producer, scopes are groups", async () => {
    const { before } = await views();
    const picture = makePicture(before, options(before));
    const chips = picture.nodes.filter((node) => node.chip);
    expect(chips.length).toBeGreaterThan(10);
    const output = picture.nodes.find((node) => typeof node.id === "string")!;
    expect(before.nodes.map((node) => node.id)).toContain(nodeOf(output.id, before));
    expect(picture.groupIds).toContain("stem");
    expect(makePicture(before, { ...options(before), constants: false }).nodes.some((node) => node.chip)).toBe(false);
  });

  test("in a union, what was removed is marked and its edges with it", async () => {
    const { union } = await views();
    const { data } = makePicture(union, options(union));
    const marks = [...data.nodes.values()].map((node) => node.diff);
    expect(marks).toContain("removed");
    expect(marks).toContain("added");
    expect([...data.edges!.values()].some((edge) => edge.diff === "removed")).toBe(true);
  });

  test("heat is between 0 and 1, and the hottest node is 1", async () => {
    const { before } = await views();
    const heats = [...makePicture(before, { ...options(before), heat: "flops" }).data.nodes.values()].flatMap((node) => (node.heat === undefined ? [] : [node.heat]));
    expect(Math.max(...heats)).toBe(1);
    expect(Math.min(...heats)).toBeGreaterThanOrEqual(0);
  });

  test("search finds by operator, name, shape and attribute; every word counts", async () => {
    const { before } = await views();
    expect(searchNodes(before.nodes, "conv").nodes[0]!.op).toBe("Conv");
    expect(searchNodes(before.nodes, "stem batch").nodes[0]!.op).toBe("BatchNormalization");
    expect(searchNodes(before.nodes, "no such thing").count).toBe(0);
    expect(searchNodes(before.nodes, "").count).toBe(before.nodes.length);
  });
});

test("types on edges are short", () => {
  expect(["float32[1, 64, 56, 56]", "int64[8]", "float32[]", "float32[N, ?]", "?[*]", "bool[*]", "seq(float32[2])"].map(shortType)).toEqual([
    "1×64×56×56", "8 i64", "scalar", "N×?", "", "? bool", "seq(float32[2])",
  ]);
});
