import { expect, test } from "vitest";
import { exportOnnx, fileBytes } from "../../src/backends/onnx/index.ts";
import { parseGraph } from "../../src/ir/parser.ts";
import { typeRules } from "../../src/ops/index.ts";
import { createSession } from "../../src/session/index.ts";
import { MemoryBlob } from "../../src/support/blob.ts";
import { silentTask, type Task } from "../../src/support/task.ts";

const text = `graph @main(%x: float32[1, 8, 16, 16], %h: float32[3, 4]) -> (%y: float32[1, 16, 14, 14], %s: float32[4]) {
  %w = constant float32[16, 8, 3, 3] random(1)
  %c = Conv(%x, %w)
  %y = Relu(%c)
  %zero = constant float32[4] [0, 0, 0, 0]
  %s = Scan(%zero, %h) {num_scan_inputs = 1} body (%a: float32[4], %b: float32[4]) { %t = Add(%a, %b) return %t }
  return %y, %s
}`;

async function opened(graph: string, clock: () => number) {
  const session = createSession(clock);
  const bytes = fileBytes(exportOnnx(parseGraph(graph, { rules: typeRules })).files[0]!);
  return { session, ...(await session.open({ source: new MemoryBlob("m.onnx", bytes) }, silentTask)) };
}

test("a step as generated code: each kernel with its time, its nodes and what the machine could do", async () => {
  const { session, model } = await opened(text, () => performance.now());
  const view = await session.profile({ model, step: 0, milliseconds: 50 }, silentTask);
  expect(view.runs).toBeGreaterThanOrEqual(3);
  expect(view.peak.gflops).toBeGreaterThan(0);
  expect(view.peak.memoryGBps).toBeGreaterThan(0);
  // Between two readings of the clock nothing else is done.
  expect(view.rows.reduce((sum, row) => sum + row.milliseconds, 0)).toBeCloseTo(view.milliseconds, 1);

  const table = (await session.graph({ model, step: 0 }, silentTask)).nodes;
  const named = (name: string): number => table.find((node) => node.outputs.some((output) => output.name === name))!.id;
  const conv = view.rows.find((row) => row.nodes.includes(named("c")) && (row.flops ?? 0) > 100_000)!;
  expect(conv.nodes).toContain(named("y"));
  // 2 x 9 x 8 operations for each of 16 x 14 x 14 elements, and one for Relu.
  expect(conv.flops).toBe(16 * 14 * 14 * (2 * 9 * 8 + 1));
  expect(conv.possible).toBeGreaterThanOrEqual(conv.flops! / (view.peak.gflops * 1e6));
  // The turns of the Scan are kernels, and lead back to it.
  expect(view.rows.filter((row) => row.nodes.includes(named("s"))).length).toBeGreaterThan(0);
}, 60_000);

test("what has no generated code is refused by name", async () => {
  const { session, model } = await opened("graph @main(%x: float32[N, 4]) -> (%y: float32[N, 4]) {\n %y = Relu(%x)\n return %y\n}", () => performance.now());
  await expect(session.profile({ model, step: 0 }, silentTask)).rejects.toThrow("its shape must be static");
});

test("it is cancelled between two runs", async () => {
  const { session, model } = await opened(text, () => performance.now());
  let asked = false;
  const task: Task = { ...silentTask, progress: (_, label) => { if (label === "measuring") asked = true; }, check: () => { if (asked) throw new Error("cancelled here"); } };
  await expect(session.profile({ model, step: 0, milliseconds: 60_000 }, task)).rejects.toThrow("cancelled here");
}, 30_000);
