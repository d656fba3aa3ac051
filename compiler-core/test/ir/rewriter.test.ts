import { describe, expect, test } from "vitest";
import { ConstantValue, diffGraphs, emptyGraph, Lineage, parseGraph, printGraph, Rewriter, scalar, tensorType, Timeline, unknownType, verifyGraph, type Graph } from "../../src/ir/index.ts";

const label = { pass: "test", rewrite: "test", site: "", matched: [] as number[] };
const find = (graph: Graph, name: string): number => [...graph].find((n) => n.outputs.some((o) => o.name === name))!.id;

const chain = (): Graph =>
  parseGraph(`graph @main(%x: float32[4]) -> (%y: float32[4]) {
    %a: float32[4] = Relu(%x) "first"
    %b: float32[4] = Neg(%a) "second"
    %y: float32[4] = Abs(%b) "third"
    return %y
  }`);

describe("Rewriter", () => {
  test("before -> after: replacing a node moves its users and keeps its place in the text", () => {
    const before = chain();
    const b = find(before, "b");
    const rewriter = new Rewriter(before);
    const node = before.node(b);
    const made = rewriter.addNode({ op: "Exp", inputs: node.inputs, outputs: [{ name: "b", type: tensorType("float32", [4]) }], order: node.order });
    rewriter.replaceUses({ node: b, output: 0 }, { node: made, output: 0 });
    rewriter.remove(b);
    const { graph, delta } = rewriter.commit({ ...label, matched: [b] });
    expect(printGraph(graph)).toBe(`graph @main(%x: float32[4]) -> (%y: float32[4]) {
  %a: float32[4] = Relu(%x) "first"
  %b: float32[4] = Exp(%a)
  %y: float32[4] = Abs(%b) "third"
  return %y
}
`);
    expect(verifyGraph(graph)).toEqual([]);
    expect(delta.provenance).toEqual([{ kind: "replace", from: [b], to: [made] }]);
    expect(delta.removed.map((n) => n.id)).toEqual([b]);
    expect(delta.updated).toHaveLength(1);
    expect(printGraph(before)).toContain("Neg(%a)");
  });

  test("a region output keeps its name when its value is replaced", () => {
    const before = chain();
    const rewriter = new Rewriter(before);
    rewriter.replaceUses({ node: find(before, "y"), output: 0 }, { node: find(before, "b"), output: 0 });
    rewriter.removeDead([find(before, "y")]);
    const { graph } = rewriter.commit(label);
    expect(printGraph(graph)).toContain('return %b as "y"');
    expect(verifyGraph(graph)).toEqual([]);
  });

  test("a node in use is not removed, and a dropped rewriter changes nothing", () => {
    const before = chain();
    const text = printGraph(before);
    const rewriter = new Rewriter(before);
    expect(() => rewriter.remove(find(before, "a"))).toThrow(/first \(Relu\) is still used/);
    rewriter.addConstant({ value: ConstantValue.of(scalar("float32", 1)), name: "c" });
    expect(printGraph(before)).toBe(text);
  });

  test("removing dead nodes takes what only they used, bodies and captures included", () => {
    const before = parseGraph(`graph @main(%c: bool[], %x: float32[2]) -> (%x2: float32[2]) {
      %k = constant float32[2] [1, 2]
      %t: float32[2] = Neg(%x)
      %dead: float32[2] = If(%c) then_branch () { %u: float32[2] = Add(%t, %k) return %u } else_branch () { return %k }
      %x2: float32[2] = Abs(%x)
      return %x2
    }`);
    const rewriter = new Rewriter(before);
    const removed = rewriter.removeDead([find(before, "dead")]);
    const { graph } = rewriter.commit(label);
    expect(removed.length).toBe(3);
    expect([...graph].map((n) => n.outputs[0]!.name).sort()).toEqual(["c", "x", "x2"]);
    expect([...graph.regions].filter(Boolean)).toHaveLength(1);
    expect(verifyGraph(graph)).toEqual([]);
  });

  test("a captured value has users inside the body", () => {
    const graph = parseGraph(`graph @main(%c: bool[], %x: float32[2]) -> (%y) {
      %t: float32[2] = Neg(%x)
      %y = If(%c) then_branch () { return %t } else_branch () { %u = Abs(%t) return %u }
      return %y
    }`);
    expect(graph.usesOf(find(graph, "t")).map((u) => u.kind).sort()).toEqual(["input", "result"]);
  });
});

describe("verifier", () => {
  test("says what is wrong with a graph that a rewrite broke", () => {
    const graph = chain();
    const rewriter = new Rewriter(graph);
    // A cycle: the first node reads the last.
    rewriter.setInput(find(graph, "a"), 0, { node: find(graph, "y"), output: 0 });
    const problems = verifyGraph(rewriter.commit(label).graph);
    expect(problems.map((p) => p.code)).toContain("cycle");
  });

  test("a value of a body is out of scope outside it", () => {
    const graph = parseGraph(`graph @main(%c: bool[], %x: float32[2]) -> (%y) {
      %y = If(%c) then_branch () { %u = Abs(%x) return %u } else_branch () { return %x }
      %z = Neg(%y)
      return %y
    }`);
    const rewriter = new Rewriter(graph);
    rewriter.setInput(find(graph, "z"), 0, { node: find(graph, "u"), output: 0 });
    expect(verifyGraph(rewriter.commit(label).graph).map((p) => p.code)).toContain("out-of-scope");
  });
});

describe("timeline", () => {
  const rename = (timeline: Timeline, from: string, to: string): void => {
    const graph = timeline.editBase();
    const rewriter = new Rewriter(graph);
    const id = find(graph, from);
    const node = graph.node(id);
    const made = rewriter.addNode({ op: to, inputs: node.inputs, outputs: [{ name: to, type: unknownType }], order: node.order });
    rewriter.replaceUses({ node: id, output: 0 }, { node: made, output: 0 });
    rewriter.remove(id);
    const result = rewriter.commit({ ...label, site: from, matched: [id] });
    timeline.append(result.graph, result.delta);
  };

  test("undo, redo, and an edit after undo forks a branch that stays reachable", () => {
    const timeline = new Timeline(chain());
    rename(timeline, "a", "A");
    rename(timeline, "b", "B");
    expect(timeline.undo()!.id).toBe(1);
    rename(timeline, "y", "Y");
    expect(timeline.head.id).toBe(3);
    expect(timeline.children(1)).toEqual([2, 3]);
    expect(timeline.path(3)).toEqual([0, 1, 3]);
    timeline.undo();
    expect(timeline.branch()).toEqual([0, 1, 3]);
    expect(timeline.redo()!.id).toBe(3);
    timeline.moveTo(2);
    timeline.undo();
    expect(timeline.redo()!.id).toBe(2);
    expect(timeline.redo()).toBeUndefined();
    expect(timeline.commonAncestor(2, 3)).toBe(1);
  });

  test("one id means one node in the whole tree", () => {
    const timeline = new Timeline(chain());
    rename(timeline, "a", "A");
    timeline.undo();
    const stale = timeline.head.graph;
    const rewriter = new Rewriter(stale);
    rewriter.addNode({ op: "Exp", inputs: [], outputs: ["e"] });
    const { graph, delta } = rewriter.commit(label);
    expect(() => timeline.append(graph, delta)).toThrow(/editBase/);
    rename(timeline, "b", "B");
    expect(find(timeline.step(1).graph, "A")).not.toBe(find(timeline.step(2).graph, "B"));
    expect(verifyGraph(timeline.head.graph)).toEqual([]);
  });

  test("cancelled work leaves the tree as it was", () => {
    const timeline = new Timeline(chain());
    rename(timeline, "a", "A");
    timeline.undo();
    const [count, head] = [timeline.steps.length, timeline.head.id];
    rename(timeline, "b", "B");
    rename(timeline, "y", "Y");
    timeline.rollBack(count, head);
    expect(timeline.head.id).toBe(0);
    expect(timeline.steps).toHaveLength(2);
    expect(timeline.children(0)).toEqual([1]);
    expect(timeline.redo()!.id).toBe(1);
    timeline.undo();
    rename(timeline, "y", "Y");
    expect(timeline.children(0)).toEqual([1, 2]);
  });

  test("any two steps are compared, across branches and in both directions", () => {
    const timeline = new Timeline(chain());
    rename(timeline, "a", "A");
    rename(timeline, "b", "B");
    timeline.moveTo(1);
    rename(timeline, "y", "Y");
    const diff = diffGraphs(timeline.step(2).graph, timeline.step(3).graph);
    expect(diff.removed.map((n) => n.outputs[0]!.name).sort()).toEqual(["B", "y"]);
    expect(diff.added.map((n) => n.outputs[0]!.name).sort()).toEqual(["Y", "b"]);
    const back = diffGraphs(timeline.step(3).graph, timeline.step(2).graph);
    expect(back.added.map((n) => n.id)).toEqual(diff.removed.map((n) => n.id));
    expect(diffGraphs(timeline.step(2).graph, timeline.step(2).graph)).toEqual({ added: [], removed: [], changed: [], regions: [] });
  });

  test("lineage goes through a fusion and back", () => {
    const timeline = new Timeline(chain());
    const { graph } = timeline.head;
    const [a, b] = [find(graph, "a"), find(graph, "b")];
    const rewriter = new Rewriter(graph);
    const made = rewriter.addNode({ op: "NegRelu", inputs: graph.node(a).inputs, outputs: ["b"], order: graph.node(b).order });
    rewriter.replaceUses({ node: b, output: 0 }, { node: made, output: 0 });
    rewriter.remove(b);
    rewriter.remove(a);
    const result = rewriter.commit({ ...label, matched: [b, a] });
    timeline.append(result.graph, result.delta);
    rename(timeline, "y", "Y");
    const lineage = new Lineage(timeline);
    expect(result.delta.provenance).toEqual([{ kind: "fuse", from: [b, a], to: [made] }]);
    expect(lineage.follow(a, 0, 2)).toEqual([made]);
    expect(lineage.origins(made, 2)).toEqual([a, b].sort((x, y) => x - y));
    expect(lineage.history(made, 2).map((h) => h.entry.kind)).toEqual(["fuse"]);
    expect(lineage.follow(find(graph, "x"), 0, 2)).toEqual([find(graph, "x")]);
  });
});

test("an empty graph is sound", () => {
  expect(verifyGraph(emptyGraph())).toEqual([]);
});
