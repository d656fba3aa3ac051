import { describe, expect, test } from "vitest";
import { layoutGraph } from "../../../picture/src/index.ts";
import { linkMap, type Placed } from "../../src/panels/graph/link.ts";

/** A chain of nodes, laid out. */
function chain(ids: readonly number[]): Placed {
  const layout = layoutGraph({
    nodes: ids.map((id) => ({ id, order: id, group: "", width: 120, height: 40 })),
    edges: ids.slice(1).map((id, i) => ({ id: i, from: ids[i]!, to: id })),
    expanded: "all",
    options: { direction: "down" },
  } as unknown as Parameters<typeof layoutGraph>[0]);
  return { layout, ids: Int32Array.from(ids) };
}
const middle = ({ layout }: Placed, id: number): { x: number; y: number } => {
  const slot = layout.nodes.ids.indexOf(id);
  const { rects } = layout.nodes;
  return { x: rects[slot * 4]! + rects[slot * 4 + 2]! / 2, y: rects[slot * 4 + 1]! + rects[slot * 4 + 3]! / 2 };
};

describe("two layouts -> a point of one on the other", () => {
  const before = chain([1, 2, 3, 4, 5, 6]);
  const after = chain([1, 2, 5, 6]);
  test("what is on both stands on itself, in both directions", () => {
    const { across } = linkMap(before, after, undefined);
    for (const id of [1, 2, 5, 6]) {
      expect(across(middle(before, id), "before").y).toBeCloseTo(middle(after, id).y);
      expect(across(middle(after, id), "after").y).toBeCloseTo(middle(before, id).y);
    }
  });
  test("what only one side has lies between its neighbours, and the way back leads where it came from", () => {
    const { across } = linkMap(before, after, undefined);
    const three = across(middle(before, 3), "before");
    expect(three.y).toBeGreaterThan(middle(after, 2).y);
    expect(three.y).toBeLessThan(middle(after, 5).y);
    expect(across(three, "after").y).toBeCloseTo(middle(before, 3).y);
    // Beyond the ends nothing is stretched.
    expect(across({ x: 0, y: middle(before, 6).y + 500 }, "before").y).toBeCloseTo(middle(after, 6).y + 500);
  });
  test("what a rewrite made stands where that stood which it came from", () => {
    const fused = chain([1, 9, 6]);
    const { across } = linkMap(before, { ...fused, lineage: new Map([[9, [3, 4]]]) }, undefined);
    const between = (middle(before, 3).y + middle(before, 4).y) / 2;
    expect(across({ x: 0, y: between }, "before").y).toBeCloseTo(middle(fused, 9).y);
  });
  test("pairs of other ids; a pair that stands the other way round is passed over", () => {
    const other = chain([11, 12, 13]);
    const { across } = linkMap(chain([1, 2, 3]), other, new Map([[1, 11], [2, 13], [3, 12]]));
    expect(across(middle(chain([1, 2, 3]), 1), "before").y).toBeCloseTo(middle(other, 11).y);
    let last = -Infinity;
    for (let y = -200; y < 800; y += 20) {
      const { y: to } = across({ x: 0, y }, "before");
      expect(to).toBeGreaterThan(last);
      last = to;
    }
  });
  test("nothing in common: in proportion", () => {
    const { across } = linkMap(before, chain([21, 22]), new Map());
    expect(across({ x: 0, y: before.layout.bounds.y }, "before").y).toBeCloseTo(chain([21, 22]).layout.bounds.y);
  });
});
