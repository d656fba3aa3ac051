/** Pipelines that approximate: what they save, how far off they are, and where they refuse. */
import { describe, expect, test } from "vitest";
import type { Graph } from "../../src/ir/graph.ts";
import { parseGraph } from "../../src/ir/parser.ts";
import { Timeline } from "../../src/ir/timeline.ts";
import { typeRules } from "../../src/ops/index.ts";
import { checkModels, checkStep } from "../../src/passes/check.ts";
import { rewrites } from "../../src/passes/index.ts";
import { findPass, pipelines } from "../../src/passes/pipelines.ts";
import { runPipeline } from "../../src/passes/run-pipeline.ts";
import { adversarialFeeds, judge, modelOf, optimize } from "./judge.ts";

const network = (scale = 1): string => `graph @main(%x: float32[2, 3, 8, 8]) -> (%y: float32[2, 10]) {
  %w1 = constant float32[16, 3, 3, 3] uniform(1, -0.2, 0.2)
  %b1 = constant float32[16] uniform(2, -0.1, 0.1)
  %w2 = constant float32[16, 16, 3, 3] uniform(3, -0.1, 0.1)
  %w3 = constant float32[16, 10] uniform(4, ${-scale}, ${scale})
  %axes = constant int64[2] [2, 3]
  %c1 = Conv(%x, %w1, %b1) {pads = [1, 1, 1, 1]}
  %r1 = Relu(%c1)
  %c2 = Conv(%r1, %w2) {pads = [1, 1, 1, 1]}
  %s = Add(%c2, %r1)
  %r2 = Relu(%s)
  %m = ReduceMean(%r2, %axes) {keepdims = 0}
  %f = MatMul(%m, %w3)
  %y = Softmax(%f)
  return %y
}`;
const parse = (text: string): Graph => parseGraph(text, { rules: typeRules });

async function run(pipeline: string, text = network()): Promise<{ graph: Graph; applied: Record<string, number>; refused: string[] }> {
  const timeline = new Timeline(parse(text));
  const applied: Record<string, number> = {};
  const report = await runPipeline(timeline, pipeline, { check: (before, after, delta) => checkStep(before, after, delta) });
  for (const pass of report.passes) for (const [name, count] of Object.entries(pass.applied)) applied[name] = (applied[name] ?? 0) + count;
  return { graph: timeline.head.graph, applied, refused: report.diagnostics.filter((d) => d.severity === "error").map((d) => d.message) };
}

const bytes = (graph: Graph): number => [...graph].reduce((sum, node) => sum + (node.kind === "constant" ? node.value.bytes : 0), 0);
const casts = (graph: Graph): number => [...graph].filter((node) => node.kind === "operator" && node.op === "Cast").length;

describe("precision", () => {
  test("float16 computation: one region, conversions at its edges, every step within its tolerance", async () => {
    const { graph, applied, refused } = await run("half");
    expect(refused).toEqual([]);
    expect(applied["half-precision"]).toBe(6);
    // Into the first Conv, out of the last Relu, in and out around the MatMul.
    expect(casts(graph)).toBe(4);
    expect(bytes(graph)).toBeLessThan(0.55 * bytes(parse(network())));
    const report = await checkModels(parse(network()), graph, { seeds: 3 });
    expect(report.maxAbs).toBeGreaterThan(0);
    expect(report.maxAbs).toBeLessThan(5e-3);
  });

  test("a weight that float16 cannot hold keeps its product in float32", async () => {
    const { applied } = await run("half", network(1e6));
    expect(applied["half-precision"]).toBe(5);
  });

  test.each([
    ["half-weights", 0.56, 2e-3],
    ["int8-weights", 0.35, 3e-2],
  ] as const)("%s: judged by ONNX Runtime", async (pipeline, share, tolerance) => {
    const { bytes: file, graph } = modelOf(network());
    const result = await optimize(graph, {}, pipeline);
    expect(result.applied[pipeline]).toBe(pipeline === "half-weights" ? 2 : 2);
    expect(bytes(result.graph)).toBeLessThan(share * bytes(graph));
    const sets = adversarialFeeds(graph, ["normal", "ties"], 3);
    expect((await judge(file, result.graph, sets, tolerance)).problem).toBeUndefined();
    // They do change the function.
    expect((await judge(file, result.graph, sets, 1e-7)).problem).toBeDefined();
    const checked = await run(pipeline);
    expect(checked.refused).toEqual([]);
  });

  test("a channel with one number far above the others keeps its weights", async () => {
    const wild = network().replace("%w2 = constant float32[16, 16, 3, 3] uniform(3, -0.1, 0.1)", "%v = constant float32[16, 16, 3, 3] uniform(3, -0.1, 0.1)\n  %u = constant float32[16, 16, 3, 3] uniform(5, 0, 1)\n  %p = constant float32[] [60]\n  %e = Pow(%u, %p)\n  %k = constant float32[] [1000]\n  %g = Mul(%e, %k)\n  %w2 = Add(%v, %g)");
    const { applied } = await run("int8-weights", wild);
    expect(applied["int8-weights"]).toBe(1);
  });

  test("no other pipeline approximates", () => {
    for (const pipeline of pipelines) {
      const names = [...pipeline.passes, ...pipeline.finally].flatMap((name) => findPass(name).rewrites);
      const approximate = rewrites.filter((rewrite) => rewrite.exactness === "approximates" && names.includes(rewrite.name)).map((rewrite) => rewrite.name);
      if (["default", "strict", "size", "teaching"].includes(pipeline.name)) expect(approximate, pipeline.name).toEqual([]);
    }
    for (const rewrite of rewrites) expect(rewrite.tolerance !== undefined, rewrite.name).toBe(rewrite.exactness === "approximates");
  });
});
