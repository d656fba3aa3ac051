import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { lowerGraph, refusedSchedules, scheduledNode } from "../../src/bundle/lower-graph.ts";
import { GraphwrightError } from "../../src/support/diagnostic.ts";
import { createSession, MemoryBlob, silentTask, type NodeId, type SessionApi } from "../../src/session/index.ts";
import { printProgram } from "../../src/tensor/printer.ts";
import { applySteps, scheduleKey } from "../../src/tensor/schedule/own-schedule.ts";
import { schedulePrimitives } from "../../src/tensor/schedule/index.ts";
import { describeStep } from "../../src/tensor/schedule/schedule.ts";
import { parseStep, stepForm } from "../../src/tensor/schedule/step-text.ts";
import { parseGraph } from "../../src/ir/parser.ts";
import { typeRules } from "../../src/ops/index.ts";

const digits = (): MemoryBlob => new MemoryBlob("digits.onnx", new Uint8Array(readFileSync(join(import.meta.dirname, "../../../examples/digits/digits.onnx"))));

async function opened(): Promise<{ session: SessionApi; model: string; node: (op: string) => Promise<NodeId> }> {
  const session = createSession();
  const { model } = await session.open({ source: digits() }, silentTask);
  return { session, model, node: async (op) => (await session.graph({ model, step: 0 }, silentTask)).nodes.find((n) => n.op === op)!.id };
}

const diagnosticOf = async (work: Promise<unknown>): Promise<GraphwrightError["diagnostic"]> => {
  const error = await work.then(() => undefined, (e: unknown) => e);
  expect(error).toBeInstanceOf(GraphwrightError);
  return (error as GraphwrightError).diagnostic;
};

describe("steps as texts", () => {
  test.each(["split(loop=i, factor=4)", "reorder(loops=[k, j])", "cache-read(block=b, buffer=x, at=)", "pack(block=b, buffer=w, layout=[0/4, 1, 0%4])", "bind(loop=i, axis=worker)"])("%s", (text) => {
    const { primitive, arguments: args } = parseStep(text);
    expect(describeStep({ primitive: primitive.name, arguments: args })).toBe(text);
  });

  test.each([
    ["split", "a step is a primitive and its arguments"],
    ["tile(loop=i)", "there is no primitive tile"],
    ["split(loop=i)", "factor is missing"],
    ["split(loop=i, factor=four)", 'factor takes a whole number, not "four"'],
    ["split(loop=i, factor=4, by=2)", "split has no argument by"],
    ["split(loop=i, loop=j, factor=4)", "loop is given twice"],
    ["reorder(loops=k)", 'loops takes a list in brackets, not "k"'],
  ])("%s: %s", (text, message) => expect(() => parseStep(text)).toThrow(message));

  test("each primitive says how it is written", () => {
    for (const p of schedulePrimitives) expect(stepForm(p as never)).toMatch(/^[a-z-]+\([a-z]+=/);
  });

  test("the rule's steps, read from their texts, give the rule's programs", () => {
    const graph = parseGraph(
      `graph @g(%x: float32[1, 8, 12, 12]) -> (%y: float32[1, 16, 10, 10]) {
  %w = constant float32[16, 8, 3, 3] random(1)
  %c: float32[1, 16, 10, 10] = Conv(%x, %w)
  %y: float32[1, 16, 10, 10] = Relu(%c)
  return %y
}`, { rules: typeRules });
    for (const node of graph) {
      if (node.kind !== "operator") continue;
      const { lowered, schedule, program } = scheduledNode(graph, node);
      expect(printProgram(applySteps(lowered.program, schedule.steps.map(describeStep)).program).text).toBe(printProgram(program).text);
    }
  });
});

describe("a schedule of one's own", () => {
  test("each step is one of the timeline, with its check, and is undone; the recipe holds it", async () => {
    const { session, model, node } = await opened();
    const pool = await node("MaxPool");
    const ruled = await session.program({ model, step: 0, node: pool }, silentTask);
    expect(ruled.own).toBe(false);
    let { timeline } = await session.schedule({ model, node: pool, text: "keep(steps=0)", check: true }, silentTask);
    const plain = await session.program({ model, step: timeline.head, node: pool }, silentTask);
    expect([plain.own, plain.schedule]).toEqual([true, []]);
    const loop = plain.names.loops.at(-1)!;
    ({ timeline } = await session.schedule({ model, node: pool, text: `unroll(loop=${loop})`, check: true }, silentTask));
    const [, first, second] = timeline.steps;
    expect([first!.pass, first!.rewrite, first!.check!.verdict]).toEqual(["schedule", "keep(steps=0)", "identical"]);
    expect([second!.rewrite, second!.check!.verdict, second!.check!.runs]).toEqual([`unroll(loop=${loop})`, "identical", 2]);
    const after = await session.program({ model, step: timeline.head, node: pool }, silentTask);
    expect(after.schedule).toEqual([`unroll(loop=${loop})`]);
    expect(after.program).toContain(`for ${loop} in unrolled(`);
    // Saved and read again: as a recipe, and as a tree of steps.
    const { text } = await session.recipe({ model, step: timeline.head }, silentTask);
    const other = (await session.open({ source: digits() }, silentTask)).model;
    const replayed = await session.applyRecipe({ model: other, recipe: text }, silentTask);
    expect([replayed.applied, replayed.failed]).toEqual([2, []]);
    expect((await session.program({ model: other, step: replayed.timeline.head, node: pool }, silentTask)).program).toBe(after.program);
    const third = (await session.open({ source: digits() }, silentTask)).model;
    const restored = await session.restoreTree({ model: third, tree: await session.tree({ model, since: 0 }, silentTask), head: 2 }, silentTask);
    expect([restored.applied, restored.failed]).toEqual([2, []]);
    ({ timeline } = await session.undo({ model }, silentTask));
    ({ timeline } = await session.undo({ model }, silentTask));
    expect((await session.program({ model, step: timeline.head, node: pool }, silentTask)).program).toBe(ruled.program);
  }, 60_000);

  test("a trial says each condition; what is not legal is not taken", async () => {
    const { session, model, node } = await opened();
    const pool = await node("MaxPool");
    const { names } = await session.program({ model, step: 0, node: pool }, silentTask);
    const at = { model, step: 0, node: pool };
    const good = await session.scheduleTrial({ ...at, text: "keep(steps=0)" }, silentTask);
    expect(good.applies).toBe(true);
    const bad = await session.scheduleTrial({ ...at, text: `split(loop=${names.loops[0]!}, factor=0)` }, silentTask);
    expect(bad.applies).toBe(false);
    expect(bad.conditions.find((c) => c.state === "failed")!.name).toBe("factor-positive");
    expect(bad.infos.map((i) => i.name)).toEqual(bad.conditions.map((c) => c.name));
    expect((await session.scheduleTrial({ ...at, text: "split(loop=nowhere, factor=2)" }, silentTask)).conditions.find((c) => c.state === "failed")!.name).toBe("names");
    expect((await session.scheduleTrial({ ...at, text: "split(loop=i" }, silentTask)).problem!.code).toBe("schedule-step");
    expect((await diagnosticOf(session.schedule({ model, node: pool, text: "split(loop=nowhere, factor=2)" }, silentTask))).code).toBe("rewrite-does-not-apply");
  });

  test("where the node is lowered to something else since, the rule's schedule is taken, and said so", async () => {
    const graph = parseGraph(
      `graph @g(%x: float32[8]) -> (%y: float32[8]) {
  %y: float32[8] = Relu(%x) "relu" meta {"${scheduleKey}" = "[\\"split(loop=nowhere, factor=2)\\"]"}
  return %y
}`, { rules: typeRules });
    const lowered = await lowerGraph(graph, silentTask);
    expect(lowered.steps[0]!.refused).toContain('no loop "nowhere"');
    expect(refusedSchedules(lowered)).toEqual([expect.stringMatching(/^relu .*rule's: .*nowhere/)]);
    expect(lowered.steps[0]!.program.body.length).toBe(1);
  });

  test("a written program takes steps, each with its conditions and a check", async () => {
    const session = createSession();
    const text = "program relu(input x: float32[4, 6], output y: float32[4, 6]):\n  for i in range(4):\n    for j in range(6):\n      block relu:\n        spatial r < 4 = i, c < 6 = j\n        y[r, c] = max(x[r, c], 0.0)\n";
    const done = await session.writtenProgram({ text, steps: ["fuse(outer=i, inner=j)", "parallel(loop=i_j)", "fuse(outer=i, inner=j)"], run: 1 }, silentTask);
    expect(done.steps.map((s) => [s.applies, s.check?.verdict])).toEqual([[true, "identical"], [true, "identical"], [false, undefined]]);
    expect(done.steps[2]!.conditions.find((c) => c.state === "failed")!.name).toBe("names");
    expect(done.program).toContain("for i_j in parallel(24):");
    expect(done.outputs).toMatchObject([{ name: "y", dims: [4, 6] }]);
    const open = await session.writtenProgram({ text: text.replace("range(6)", "range(5)") }, silentTask);
    expect(open.problems.map((p) => p.code)).toEqual(["not-covered"]);
  });

  test("a copy across becomes a tile, and is told why it is none", async () => {
    const session = createSession();
    const text = "program transpose(input x: float32[8, 4], output y: float32[4, 8]):\n  for i in range(4):\n    for j in range(8):\n      block copy:\n        spatial r < 4 = i, c < 8 = j\n        y[r, c] = x[c, r]\n";
    const refused = await session.writtenProgram({ text, steps: ["tensorize(outer=i, inner=j)"] }, silentTask);
    expect(refused.steps[0]!.conditions.filter((c) => c.state === "failed")).toEqual([{ name: "square", state: "failed", doc: expect.any(String) as string, detail: "i has 4 iterations, j 8" }]);
    const done = await session.writtenProgram({ text, steps: ["split(loop=j, factor=4)", "reorder(loops=[j_o, i])", "tensorize(outer=i, inner=j_i)"], run: 1 }, silentTask);
    expect(done.steps.map((s) => [s.applies, s.check?.verdict])).toEqual([[true, "identical"], [true, "identical"], [true, "identical"]]);
    expect(done.program).toContain("for i in transposed(4):");
  });
});

describe("sizes that are given at run time", () => {
  const bytes = (): MemoryBlob => new MemoryBlob("sorting.onnx", new Uint8Array(readFileSync(join(import.meta.dirname, "../../../examples/sorting/sorting.onnx"))));

  test("a node's program has them as parameters, also where the model holds a table for 16 places", async () => {
    const session = createSession();
    const { model } = await session.open({ source: bytes() }, silentTask);
    const { nodes } = await session.graph({ model, step: 0 }, silentTask);
    const programOf = (op: string) => session.program({ model, step: 0, node: nodes.find((n) => n.op === op)!.id }, silentTask);
    const softmax = await programOf("Softmax");
    expect(softmax.sizes).toEqual([{ name: "batch", max: 64 }, { name: "length", max: 64 }]);
    expect(softmax.program).toContain("input: float32[batch <= 64, 4, length <= 64, length <= 64]");
    expect(softmax.source).toMatch(/ptrdiff_t batch, ptrdiff_t length\) \{[^]*i2 < length/);
    expect((await programOf("Slice")).program).toContain("48");
  });
});
