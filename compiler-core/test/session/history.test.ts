import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { importOnnx } from "../../src/importers/onnx/index.ts";
import { typeRules } from "../../src/ops/index.ts";
import { exportOnnx, fileBytes } from "../../src/backends/onnx/index.ts";
import { parseGraph } from "../../src/ir/parser.ts";
import { createSession, GraphwrightError, MemoryBlob, silentTask, type Task } from "../../src/session/index.ts";
import { CancelledError } from "../../src/support/task.ts";

const digits = (): MemoryBlob => new MemoryBlob("digits.onnx", readFileSync("examples/digits/digits.onnx"));
const textModel = (text: string): MemoryBlob => new MemoryBlob("text.onnx", fileBytes(exportOnnx(parseGraph(text, { rules: typeRules })).files[0]!));

const square = `rewrite "square-to-power" { pattern (%x) { %y = Mul(%x, %x) return %y } where { element(%x) is float } replace { %p = Pow(%x, 2.0) return %p } }`;
const wrong = `rewrite "abs-to-relu" { pattern (%x) { %y = Abs(%x) return %y } replace { %z = Relu(%x) return %z } }`;
const graph = `graph @main(%x: float32[N, 4]) -> (%y: float32[N, 4], %z: float32[N, 4]) {
  %a = Mul(%x, %x)
  %i = Identity(%a)
  %y = Neg(%i)
  %z = Abs(%x)
  return %y, %z
}`;

async function opened(source: MemoryBlob) {
  const session = createSession();
  const { model } = await session.open({ source }, silentTask);
  return { session, model };
}

describe("session: recipes", () => {
  test("a pipeline's recipe replayed on the same file gives the same text", async () => {
    const { session, model } = await opened(digits());
    const run = await session.runPipeline({ model, pipeline: "default" }, silentTask);
    const { text } = await session.recipe({ model, step: run.timeline.head }, silentTask);
    const { model: again } = await session.open({ source: digits() }, silentTask);
    const replayed = await session.applyRecipe({ model: again, recipe: text, check: true }, silentTask);
    expect(replayed.failed).toEqual([]);
    expect(replayed.applied).toBe(run.applied);
    expect(replayed.timeline.steps.slice(1).every((s) => s.check?.verdict === "identical" || s.check?.verdict === "rounding")).toBe(true);
    expect((await session.text({ model: again, step: replayed.timeline.head }, silentTask)).text).toBe((await session.text({ model, step: run.timeline.head }, silentTask)).text);
  });

  test("a broken recipe leaves the timeline as it was", async () => {
    const { session, model } = await opened(digits());
    await expect(session.applyRecipe({ model, recipe: '{"graphwright":"recipe","version":1,"custom":["rewrite \\"a\\" {"],"steps":[]}' }, silentTask)).rejects.toThrow("custom[0]");
    let calls = 0;
    const impatient: Task = { ...silentTask, check: () => { if (++calls > 5) throw new CancelledError(); } };
    await expect(session.applyRecipe({ model, recipe: { graphwright: "recipe", version: 1, custom: [], steps: [{ pipeline: "default" }] } }, impatient)).rejects.toThrow(CancelledError);
    const { timeline } = await session.moveTo({ model, step: 0 }, silentTask);
    expect(timeline.steps).toHaveLength(1);
  });
});

describe("session: custom rewrites", () => {
  test("live matches while writing, then by name; a recipe carries the text", async () => {
    const { session, model } = await opened(textModel(graph));
    expect((await session.customSites({ model, step: 0, text: square }, silentTask)).sites.map((s) => s.site)).toEqual(["a"]);
    expect((await session.customSites({ model, step: 0, text: square.replace("is float", "is integer"), nearMisses: true }, silentTask)).sites[0]).toMatchObject({ applies: false });
    await expect(session.customSites({ model, step: 0, text: "rewrite" }, silentTask)).rejects.toThrow("line 1:8");
    await expect(session.sites({ model, step: 0, rewrite: "square-to-power" }, silentTask)).rejects.toThrow(GraphwrightError);
    const { rewrites } = await session.defineCustom({ text: square }, silentTask);
    expect(rewrites[0]).toMatchObject({ name: "square-to-power", text: square });
    const [site] = (await session.sites({ model, step: 0, rewrite: "square-to-power" }, silentTask)).sites;
    expect((await session.explain({ model, step: 0, node: site!.root }, silentTask)).sites.some((s) => s.rewrite === "square-to-power" && s.applies)).toBe(true);
    const { timeline } = await session.apply({ model, rewrite: "square-to-power", node: site!.root, check: true }, silentTask);
    const { recipe, text } = await session.recipe({ model, step: timeline.head }, silentTask);
    expect(recipe.custom).toEqual([square]);
    const other = createSession();
    const { model: fresh } = await other.open({ source: textModel(graph) }, silentTask);
    const replayed = await other.applyRecipe({ model: fresh, recipe: text }, silentTask);
    expect(replayed.failed).toEqual([]);
    expect(replayed.timeline.steps[1]!.check?.verdict).toMatch(/identical|rounding/);
    expect((await other.customRewrites({}, silentTask)).rewrites.map((r) => r.name)).toEqual(["square-to-power"]);
  });

  test("one that is wrong is found by bisect, cannot be saved, and is not applied from a recipe of somebody else", async () => {
    const { session, model } = await opened(textModel(graph));
    await session.defineCustom({ text: wrong }, silentTask);
    await expect(session.apply({ model, rewrite: "abs-to-relu", node: (await session.sites({ model, step: 0, rewrite: "abs-to-relu" }, silentTask)).sites[0]!.root, check: true }, silentTask)).rejects.toThrow("outputs would differ");
    await session.applyAll({ model, rewrite: "eliminate-identity" }, silentTask);
    const bad = await session.applyAll({ model, rewrite: "abs-to-relu" }, silentTask);
    const { timeline } = await session.runPipeline({ model, pipeline: "default" }, silentTask);
    expect(await session.bisect({ model, from: 0, to: timeline.head }, silentTask)).toMatchObject({ outcome: "found", step: bad.timeline.head, check: { verdict: "different" }, region: { verdict: "different" } });
    await expect(session.recipe({ model, step: timeline.head }, silentTask)).rejects.toThrow("abs-to-relu computes something else at z");
    const { model: fresh } = await session.open({ source: textModel(graph) }, silentTask);
    const recipe = { graphwright: "recipe", version: 1, custom: [wrong], steps: [{ rewrite: "eliminate-identity", site: "i" }, { rewrite: "abs-to-relu", site: "z" }] } as const;
    const careful = await session.applyRecipe({ model: fresh, recipe }, silentTask);
    expect(careful).toMatchObject({ applied: 1, failed: [{ index: 1, site: "z", reason: expect.stringContaining("outputs would differ") }] });
    const trusting = await session.applyRecipe({ model: fresh, recipe: { ...recipe, steps: [recipe.steps[1]] }, unchecked: true }, silentTask);
    expect(trusting).toMatchObject({ applied: 1, failed: [] });
  });
});

test("session: two models that differ in one value", async () => {
  const session = createSession();
  const a = await session.open({ source: textModel(graph) }, silentTask);
  const b = await session.open({ source: textModel(graph.replace("Mul(%x, %x)", "Add(%x, %x)")) }, silentTask);
  expect(await session.bisectModels({ a: { model: a.model, step: 0 }, b: { model: b.model, step: 0 } }, silentTask)).toMatchObject({ outcome: "found", value: "a" });
});

test("session: lineage in the exported model's metadata, kept through a second optimization", async () => {
  const { session, model } = await opened(digits());
  const { timeline } = await session.runPipeline({ model, pipeline: "default" }, silentTask);
  const exported = async (origins?: false) => {
    const { files } = await session.exportOnnx({ model, step: timeline.head, name: "out.onnx", ...(origins === false ? { origins } : {}) }, silentTask);
    return files[0]!.bytes;
  };
  const originsIn = (bytes: Uint8Array) => {
    const { graph: read } = importOnnx(new MemoryBlob("out.onnx", bytes), { rules: typeRules });
    return [...read].flatMap((n) => (n.metadata["graphwright.origins"] === undefined ? [] : [[n.kind === "operator" ? n.op : n.kind, JSON.parse(n.metadata["graphwright.origins"]) as string[]] as const]));
  };
  const bytes = await exported();
  const found = originsIn(bytes);
  const { graph: first } = importOnnx(digits(), { rules: typeRules });
  const names = new Set([...first].flatMap((n) => [n.name, ...n.outputs.map((o) => o.name)]));
  expect(found.some(([op, origins]) => op === "Conv" && origins.some((o) => /Conv/.test(o)) && origins.some((o) => /Batch|bn/i.test(o)))).toBe(true);
  expect(found.some(([op]) => op === "constant")).toBe(true);
  for (const [, origins] of found) for (const origin of origins) expect(names.has(origin), origin).toBe(true);
  expect(originsIn(await exported(false))).toEqual([]);
  // What is exported unchanged carries nothing.
  const untouched = await session.exportOnnx({ model, step: 0, name: "same.onnx" }, silentTask);
  expect(originsIn(untouched.files[0]!.bytes)).toEqual([]);
  // Optimized again: origins are still those of the first model.
  const again = createSession();
  const second = await again.open({ source: new MemoryBlob("out.onnx", bytes) }, silentTask);
  const rerun = await again.runPipeline({ model: second.model, pipeline: "default" }, silentTask);
  const twice = await again.exportOnnx({ model: second.model, step: rerun.timeline.head, name: "twice.onnx" }, silentTask);
  for (const [, origins] of originsIn(twice.files[0]!.bytes)) for (const origin of origins) expect(names.has(origin), origin).toBe(true);
  const { nodes, originals } = await session.lineage({ model, step: timeline.head }, silentTask);
  for (const node of nodes) expect(node.origins.length, node.name).toBeGreaterThan(0);
  for (const original of originals) expect(original.became.length > 0 || original.eliminated !== undefined, original.name).toBe(true);
});

test("session: two orders from one step, side by side; the head stays", async () => {
  const { session, model } = await opened(
    textModel(`graph @main(%x: float32[1, 1, 4, 4]) -> (%y: float32[1, 1, 4, 4], %z: float32[1, 1, 4, 4]) {
  %w = constant float32[1, 1, 1, 1] [2]
  %s = constant float32[1] [3]
  %t = constant float32[1] [4]
  %o = constant float32[1] [1]
  %c = Conv(%x, %w)
  %d = Conv(%x, %w)
  %y = BatchNormalization(%c, %s, %o, %o, %o)
  %z = BatchNormalization(%d, %t, %o, %o, %o)
  return %y, %z
}`),
  );
  const result = await session.compareOrders(
    {
      model,
      step: 0,
      orders: [
        { name: "fold first", passes: ["fold-into-weights", "merge-duplicates"] },
        { name: "merge first", passes: ["merge-duplicates", "fold-into-weights"] },
      ],
      verify: true,
    },
    silentTask,
  );
  // Merging first gives one Conv two users, which blocks both folds.
  expect(result.orders.map((o) => o.cost.nodes)).toEqual([2, 3]);
  expect(result.differences).toEqual([
    { op: "BatchNormalization", counts: [0, 2] },
    { op: "Conv", counts: [2, 1] },
  ]);
  expect(result.checks[0]!.verdict).toMatch(/identical|rounding/);
  expect(result.timeline.head).toBe(0);
  expect(result.orders[0]!.rewrites[0]![0]).toBe("batch-norm-into-conv");
  for (const order of result.orders) expect((await session.graph({ model, step: order.step }, silentTask)).nodes.filter((n) => n.kind === "operator")).toHaveLength(order.cost.nodes);
  await expect(session.compareOrders({ model, step: 0, orders: [{ name: "a", passes: ["fold-into-weight"] }, { name: "b", pipeline: "default" }] }, silentTask)).rejects.toThrow("Did you mean");
});
