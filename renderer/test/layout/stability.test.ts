import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { toLayoutGraph } from "../../bench/layout.ts";
import { randomDag, resnet, transformer } from "../../bench/synthetic.ts";
import { LayoutEngine, type LayoutGraph } from "../../../picture/src/index.ts";
import { expectSound, graphOf, nodeBox } from "./checks.ts";

/** Takes a node with one input out of a graph and joins what it fed to what fed it. */
function without(graph: LayoutGraph, id: string): LayoutGraph {
  const feeds = graph.edges.find((edge) => edge.to === id && edge.toPort === 0)!;
  const constants = new Set(graph.nodes.filter((node) => node.chip === true).map((node) => node.id));
  const dropped = new Set(graph.edges.filter((edge) => edge.to === id && constants.has(edge.from)).map((edge) => edge.from));
  return {
    ...graph,
    nodes: graph.nodes.filter((node) => node.id !== id && !dropped.has(node.id)),
    edges: graph.edges
      .filter((edge) => edge.to !== id)
      .map((edge) => (edge.from === id ? { ...edge, from: feeds.from } : edge)),
  };
}

describe("stability between steps", () => {
  const before = toLayoutGraph(resnet(), new Set());
  const open: LayoutGraph = { ...before, nodes: before.nodes.map(({ group: _, ...node }) => node) };
  const folded = without(open, "/layer2/block1/b/bn/BatchNorm");

  it("keeps what is above a rewrite exactly and moves what is below as a whole", () => {
    const engine = new LayoutEngine();
    const first = engine.layout(open);
    const second = engine.layout(folded, { previous: first });
    expectSound(second);
    const moves = new Set<string>();
    for (const id of second.nodes.ids) {
      const a = nodeBox(first, id);
      const b = nodeBox(second, id);
      expect(b.x, String(id)).toBe(a.x);
      moves.add(String(b.y - a.y));
    }
    expect(moves.size).toBe(2);
    expect(moves.has("0")).toBe(true);
  });

  it("comes back to the same picture when the step is undone", () => {
    const engine = new LayoutEngine();
    const first = engine.layout(open);
    const second = engine.layout(folded, { previous: first });
    const third = engine.layout(open, { previous: second });
    expect(third.nodes.rects).toEqual(first.nodes.rects);
    expect(third.edges.points).toEqual(first.edges.points);
  });

  it("holds the anchor still", () => {
    const engine = new LayoutEngine();
    const anchor = "/layer4/block2/Add";
    const first = engine.layout(open);
    const second = engine.layout({ ...folded, options: { direction: "down", anchor } }, { previous: first });
    expect(nodeBox(second, anchor)).toEqual(nodeBox(first, anchor));
  });

  it("puts a node that replaces others in their column", () => {
    const branch = (id: string): { id: string } => ({ id });
    const first = graphOf(
      [branch("in"), branch("l1"), branch("l2"), branch("r1"), branch("r2"), branch("out")],
      [["in", "r1"], ["in", "l1"], ["l1", "l2"], ["r1", "r2"], ["l2", "out"], ["r2", "out", 1]],
    );
    const second = graphOf(
      [branch("in"), branch("l1"), branch("l2"), branch("fused"), branch("out")],
      [["in", "l1"], ["in", "fused"], ["l1", "l2"], ["l2", "out"], ["fused", "out", 1]],
    );
    const engine = new LayoutEngine();
    const a = engine.layout(first);
    const b = engine.layout(second, { previous: a, lineage: new Map([["fused", ["r1", "r2"]]]) });
    const wasLeft = nodeBox(a, "r1").x < nodeBox(a, "l1").x;
    expect(nodeBox(b, "fused").x < nodeBox(b, "l1").x).toBe(wasLeft);
  });

  it("is sound and settled whatever is removed", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1000 }), fc.nat(), (seed, pick) => {
        const graph = toLayoutGraph(randomDag(30, seed), new Set());
        const victim = graph.nodes[1 + (pick % (graph.nodes.length - 1))]!.id;
        const next = without(graph, String(victim));
        const engine = new LayoutEngine();
        const first = engine.layout(graph);
        const second = engine.layout(next, { previous: first });
        expectSound(second);
        // The same step twice changes nothing.
        const again = engine.layout(next, { previous: second });
        expect(again.nodes.rects).toEqual(second.nodes.rects);
      }),
      { numRuns: 60 },
    );
  }, 60_000);

  it("reuses the blocks that a rewrite did not touch", () => {
    const graph = toLayoutGraph(transformer(5_000), new Set());
    const softmax = graph.nodes.find((node) => node.op === "Softmax")!;
    const engine = new LayoutEngine();
    const first = engine.layout(graph);
    engine.cache.misses = 0;
    engine.layout(without(graph, String(softmax.id)), { previous: first });
    expect(engine.cache.misses).toBe(1);
  });
});
