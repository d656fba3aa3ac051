import { readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { buildWasmBundle, type Bundle, fileBytes } from "../../src/bundle/index.ts";
import { Timeline } from "../../src/ir/timeline.ts";
import { parseGraph } from "../../src/ir/parser.ts";
import { typeRules } from "../../src/ops/index.ts";
import { runPipeline } from "../../src/passes/run-pipeline.ts";
import { folder, open, reference, repository, run, write } from "./on-disk.ts";

interface Module {
  load(options?: object): Promise<{ readonly relaxed: boolean; input(which: number | string): Float32Array; output(which: number | string): Float32Array; run(): void; runSteps(from: number, to: number, hook: (step: number, ms: number) => void): void }>;
  readonly steps: readonly { readonly name: string; readonly op: string }[];
}

describe("the digits network as WebAssembly", () => {
  const at = folder();
  let bundle: Bundle;
  const build = async (): Promise<Bundle> => {
    const original = open(join(repository, "examples/digits/digits.onnx"));
    const timeline = new Timeline(original);
    await runPipeline(timeline, "default");
    return buildWasmBundle(timeline.head.graph, { name: "digits", compilerVersion: "test", evaluate: reference(original) });
  };
  const load = async (): Promise<Module> => (await import(pathToFileURL(join(at.path, "js/digits.mjs")).href)) as Module;
  beforeAll(async () => {
    bundle = await build();
    write(bundle.files, at.path);
  }, 60_000);
  afterAll(() => at.done());

  test("its self-test passes in Node", () => {
    const result = run(process.execPath, [join(at.path, "js/selftest.mjs")]);
    expect(result.text).toMatch(/^passed: largest error \d/);
    expect(result.code).toBe(0);
  });

  test("with relaxed SIMD too, where the engine has it", () => {
    const result = run(process.execPath, ["--experimental-wasm-relaxed-simd", join(at.path, "js/selftest.mjs")]);
    expect(result.text).toMatch(/passed with relaxed SIMD: largest error \d/);
    expect(result.code).toBe(0);
  });

  test("a weight that is damaged is noticed before anything runs", async () => {
    const { load: start } = await load();
    const weights = readFileSync(join(at.path, "weights/digits.bin"));
    weights[weights.length - 4000] = weights[weights.length - 4000]! ^ 1;
    await expect(start({ weights })).rejects.toThrow(/damaged: tensor \d+/);
    await expect(start({ weights: weights.subarray(0, 1000) })).rejects.toThrow(/1000 bytes instead of/);
  });

  test("steps can be run one by one, and each is named", async () => {
    const { load: start, steps } = await load();
    const [whole, stepwise] = [await start(), await start()];
    for (const model of [whole, stepwise]) model.input(0).fill(0.25);
    whole.run();
    const ran: number[] = [];
    stepwise.runSteps(0, steps.length, (step) => ran.push(step));
    expect(ran).toEqual(steps.map((_, i) => i));
    expect([...stepwise.output(0)]).toEqual([...whole.output(0)]);
    expect(() => whole.input("nothing")).toThrow(/There is no tensor "nothing"/);
  });

  test("prints one line of JSON as a benchmark", () => {
    const result = run(process.execPath, [join(at.path, "js/bench.mjs"), "5"]);
    expect(JSON.parse(result.text)).toMatchObject({ runs: 5, threads: 1 });
  });

  test("the manifest leads from every operator to its function", () => {
    const file = (path: string): string => new TextDecoder().decode(fileBytes(bundle.files.find((f) => f.path === path)!));
    const manifest = JSON.parse(file("manifest.json")) as { operators: { kernel: string | null; line: number | null }[] };
    const lines = file("wasm/digits.wat").split("\n");
    const kernels = manifest.operators.filter((o) => o.kernel !== null);
    expect(kernels.length).toBeGreaterThan(5);
    for (const { kernel, line } of kernels) expect(lines[line! - 1]).toContain(`$${kernel!}`);
  });

  test("the same model gives the same bytes", async () => {
    const again = await build();
    const sums = (of: Bundle): string => new TextDecoder().decode(fileBytes(of.files.find((f) => f.path === "SHA256SUMS")!));
    expect(sums(again)).toBe(sums(bundle));
  });
});

test("what cannot be built is named, and nothing is made", async () => {
  const graph = parseGraph("graph @main(%x: float32[3, 3]) -> (%y) {\n %y = NonZero(%x) \"positions\"\n return %y\n}", { rules: typeRules });
  await expect(buildWasmBundle(graph, { name: "m", compilerVersion: "test", evaluate: reference(graph) })).rejects.toMatchObject({ diagnostic: { code: "not-lowered" } });
});
