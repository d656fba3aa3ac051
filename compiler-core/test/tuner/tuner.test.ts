import { beforeAll, describe, expect, test } from "vitest";
import { printKernel } from "../../src/backends/c/print.ts";
import { fileBytes, generateCode, scheduleKernel } from "../../src/bundle/index.ts";
import { parseGraph } from "../../src/ir/parser.ts";
import type { Graph } from "../../src/ir/graph.ts";
import { Timeline } from "../../src/ir/timeline.ts";
import { typeRules } from "../../src/ops/index.ts";
import { blockedConvLowering, packedMatMulLowering } from "../../src/ops/support/lower-blocked.ts";
import { runPipeline } from "../../src/passes/run-pipeline.ts";
import { CancelledError, silentTask, type Task } from "../../src/support/task.ts";
import { GraphwrightError } from "../../src/support/diagnostic.ts";
import { withBuffers } from "../../src/tensor/build.ts";
import { hoistScratch } from "../../src/tensor/lower-node.ts";
import { interpret } from "../../src/tensor/interpreter.ts";
import { scheduleByRule } from "../../src/tensor/rules.ts";
import { avx2Target, portableTarget, scheduleTargets } from "../../src/tensor/target.ts";
import { chooserOf, type CRunner, judge, layerKey, machineOf, readMeasurement, readRecord, recordText, ruleDigest, tune, type TuningEntry, type TuningMachine, type TuneResult, tuningSteps, variantsOf } from "../../src/tuner/index.ts";
import { bundleOf } from "../bundle/on-disk.ts";
import { inputsFor, programOf, worstDifference } from "../tensor/lowered.ts";

const machine: TuningMachine = { ...machineOf({ compiler: "cc 1.0", cpu: "a processor" }, "portable\navx2\n", "peak 100 memory 20 cache 80") };
const conv = programOf(blockedConvLowering, { op: "Conv", inputs: [[1, 1, 9, 9, 8], [2, 1, 3, 3, 8, 8], [2, 8]], output: [1, 2, 7, 7, 8], weights: [1, 2] });
const gemm = programOf(packedMatMulLowering, { op: "Gemm", inputs: [[12, 40], [6, 40, 8], [48]], output: [12, 48], weights: [1, 2] });
const layer = (program: typeof conv) => ({ program, key: layerKey(program, machine), op: "Conv", shapes: "", nodes: ["n"], flops: 1e6, bytes: 4096, ruleDigest: ruleDigest(program, avx2Target) });

/** Measures nothing: times follow from the position of a variant, `fastest` takes 4/5 of the rule's. Errors are 0, but for `wrong`. */
function fakeRunner({ fastest = 1, wrong = -1, noise = 0 } = {}): CRunner & { readonly sources: string[] } {
  const sources: string[] = [];
  return {
    compiler: machine.compiler,
    cpu: machine.cpu,
    sources,
    async run(source) {
      if (source.includes("puts(\"portable\")")) return "portable\navx2\n";
      if (source.includes("peak %.3f")) return "peak 100.0 memory 20.0 cache 80.0\n";
      sources.push(source);
      const count = Number(/#define VARIANTS (\d+)/.exec(source)![1]);
      const all = Array.from({ length: count }, (_, v) => v);
      const time = (v: number, round: number): string => `${v}:${(1e-3 * (v === fastest ? 0.8 : 1 + v / 100) * (1 + (v === fastest && round % 2 ? noise : 0))).toFixed(9)}`;
      const rounds = (phase: number, of: readonly number[], n: number): string => Array.from({ length: n }, (_, r) => `round ${phase} ${of.map((v) => time(v, r)).join(" ")}\n`).join("");
      return all.map((v) => `error ${v} ${v === wrong ? 0.5 : 0}\n`).join("") + rounds(0, all, 3) + rounds(1, [...new Set([0, fastest, 1])].filter((v) => v < count), 11);
    },
  };
}

async function network(): Promise<Graph> {
  const constant = (name: string, ...dims: readonly number[]): string => `%${name} = constant float32[${dims.join(", ")}] [${Array.from({ length: dims.reduce((a, b) => a * b, 1) }, (_, i) => (((i * 37) % 19) / 10 - 0.9).toFixed(1)).join(", ")}]`;
  const text = `graph @main(%x: float32[1, 16, 12, 12]) -> (%y) {
    ${constant("w", 32, 16, 3, 3)}
    ${constant("v", 32, 32, 1, 1)}
    ${constant("m", 32, 24)}
    %rows = constant int64[2] [144, 32]
    %c = Conv(%x, %w) {pads = [1, 1, 1, 1]}
    %r = Relu(%c)
    %d = Conv(%r, %v) "point"
    %e = Conv(%d, %v) "point again"
    %f = Reshape(%e, %rows)
    %y = MatMul(%f, %m)
    return %y
  }`;
  const timeline = new Timeline(parseGraph(text, { rules: typeRules }));
  await runPipeline(timeline, "default");
  await runPipeline(timeline, "kernels");
  return timeline.head.graph;
}

describe("variants of a layer", () => {
  test.each([["convolution", conv], ["matrix product", gemm]] as const)("%s: the rule's first, a few others, all of the same result", (_, program) => {
    const { variants, pruned } = variantsOf(layer(program), machine);
    expect(variants.length).toBeGreaterThanOrEqual(2);
    expect(variants.length).toBeLessThanOrEqual(8);
    expect(variants.map((v) => v.rule)).toEqual(variants.map((_v, i) => i === 0));
    expect(pruned).toBeGreaterThan(0);
    const inputs = inputsFor(program);
    const [expected] = interpret(hoistScratch(scheduleByRule(program, avx2Target).program), inputs);
    for (const { choice } of variants) {
      const [actual] = interpret(hoistScratch(scheduleByRule(program, avx2Target, { choice }).program), inputs);
      expect(worstDifference(expected!, actual!), JSON.stringify(choice)).toBeLessThan(1e-4);
    }
  });

  test("a choice changes the C as it says", () => {
    const text = (rows: number): string => printKernel(scheduleByRule(conv, avx2Target, { choice: { prefetch: false, tiles: { [block]: { vectorSize: 8, rows, panels: 1, rowsOutside: false, window: false } } } }).program, { name: "k", target: avx2Target }).text;
    const block = Object.keys(variantsOf(layer(conv), machine).variants[0]!.choice.tiles)[0]!;
    // Accumulators: one vector for each row.
    const accumulators = (c: string): number => new Set([...c.matchAll(/\b(\w*acc\w*?_(\d+)_0\w*) =/g)].map(([, , row]) => row)).size;
    expect([accumulators(text(3)), accumulators(text(5))]).toEqual([3, 5]);
    expect(text(3)).not.toBe(text(5));
  });

  test("a choice that does not fit is refused", () => {
    const block = Object.keys(variantsOf(layer(conv), machine).variants[0]!.choice.tiles)[0]!;
    expect(() => scheduleByRule(conv, avx2Target, { choice: { prefetch: true, tiles: { [block]: { vectorSize: 8, rows: 90, panels: 1, rowsOutside: false, window: false } } } })).toThrow(/does not fit block/);
  });

  test("every target has its rule's schedule among them", () => {
    for (const target of scheduleTargets) {
      const { variants } = variantsOf(layer(gemm), { ...machine, isa: target.name });
      expect(variants[0]!.source.text.replace("void v0(", "void k("), target.name).toBe(printKernel(scheduleKernel(gemm, target).program, { name: "k", target, threads: true }).text);
    }
  });
});

test("the key follows the program, the instruction set, the compiler, its flags and the processor, and not the names of values", () => {
  const key = layerKey(conv, machine);
  const larger = programOf(blockedConvLowering, { op: "Conv", inputs: [[1, 1, 9, 10, 8], [2, 1, 3, 3, 8, 8], [2, 8]], output: [1, 2, 7, 8, 8], weights: [1, 2] });
  const others = [layerKey(larger, machine), layerKey(conv, { ...machine, isa: "avx512" }), layerKey(conv, { ...machine, compiler: "cc 2.0" }), layerKey(conv, { ...machine, flags: "-O2" }), layerKey(conv, { ...machine, cpu: "another" })];
  expect(new Set([key, ...others]).size).toBe(6);
  const names = new Map(conv.parameters.map((p) => [p, { ...p, name: `other_${p.name}` }]));
  const renamed = { ...conv, parameters: [...names.values()], body: withBuffers(conv.body, names) };
  expect(layerKey(renamed, { ...machine, peakGflops: 1 } as TuningMachine)).toBe(key);
});

describe("judging a measurement", () => {
  const variants = variantsOf(layer(conv), machine);
  const printed = (times: readonly (readonly [number, number])[], error = 0): string =>
    variants.variants.map((_, v) => `error ${v} ${v === 1 ? error : 0}`).join("\n") + `\nround 0 ${variants.variants.map((_, v) => `${v}:0.001`).join(" ")}\n` + times.map(([a, b]) => `round 1 0:${a} 1:${b}`).join("\n");
  const judged = (times: readonly (readonly [number, number])[], error = 0): TuningEntry => judge(layer(conv), variants, readMeasurement(printed(times, error), variants.variants.length), machine);
  const many = (a: number, b: (i: number) => number): [number, number][] => Array.from({ length: 15 }, (_, i) => [a, b(i)]);

  test("faster by more than the noise wins", () => {
    expect(judged(many(10, () => 9))).toMatchObject({ chosen: 1, noise: 0 });
    expect(judged(many(10, () => 9)).speedup).toBeCloseTo(10 / 9);
  });
  test("as fast, slower, or faster by less than the noise does not", () => {
    expect(judged(many(10, () => 9.85)).chosen).toBe(0);
    expect(judged(many(10, () => 11)).chosen).toBe(0);
    expect(judged(many(10, (i) => [9, 10.5, 9.9, 11, 8.5][i % 5]!)).chosen).toBe(0);
  });
  test("what computes something else never does", () => {
    expect(judged(many(10, () => 5), 0.01)).toMatchObject({ chosen: 0, wrong: [1] });
    expect(judged(many(10, () => 5), Number.NaN)).toMatchObject({ chosen: 0, wrong: [1] });
  });
  test("a program that did not end is refused", () => {
    expect(() => readMeasurement("error 0 0\nround 0 0:0.1", 2)).toThrow(/did not report on all 2/);
  });
});

describe("tuning a network", () => {
  let graph: Graph;
  let result: TuneResult;
  const runner = fakeRunner();
  const of = (known: readonly TuningEntry[], more: { runner?: CRunner; budgetMs?: number; clock?: () => number; task?: Task; onLayer?: (e: TuningEntry) => void } = {}): Promise<TuneResult> =>
    tune(tuningSteps(async () => graph), more.runner ?? fakeRunner(), { budgetMs: more.budgetMs ?? 1e9, known, clock: more.clock ?? (() => 0), ...(more.onLayer ? { onLayer: more.onLayer } : {}) }, more.task ?? silentTask);
  beforeAll(async () => {
    graph = await network();
    result = await of([], { runner });
  });

  test("each distinct layer once, the most work first", () => {
    expect(result.entries.length).toBeGreaterThanOrEqual(3);
    expect(runner.sources.length).toBe(result.entries.length);
    expect(new Set(result.entries.map((e) => e.key)).size).toBe(result.entries.length);
    expect(result.entries[0]!.flops).toBeGreaterThan(result.entries.at(-1)!.flops);
    expect(result.entries.every((e) => e.chosen === 1 && e.variants[0]!.runs > 0 && e.isa === "avx2")).toBe(true);
  });

  test("what is known is not measured again; what was measured beside another rule is", async () => {
    const again = fakeRunner();
    const [first, ...rest] = result.entries;
    const resumed = await of([{ ...first!, ruleDigest: "of older rules" }, ...rest], { runner: again });
    expect(resumed).toMatchObject({ fromCache: rest.length, outOfDate: 1, left: 0 });
    expect(again.sources.length).toBe(1);
    expect(resumed.entries.map((e) => e.key)).toEqual(result.entries.map((e) => e.key));
  });

  test("a cancel leaves what was measured, and the next run goes on from there", async () => {
    const kept: TuningEntry[] = [];
    const task: Task = { ...silentTask, check: () => { if (kept.length === 2) throw new CancelledError(); } };
    await expect(of([], { task, onLayer: (e) => void kept.push(e) })).rejects.toThrow(CancelledError);
    expect(kept.length).toBe(2);
    const after = fakeRunner();
    const resumed = await of(readRecord(recordText(kept)), { runner: after });
    expect(resumed.fromCache).toBe(2);
    expect(after.sources.length).toBe(result.entries.length - 2);
    expect(resumed.entries).toEqual(result.entries);
  });

  test("the budget leaves the rest to the rule, and says how many", async () => {
    let time = 0;
    const short = await of([], { budgetMs: 10, clock: () => (time += 6) });
    expect(short.entries.length).toBe(1);
    expect(short.left).toBeGreaterThanOrEqual(result.entries.length - 1);
  });

  test("a wrong variant is an error, and names the layer", async () => {
    const kept: TuningEntry[] = [];
    await expect(of([], { runner: fakeRunner({ wrong: 1 }), onLayer: (e) => void kept.push(e) })).rejects.toThrow(/something else than the rule's:\n {2}- .*error 5.0e-1/);
    expect(kept.every((e) => e.chosen !== 1)).toBe(true);
  });

  test("the bundle takes the choices and says why", async () => {
    const tuning = { schedules: chooserOf(result.entries), evidence: { layers: result.entries.length } };
    const targets = [portableTarget, avx2Target];
    const plain = await generateCode(graph, "n", { modelName: "n", targets }, silentTask);
    const tuned = await generateCode(graph, "n", { modelName: "n", targets, schedules: tuning.schedules }, silentTask);
    const changed = plain.files.filter((f) => text(f) !== text(tuned.files.find((t) => t.path === f.path)!)).map((f) => f.path);
    // The header declares the tiles of the kernels.
    expect(changed).toEqual(["src/n_avx2.h", "src/n_avx2_kernels_0.c"]);
    const bundle = await bundleOf(graph, { tuning });
    expect(JSON.parse(text(bundle.files.find((f) => f.path === "manifest.json")!))).toMatchObject({ tuning: { layers: result.entries.length } });
  });
  const text = (file: Parameters<typeof fileBytes>[0]): string => new TextDecoder().decode(fileBytes(file));
});

describe("the cache file", () => {
  const entries: TuningEntry[] = [judge(layer(conv), variantsOf(layer(conv), machine), readMeasurement(variantsOf(layer(conv), machine).variants.map((_, v) => `error ${v} 0`).join("\n") + `\nround 0 ${variantsOf(layer(conv), machine).variants.map((_, v) => `${v}:0.001`).join(" ")}`, variantsOf(layer(conv), machine).variants.length), machine)];
  const code = (text: string): string => {
    try {
      readRecord(text, "cache.json");
      return "read";
    } catch (error) {
      return error instanceof GraphwrightError ? `${error.diagnostic.code} ${error.diagnostic.where?.file}` : String(error);
    }
  };
  test("is read as it was written", () => expect(readRecord(recordText(entries))).toEqual(entries));
  test("changed, cut, of another version or another file: refused with the file's name", () => {
    const whole = recordText(entries);
    for (const bad of [whole.replace('"chosen": 0', '"chosen": 1'), whole.slice(0, -20), whole.replace('"version": 1', '"version": 2'), "[]", '{"format":"graphwright-tuning","version":1,"sha256":"x","entries":[]}']) expect(code(bad)).toBe("bad-tuning-cache cache.json");
  });
});
