import { describe, expect, test } from "vitest";
import { parseGraph } from "../../src/ir/parser.ts";
import { typeRules } from "../../src/ops/index.ts";
import { exportOnnx } from "../../src/backends/onnx/index.ts";
import { createSession, MemoryBlob, silentTask, type GraphTable, type SessionApi } from "../../src/session/index.ts";
import { collectFiles } from "../../src/session/files.ts";
import { diffModels } from "../../src/session/model-diff.ts";

const graph = (body: string): ReturnType<typeof parseGraph> => parseGraph(`graph @main(%x: float32[2, 4]) -> (%y: float32[2, 4]) {\n${body}\n  return %y\n}`, { rules: typeRules });
const before = "  %w = constant float32[4] [1, 2, 3, 4]\n  %a = Mul(%x, %w)\n  %s = Softmax(%a) { axis = 1 }\n  %y = Relu(%s)";
const diff = (a: string, b: string): ReturnType<typeof diffModels> => diffModels(graph(a), graph(b), silentTask);

describe("two models -> what differs", () => {
  test("the same, also with other names: matched by structure", async () => {
    const renamed = "  %v = constant float32[4] [1, 2, 3, 4]\n  %one = Mul(%x, %v)\n  %two = Softmax(%one) { axis = 1 }\n  %y = Relu(%two)";
    for (const b of [before, renamed]) expect(await diff(before, b)).toMatchObject({ nodes: [4, 4], matched: 4, added: [], removed: [], changed: [] });
  });
  test("an attribute and a weight", async () => {
    const { changed, added, removed } = await diff(before, before.replace("axis = 1", "axis = 0").replace("3, 4]", "3.5, 4]"));
    expect([added, removed]).toEqual([[], []]);
    expect(changed.map(({ a, differences }) => [a.op, differences[0]])).toEqual([
      ["Mul", { field: "constant", label: "w", before: "float32[4]", after: "float32[4]", elements: { differing: 1, of: 4, largest: 0.5 } }],
      ["Softmax", { field: "attribute", label: "axis", before: "1", after: "0" }],
    ]);
  });
  test("a node more, one less, and whose input that changes", async () => {
    const more = before.replace("%y = Relu(%s)", "%n = Neg(%s)\n  %y = Relu(%n)");
    const there = await diff(before, more);
    expect([there.added.map(({ op }) => op), there.removed]).toEqual([["Neg"], []]);
    expect(there.changed.map(({ a, differences }) => [a.op, differences])).toEqual([["Relu", [{ field: "input", label: "0", before: "s", after: "n" }]]]);
    const andBack = await diff(more, before);
    expect([andBack.removed.map(({ op }) => op), andBack.added]).toEqual([["Neg"], []]);
  });
});

describe("two graphs beside each other -> tables with marks", () => {
  const file = (body: string): Uint8Array => collectFiles(exportOnnx(graph(body), { name: "a.onnx" }).files)[0]!.bytes;
  const marked = ({ strings, ops, marks }: GraphTable): string[] => [...ops].map((op, row) => `${["", "+", "-", "~", "="][marks[row]!]}${strings.text.slice(strings.ends[op - 1], strings.ends[op])}`);
  const open = async (body: string): Promise<{ session: SessionApi; model: string; step: number }> => {
    const session = createSession();
    const { model, timeline } = await session.open({ source: new MemoryBlob("a.onnx", file(body)) }, silentTask);
    return { session, model, step: timeline.head };
  };
  test("two steps: each side has its own nodes, marked as in their union", async () => {
    const { session, model, step } = await open("  %i = Identity(%x)\n  %n = Neg(%i)\n  %y = Relu(%n)");
    const { timeline } = await session.applyAll({ model, rewrite: "eliminate-identity" }, silentTask);
    const after = timeline.head;
    expect(marked(await session.graphTable({ model, step, against: { side: "before", model, step: after } }, silentTask))).toEqual(["=Input", "-Identity", "~Neg", "=Relu"]);
    expect(marked(await session.graphTable({ model, step: after, against: { side: "after", model, step } }, silentTask))).toEqual(["=Input", "~Neg", "=Relu"]);
    const found = await session.diffModels({ a: { model, step }, b: { model, step: after } }, silentTask);
    expect([found.removed.map(({ op }) => op), found.added, found.changed.map(({ a, differences }) => [a.op, differences])]).toEqual([["Identity"], [], [["Neg", [{ field: "input", label: "0", before: "i", after: "x" }]]]]);
    expect(found.pairs.a).toHaveLength(0);
  });
  test("two models: matched, whatever their ids are", async () => {
    const { session, model, step } = await open(before);
    const other = await session.open({ source: new MemoryBlob("b.onnx", file(before.replace("%y = Relu(%s)", "%n = Neg(%s)\n  %y = Relu(%n)").replace("axis = 1", "axis = 0"))) }, silentTask);
    const [a, b] = [{ model, step }, { model: other.model, step: other.timeline.head }];
    const [left, right, { pairs }] = await Promise.all([session.graphTable({ ...a, against: { side: "before", ...b } }, silentTask), session.graphTable({ ...b, against: { side: "after", ...a } }, silentTask), session.diffModels({ a, b }, silentTask)]);
    expect([marked(left), marked(right)]).toEqual([["=Input", "=Mul", "~Softmax", "~Relu"], ["=Input", "=Mul", "~Softmax", "+Neg", "~Relu"]]);
    expect([...pairs.a].map((id, i) => [left.ids.indexOf(id), right.ids.indexOf(pairs.b[i]!)]).sort()).toEqual([[0, 0], [1, 1], [2, 2], [3, 4]]);
  });
});
