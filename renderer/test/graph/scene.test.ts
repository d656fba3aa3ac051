import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { CanvasNode } from "../../src/graph/index.ts";
import { RowIndex } from "../../src/graph/row-index.ts";
import { boxUnder, edgeUnder, makeScene, neighbour, rectAt, targetAt } from "../../src/graph/scene.ts";
import { layoutGraph, nodeSize, shortenMiddle, textEms } from "../../../picture/src/index.ts";
import { graphOf } from "../layout/checks.ts";

describe("RowIndex", () => {
  it("finds what a scan of everything finds, each item once", () => {
    const rect = fc.tuple(fc.integer({ min: -500, max: 500 }), fc.integer({ min: -5000, max: 5000 }), fc.nat(300), fc.nat(2000));
    fc.assert(
      fc.property(fc.array(rect, { maxLength: 60 }), rect, fc.integer({ min: 10, max: 900 }), (items, query, rowHeight) => {
        const boxes = Float64Array.from(items.flatMap(([x, y, w, h]) => [x, y, x + w, y + h]));
        const found: number[] = [];
        const [x, y, w, h] = query;
        new RowIndex(boxes, rowHeight).query(x, y, x + w, y + h, (i) => found.push(i));
        const expected = items.flatMap(([ix, iy, iw, ih], i) =>
          ix <= x + w && ix + iw >= x && iy <= y + h && iy + ih >= y ? [i] : [],
        );
        expect(found.sort((a, b) => a - b)).toEqual(expected);
      }),
    );
  });
});

describe("scene", () => {
  const graph = graphOf(
    [{ id: "in" }, { id: "a", group: "g" }, { id: "b", group: "g" }, { id: "side" }, { id: "out" }, { id: "w", chip: true, width: 40, height: 17 }],
    [["in", "a"], ["a", "b"], ["in", "side"], ["b", "out"], ["side", "out", 1], ["w", "a", 1]],
  );
  const layout = layoutGraph(graph);
  const scene = makeScene(layout, { nodes: new Map() });
  const box = (id: string): number => scene.boxOf({ kind: "node", id });
  const name = (found: number): unknown => (found < 0 ? null : targetAt(scene, found).id);

  it("finds the card under a point, and an open group only by its title", () => {
    const a = rectAt(scene, box("a"));
    expect(name(boxUnder(scene, a.x + 5, a.y + 5))).toBe("a");
    const g = rectAt(scene, scene.boxOf({ kind: "group", id: "g" }));
    expect(name(boxUnder(scene, g.x + 3, g.y + 3))).toBe("g");
    expect(name(boxUnder(scene, g.x + 3, g.y + g.height - 3))).toBe(null);
  });

  it("finds the edge under a point", () => {
    const a = rectAt(scene, box("a"));
    const e = edgeUnder(scene, a.x + a.width / 2 + 2, a.y + a.height + 8, 4);
    expect(layout.edges.ids[e]).toBe(1);
    expect(edgeUnder(scene, a.x + a.width / 2 + 30, a.y + a.height + 8, 4)).toBe(-1);
  });

  it("walks along edges and to the side", () => {
    expect(name(neighbour(scene, box("a"), "down"))).toBe("b");
    expect(name(neighbour(scene, box("a"), "up"))).toBe("in");
    expect(name(neighbour(scene, box("out"), "up"))).toBe("b");
    expect(name(neighbour(scene, box("in"), "up"))).toBe(null);
    const sideways = neighbour(scene, box("side"), rectAt(scene, box("side")).x > rectAt(scene, box("b")).x ? "left" : "right");
    expect(["a", "b"]).toContain(name(sideways));
  });

  it("shows a constant at its consumer", () => {
    expect(name(scene.boxOfNode("w"))).toBe("a");
  });
});

describe("card sizes", () => {
  const node = (more: Partial<CanvasNode>): CanvasNode => ({ id: 1, kind: "operator", op: "Conv", title: "conv1", family: "linear", ...more });

  it("grow with the text up to a limit, in steps", () => {
    const small = nodeSize(node({}));
    const large = nodeSize(node({ op: "BatchNormalization", subtitle: "ε 1e-5" }));
    expect(large.width).toBeGreaterThan(small.width);
    expect(small.width % 8).toBe(0);
    expect(nodeSize(node({ title: "x".repeat(500) })).width).toBeLessThanOrEqual(248);
    expect(nodeSize(node({ title: "" })).height).toBeLessThan(small.height);
  });

  it("shortens in the middle and keeps both ends", () => {
    const text = "/model/layers.11/self_attn/q_proj/MatMul_output_0";
    const short = shortenMiddle(text, 14);
    expect(textEms(short)).toBeLessThanOrEqual(14);
    expect(short.startsWith("/m")).toBe(true);
    expect(short.endsWith("put_0")).toBe(true);
    expect(shortenMiddle("Conv", 14)).toBe("Conv");
  });
});
