import { describe, expect, test } from "vitest";
import { emptyGraph, Rewriter, tensorType, Timeline, verifyGraph, type Graph, type ValueRef } from "../../src/ir/index.ts";
import { longList, UseTable } from "../../src/ir/use-list.ts";
import { Heap } from "../../src/support/heap.ts";
import { PersistentIdMap } from "../../src/support/persistent-id-map.ts";
import { Random } from "../../src/support/random.ts";

const type = tensorType("float32", [4]);

/** One input that `users` nodes add to itself. */
function star(users: number): { graph: Graph; x: ValueRef; y: ValueRef } {
  const rewriter = new Rewriter(emptyGraph());
  const x = rewriter.addParameter({ name: "x", type });
  const y = rewriter.addParameter({ name: "y", type });
  for (let i = 0; i < users; i++) rewriter.addOutput(0, { name: `o${i}`, value: { node: rewriter.addNode({ op: "Add", inputs: [x, x], outputs: [{ name: `v${i}`, type }] }), output: 0 } });
  return { graph: rewriter.commit({ pass: "", rewrite: "", site: "", matched: [] }).graph, x, y };
}

describe("uses of a node that very many others use", () => {
  test("few are a list, many a table, and both are told alike", () => {
    for (const users of [3, longList, 1000]) {
      const { graph, x } = star(users);
      expect(graph.uses.get(x.node) instanceof UseTable).toBe(2 * users > longList);
      expect(graph.useCount(x.node)).toBe(2 * users);
      expect(graph.usesOf(x.node).map((use) => use.kind === "input" && [use.user, use.index])).toEqual(Array.from({ length: users }, (_, i) => [[x.node + 2 + i, 0], [x.node + 2 + i, 1]]).flat());
      expect(graph.isResult(x)).toBe(false);
      expect(graph.soleUse(x)).toBeUndefined();
      expect(verifyGraph(graph)).toEqual([]);
    }
  });

  test("one at a time moves to another value; every version keeps its own uses", () => {
    const users = 300;
    const { graph, x, y } = star(users);
    const timeline = new Timeline(graph);
    const ids = graph.usesOf(x.node).flatMap((use) => (use.kind === "input" && use.index === 0 ? [use.user] : []));
    for (const id of ids) {
      const rewriter = new Rewriter(timeline.editBase());
      rewriter.setInput(id, 1, y);
      const { graph: next, delta } = rewriter.commit({ pass: "", rewrite: "", site: "", matched: [] });
      timeline.append(next, delta);
    }
    for (const at of [0, 1, 150, users]) {
      const { graph: version } = timeline.step(at);
      expect([version.useCount(x.node), version.useCount(y.node)]).toEqual([2 * users - at, at]);
      expect(verifyGraph(version)).toEqual([]);
    }
  });

  test("an output of a region is told from inputs of nodes", () => {
    const { graph, x } = star(100);
    const rewriter = new Rewriter(graph);
    rewriter.addOutput(0, { name: "again", value: x });
    const { graph: after } = rewriter.commit({ pass: "", rewrite: "", site: "", matched: [] });
    expect(after.isResult(x)).toBe(true);
    expect(after.useCount(x.node)).toBe(201);
    expect(verifyGraph(after)).toEqual([]);
  });
});

test("a persistent map does what a map does, in every version", () => {
  const random = new Random(5);
  let map = PersistentIdMap.empty<number>();
  const plain = new Map<number, number>();
  const versions: [PersistentIdMap<number>, number[]][] = [];
  for (let i = 0; i < 3000; i++) {
    const id = random.below(random.below(2) === 0 ? 40 : 5000);
    if (random.below(3) === 0) {
      map = map.without(id);
      plain.delete(id);
    } else {
      map = map.with(id, i + 1);
      plain.set(id, i + 1);
    }
    if (i % 500 === 0) versions.push([map, [...plain].sort((a, b) => a[0] - b[0]).map(([, item]) => item)]);
    expect(map.get(id)).toBe(plain.get(id));
    expect(map.size).toBe(plain.size);
  }
  for (const [version, items] of versions) expect([...version.values()]).toEqual(items);
});

test("a heap gives the least first", () => {
  const random = new Random(3);
  const heap = new Heap<number>((a, b) => a < b);
  const all = Array.from({ length: 500 }, () => random.below(100));
  for (const item of all) heap.push(item);
  expect(Array.from({ length: 501 }, () => heap.pop())).toEqual([...all.sort((a, b) => a - b), undefined]);
});
