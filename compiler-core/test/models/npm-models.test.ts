/** Real models: shapes on their edges, values as ONNX Runtime gives them, also after the default pipeline and export. */
import { expect, test } from "vitest";
import { exportOnnx } from "../../src/backends/onnx/index.ts";
import { evaluateModel } from "../../src/evaluate/index.ts";
import { Timeline } from "../../src/ir/index.ts";
import { runPipeline } from "../../src/passes/run-pipeline.ts";
import { collectFiles } from "../../src/session/files.ts";
import { Random } from "../../src/support/random.ts";
import { silentTask } from "../../src/support/task.ts";
import { disagreement, npmModels, open, openEdges, openModel, runtimeOutputs, withSizes } from "./npm-models.ts";

const [rtol, atol] = [1e-3, 1e-5];
const inputsOf = (model: (typeof npmModels)[number]) => new Map(Object.entries(model.inputs(new Random(11))));

/**
 * Where the model itself leaves the rank open: voice activity 5 squeezes a value in one branch of an If and not in the other,
 * depending on sizes that its inputs leave open. What follows from there is open too.
 */
const leftOpen: Readonly<Record<string, number>> = { "voice activity 5": 50 };
/** At 16 kHz the branch for 8 kHz contradicts the size of the input (a Conv gets four dimensions), so that nothing follows. */
const contradicted: Readonly<Record<string, number>> = { "voice activity 5 at 16 kHz": 13 };

for (const model of npmModels) {
  const kind = model.name.replace(/ at .*/, "");

  test(`${model.name}: every edge that can have a shape has one`, () => {
    const graph = openModel(model);
    const asOpened = openEdges(graph);
    expect(asOpened.all).toBeGreaterThan(200);
    expect(asOpened.unranked.length, asOpened.unranked.join("\n")).toBeLessThanOrEqual(leftOpen[kind] ?? 0);
    const sized = openEdges(withSizes(graph, Object.fromEntries(inputsOf(model))));
    const open = [...sized.unranked, ...sized.unsized];
    expect(open.length, open.join("\n")).toBeLessThanOrEqual(contradicted[model.name] ?? 0);
  });

  test(`${model.name}: agrees with ONNX Runtime, as it is, optimized and exported`, { timeout: 120_000 }, async () => {
    const graph = openModel(model);
    const inputs = inputsOf(model);
    const expected = await runtimeOutputs(model.file, Object.fromEntries(inputs));
    const compare = (actual: ReadonlyMap<string, unknown>, what: string): void => {
      for (const [name, value] of expected) expect(disagreement(actual.get(name) as never, value, rtol, atol), `${what}: ${name}`).toBeUndefined();
    };
    expect(expected.size).toBe(graph.root.outputs.length);
    compare(evaluateModel(graph, inputs), "as it is");

    const timeline = new Timeline(graph);
    await runPipeline(timeline, "default", { task: silentTask });
    const optimized = timeline.head.graph;
    expect(timeline.steps.length).toBeGreaterThan(1);
    compare(evaluateModel(optimized, inputs), "optimized");

    const [file] = collectFiles(exportOnnx(optimized, { name: "optimized.onnx", task: silentTask }).files);
    compare(evaluateModel(open("optimized.onnx", file!.bytes), inputs), "exported and imported");
    compare(await runtimeOutputs(file!.bytes, Object.fromEntries(inputs)), "exported, in ONNX Runtime");
  });
}
