import { describe, expect, test } from "vitest";
import { parseGraph } from "../../src/ir/parser.ts";
import { typeRules } from "../../src/ops/index.ts";
import { silentTask } from "../../src/session/index.ts";
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
      ["Mul", { field: "constant", label: "w", before: "float32[4]", after: "float32[4]", note: "1 of 4 elements differ, by at most 0.500" }],
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
