import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { toLayoutGraph } from "../../bench/layout.ts";
import { chain, inception, randomDag, resnet, transformer, unet } from "../../bench/synthetic.ts";
import { LayoutEngine, layoutGraph, routePath, type LayoutResult } from "../../../picture/src/index.ts";
import { expectSound, graphOf, nodeBox } from "./checks.ts";

const plain = (layout: LayoutResult): unknown => JSON.parse(JSON.stringify(layout)) as unknown;
const none: ReadonlySet<string> = new Set();
const centre = (layout: LayoutResult, id: string): number => nodeBox(layout, id).x + nodeBox(layout, id).width / 2;

describe("layout", () => {
  it("puts a chain on one line", () => {
    const layout = layoutGraph(toLayoutGraph(chain(50), none));
    expectSound(layout);
    expect(new Set(layout.nodes.ids.map((id) => centre(layout, String(id)))).size).toBe(1);
  });

  it("keeps the main path of a residual block straight and leads the skip around it", () => {
    const graph = graphOf(
      [{ id: "in" }, { id: "conv" }, { id: "relu" }, { id: "conv2" }, { id: "add" }, { id: "out" }],
      [["in", "conv"], ["conv", "relu"], ["relu", "conv2"], ["conv2", "add"], ["in", "add", 1], ["add", "out"]],
    );
    const layout = layoutGraph(graph);
    expectSound(layout);
    for (const id of ["conv", "relu", "conv2", "add", "out"]) expect(centre(layout, id)).toBe(centre(layout, "in"));
    const skip = layout.edges.ids.indexOf(4);
    const xs = Array.from(layout.edges.points.subarray(layout.edges.offsets[skip]! * 2, layout.edges.offsets[skip + 1]! * 2)).filter((_, i) => i % 2 === 0);
    expect(Math.max(...xs)).toBeGreaterThan(nodeBox(layout, "relu").x + nodeBox(layout, "relu").width);
  });

  it.each([
    ["ResNet-50, all open", toLayoutGraph(resnet(), "all")],
    ["ResNet-50, closed", toLayoutGraph(resnet(), none)],
    ["Inception", toLayoutGraph(inception(6), none)],
    ["U-Net", toLayoutGraph(unet(5, 6), none)],
    ["U-Net, all open", toLayoutGraph(unet(5, 6), "all")],
    ["transformer with constants", toLayoutGraph(transformer(300, { constants: true }), none)],
    ["scoped transformer, all open", toLayoutGraph(transformer(300, { scoped: true, constants: true }), "all")],
    ["LLM with shared mask", toLayoutGraph(transformer(600, { shared: true, scoped: true }), "all")],
    ["random DAG", toLayoutGraph(randomDag(400), none)],
  ])("is sound: %s", (_, graph) => {
    expectSound(layoutGraph(graph));
  });

  it("is sound for any DAG, grouped in any way, open or closed", () => {
    const dag = fc
      .array(
        fc.record({
          inputs: fc.array(fc.nat(), { maxLength: 3 }),
          group: fc.constantFrom("", "a", "b", "a/x", "a/y", "c/d/e"),
          width: fc.integer({ min: 40, max: 260 }),
          height: fc.integer({ min: 20, max: 90 }),
          chip: fc.boolean(),
        }),
        { minLength: 1, maxLength: 40 },
      )
      .map((rows) => ({
        nodes: rows.map((row, id) => ({ id, group: row.group, width: row.width, height: row.height, chip: row.chip && row.inputs.length === 0 })),
        edges: rows.flatMap((row, to) =>
          to === 0 ? [] : row.inputs.map((pick, port): [number, number, number] => [pick % to, to, port]),
        ),
      }));
    const open = fc.constantFrom<"all" | ReadonlySet<string>>("all", new Set<string>(), new Set(["a"]), new Set(["a", "b", "a~2"]));
    fc.assert(
      fc.property(dag, open, ({ nodes, edges }, expanded) => {
        const graph = graphOf(nodes, edges, { expanded });
        const layout = layoutGraph(graph);
        expectSound(layout);
        expect(plain(layoutGraph(graph))).toEqual(plain(layout));
        // Everything is drawn once: as itself, as a chip or in a closed group.
        const inClosed = graph.nodes.filter((_, i) => layout.owner[i]! >= 0 && !layout.groups[layout.owner[i]!]!.expanded);
        const chips = new Set(layout.chips.ids);
        const drawn = new Set(layout.nodes.ids);
        for (const node of graph.nodes) {
          if (node.chip === true && !drawn.has(node.id)) continue;
          expect(drawn.has(node.id) || inClosed.includes(node)).toBe(true);
          expect(drawn.has(node.id) && inClosed.includes(node)).toBe(false);
        }
        for (const id of chips) expect(graph.nodes.some((node) => node.id === id)).toBe(true);
      }),
      { numRuns: 200 },
    );
  }, 60_000);

  it("draws a graph with a cycle rather than hanging", () => {
    const layout = layoutGraph(graphOf([{ id: "a" }, { id: "b" }, { id: "c" }], [["a", "b"], ["b", "c"], ["c", "a"]]));
    expect(layout.nodes.ids).toHaveLength(3);
  });

  it("says which edge is wrong", () => {
    expect(() => layoutGraph(graphOf([{ id: "a" }], [["a", "b"]]))).toThrow("edge 0 joins a to b");
    expect(() => layoutGraph(graphOf([{ id: "a" }, { id: "a" }], []))).toThrow("used twice");
  });

  it("lays out 50,000 nodes in a chain without recursion", () => {
    const layout = layoutGraph(toLayoutGraph(chain(50_000), none));
    expect(layout.nodes.ids).toHaveLength(50_000);
  }, 30_000);

  it("keeps random graphs with very many long edges inside its budget", () => {
    const layout = layoutGraph(toLayoutGraph(randomDag(3_000, 7), none));
    expect(layout.bounds.width).toBeLessThan(20_000);
  });
});

describe("blocks", () => {
  it("lays out equal blocks once", () => {
    const engine = new LayoutEngine();
    engine.layout(toLayoutGraph(transformer(5_000), none));
    expect(engine.cache.misses).toBeLessThan(10);
    expect(engine.cache.hits).toBeGreaterThan(400);
  });

  it("gives equal groups the same picture and counts them", () => {
    const layout = layoutGraph(toLayoutGraph(transformer(200, { scoped: true }), none));
    const layers = layout.groups.filter((group) => /layers\.\d+$/.test(group.id));
    expect(layers.length).toBeGreaterThan(6);
    expect(layers[0]!.repeat).toEqual({ count: layers.length, index: 1 });
    const open = layoutGraph(toLayoutGraph(transformer(200, { scoped: true }), "all"));
    const shapes = open.groups
      .filter((group) => /layers\.\d+$/.test(group.id))
      .map((group) => `${group.width} ${group.height}`);
    expect(new Set(shapes).size).toBe(1);
  });
});

describe("groups", () => {
  const nodes = [
    { id: "in" },
    { id: "a1", group: "a" },
    { id: "a2", group: "a" },
    { id: "b1", group: "b" },
    { id: "b2", group: "b" },
    { id: "out" },
  ];

  it("keeps the edges of closed groups and merges none that carry different values", () => {
    const graph = graphOf(
      nodes,
      [["in", "a1"], ["a1", "a2"], ["a1", "b1"], ["a2", "b2"], ["a2", "b1", 1], ["b1", "b2", 1], ["b2", "out"]],
      { expanded: none },
    );
    const layout = layoutGraph(graph);
    expectSound(layout);
    expect(layout.nodes.ids).toEqual(["in", "out"]);
    expect(layout.groups.map((group) => [group.id, group.nodeCount])).toEqual([["a", 2], ["b", 2]]);
    // in -> a, a1 -> b, a2 -> b (once for both uses), b -> out
    expect(layout.edges.ids).toEqual([0, 2, 3, 6]);
    expect(Array.from(layout.owner)).toEqual([-1, 0, 0, 1, 1, -1]);
  });

  it("leads edges through the borders of open groups to the nodes themselves", () => {
    const graph = graphOf(nodes, [["in", "a1"], ["a1", "a2"], ["a2", "b1"], ["b1", "b2"], ["b2", "out"]]);
    const layout = layoutGraph(graph);
    expectSound(layout);
    expect(layout.edges.ids).toEqual([0, 1, 2, 3, 4]);
    // Straight through both groups.
    expect(new Set(["in", "a1", "a2", "b1", "b2", "out"].map((id) => centre(layout, id))).size).toBe(1);
  });

  it("splits a group that data leaves and enters again", () => {
    const graph = graphOf(
      [
        { id: "a1", group: "a" },
        { id: "a2", group: "a" },
        { id: "x" },
        { id: "a3", group: "a" },
        { id: "a4", group: "a" },
        { id: "out" },
      ],
      [["a1", "a2"], ["a2", "x"], ["x", "a3"], ["a3", "a4"], ["a4", "out"]],
      { expanded: none },
    );
    const layout = layoutGraph(graph);
    expectSound(layout);
    expect(layout.groups.map((group) => [group.id, group.nodeCount])).toEqual([["a", 2], ["a~2", 2]]);
  });

  it("splits groups that are convex one by one but a cycle together", () => {
    const graph = graphOf(
      [
        { id: "a1", group: "a" },
        { id: "a2", group: "a" },
        { id: "a3", group: "a" },
        { id: "b1", group: "b" },
        { id: "b2", group: "b" },
        { id: "b3", group: "b" },
      ],
      [["a1", "b1"], ["b2", "a2"], ["a1", "a3"], ["b2", "b3"]],
      { expanded: none },
    );
    const layout = layoutGraph(graph);
    expectSound(layout);
  });

  it("makes no group of one node and none of everything", () => {
    const graph = graphOf(
      [
        { id: 0, group: "model/stem" },
        { id: 1, group: "model/body" },
        { id: 2, group: "model/body" },
        { id: 3, group: "model/head/x" },
        { id: 4, group: "model/head/y" },
      ],
      [[0, 1], [1, 2], [2, 3], [3, 4]],
      { expanded: none },
    );
    expect(layoutGraph(graph).groups.map((group) => group.id)).toEqual(["model/body", "model/head"]);
  });
});

describe("reference tags", () => {
  it("replace the edges of a value that feeds many distant layers", () => {
    const graph = toLayoutGraph(transformer(1_000, { shared: true }), none);
    const layout = layoutGraph(graph);
    expectSound(layout);
    const tags = layout.chips.ids.filter((_, i) => layout.chips.reference[i] === 1);
    const users = (id: string): number => graph.edges.filter((edge) => edge.from === id).length;
    for (const id of ["attention_mask", "rotary.cos", "rotary.sin"]) {
      expect(tags.filter((tag) => tag === id)).toHaveLength(users(id));
    }
    const slot = layout.nodes.ids.indexOf("attention_mask");
    expect(Array.from(layout.edges.from)).not.toContain(slot);
  });

  it("leave a value with a few users as edges", () => {
    const layout = layoutGraph(toLayoutGraph(inception(4), none));
    expect(layout.chips.ids).toHaveLength(0);
  });

  it("show once at a closed group", () => {
    const layout = layoutGraph(toLayoutGraph(transformer(1_000, { shared: true, scoped: true }), none));
    const layers = layout.groups.filter((group) => /layers\.\d+$/.test(group.id));
    expect(layout.chips.ids.filter((id) => id === "rotary.cos")).toHaveLength(layers.length);
  });
});

describe("constants", () => {
  it("are chips beside their consumers, in input order, and the rest is counted", () => {
    const weights = Array.from({ length: 9 }, (_, i) => ({ id: `w${i}`, width: 60, height: 17, chip: true }));
    const graph = graphOf(
      [{ id: "x" }, ...weights, { id: "concat" }],
      [["x", "concat", 0], ...weights.map((w, i): [string, string, number] => [w.id, "concat", i + 1])],
    );
    const layout = layoutGraph(graph);
    expectSound(layout);
    expect(layout.nodes.ids).toEqual(["x", "concat"]);
    expect(layout.chips.ids).toEqual(["w0", "w1", "w2", "w3", "w4", "w5"]);
    expect(Array.from(layout.chips.more)).toEqual([0, 0, 0, 0, 0, 3]);
    expect(centre(layout, "concat")).toBe(centre(layout, "x"));
  });
});

describe("routePath", () => {
  it("is straight down and bends with vertical ends", () => {
    expect(routePath(Float64Array.of(0, 0, 0, 10, 20, 30), 0, 3)).toBe("M0 0L0 10C0 20 20 20 20 30");
  });
});
