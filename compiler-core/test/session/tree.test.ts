import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { exportOnnx, fileBytes } from "../../src/backends/onnx/index.ts";
import { parseGraph } from "../../src/ir/parser.ts";
import { typeRules } from "../../src/ops/index.ts";
import { createSession, MemoryBlob, silentTask, type Task } from "../../src/session/index.ts";
import { CancelledError } from "../../src/support/task.ts";

const digits = (): MemoryBlob => new MemoryBlob("digits.onnx", readFileSync("examples/digits/digits.onnx"));
const text = (graph: string): MemoryBlob => new MemoryBlob("text.onnx", fileBytes(exportOnnx(parseGraph(graph, { rules: typeRules })).files[0]!));

async function opened(source: MemoryBlob) {
  const session = createSession();
  return { session, model: (await session.open({ source }, silentTask)).model };
}

describe("a saved tree of steps", () => {
  test("with two branches -> the same steps, branch, passes and texts on the model opened again", async () => {
    const { session, model } = await opened(digits());
    await session.runPipeline({ model, pipeline: "default" }, silentTask);
    await session.moveTo({ model, step: 3 }, silentTask);
    await session.applyAll({ model, rewrite: "batch-norm-into-conv" }, silentTask);
    const { timeline: before } = await session.undo({ model }, silentTask);
    const tree = JSON.parse(JSON.stringify(await session.tree({ model, since: 0 }, silentTask)));

    const again = await opened(digits());
    const restored = await again.session.restoreTree({ model: again.model, tree, head: before.head, leaf: before.branch.at(-1)! }, silentTask);
    expect(restored.failed).toEqual([]);
    expect(restored.timeline.steps.map(({ id, parent, rewrite, site }) => ({ id, parent, rewrite, site }))).toEqual(before.steps.map(({ id, parent, rewrite, site }) => ({ id, parent, rewrite, site })));
    expect(restored.timeline.branch).toEqual(before.branch);
    expect(restored.timeline.head).toBe(before.head);
    expect(restored.timeline.runs).toEqual(before.runs);
    for (const step of [before.head, before.steps.length - 1, 21]) {
      expect((await again.session.text({ model: again.model, step }, silentTask)).text).toBe((await session.text({ model, step }, silentTask)).text);
    }
  });

  test("only what is new is asked for", async () => {
    const { session, model } = await opened(digits());
    const { timeline } = await session.applyAll({ model, rewrite: "batch-norm-into-conv" }, silentTask);
    await session.applyAll({ model, rewrite: "dead-code-elimination" }, silentTask);
    const [all, late] = [await session.tree({ model, since: 0 }, silentTask), await session.tree({ model, since: timeline.head }, silentTask)];
    expect(all.steps.slice(timeline.head)).toEqual(late.steps);
  });

  test("on a changed model -> steps that no longer match are told, the others are applied", async () => {
    const first = await opened(text(`graph @main(%x: float32[4]) -> (%y: float32[4]) {
  %a = Identity(%x)
  %b = Relu(%a)
  %c = Identity(%b)
  %y = Neg(%c)
  return %y
}`));
    await first.session.applyAll({ model: first.model, rewrite: "eliminate-identity" }, silentTask);
    const tree = await first.session.tree({ model: first.model, since: 0 }, silentTask);
    expect(tree.steps.map((step) => step.site)).toEqual(["a", "c"]);
    const second = await opened(text(`graph @main(%x: float32[4]) -> (%y: float32[4]) {
  %b = Relu(%x)
  %c = Identity(%b)
  %y = Neg(%c)
  return %y
}`));
    const odd = { ...tree, steps: [...tree.steps, { parent: 2, rewrite: "from-the-future", site: "y" }] };
    const restored = await second.session.restoreTree({ model: second.model, tree: odd, head: 3 }, silentTask);
    expect(restored.failed.map(({ step, reason }) => [step, reason])).toEqual([
      [1, 'no node or value is called "a"'],
      [3, 'there is no rewrite "from-the-future"'],
    ]);
    expect(restored.places).toEqual([0, 0, 1, 1]);
    expect(restored.timeline.head).toBe(1);
    await expect(second.session.restoreTree({ model: second.model, tree, head: 0 }, silentTask)).rejects.toThrow("has none");
  });

  test("a cancel while restoring leaves the model as it was opened", async () => {
    const { session, model } = await opened(digits());
    await session.runPipeline({ model, pipeline: "default" }, silentTask);
    const tree = await session.tree({ model, since: 0 }, silentTask);
    const again = await opened(digits());
    let calls = 0;
    const impatient: Task = { ...silentTask, check: () => { if (++calls > 7) throw new CancelledError(); } };
    await expect(again.session.restoreTree({ model: again.model, tree, head: 5 }, impatient)).rejects.toThrow(CancelledError);
    expect((await again.session.moveTo({ model: again.model, step: 0 }, silentTask)).timeline.steps).toHaveLength(1);
  });
});
