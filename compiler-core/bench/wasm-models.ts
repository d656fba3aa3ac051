/**
 * Whole networks as WebAssembly: our modules (simd128, and relaxed SIMD) beside onnxruntime-web's WebAssembly backend on the
 * same file and inputs, in this engine, one thread each, in turns. Processor time, so that other work on the machine counts
 * little; medians and their ratios; outputs are compared in the same run. onnxruntime-web is not a dependency: its package is large, so
 * the first run installs it below node_modules/.cache. Engines that have relaxed SIMD behind a flag get the flag.
 * Usage: wasm-models [--rounds N] [--write] [--steps N] [NAME ...]   --steps N: the slowest N steps of each, their least times
 */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { setFlagsFromString } from "node:v8";
import type * as Ort from "onnxruntime-node";
import { hasRelaxedSimd } from "../src/backends/wasm/index.ts";
import { generateWasm, loadWasm } from "../src/bundle/index.ts";
import { type Tensor, tensorBytes, tensorFromBytes, toNumbers } from "../src/ir/tensor.ts";
import { Timeline } from "../src/ir/timeline.ts";
import { runPipeline } from "../src/passes/run-pipeline.ts";
import { drawInputs } from "../src/session/run.ts";
import { GraphwrightError } from "../src/support/diagnostic.ts";
import { silentTask } from "../src/support/task.ts";
import { shareOfLargest } from "./agreement.ts";
import { networks } from "./model-list.ts";
import { median, processorName, withPart } from "./processor.ts";

const version = "1.30.0";

async function loadPeer(): Promise<typeof Ort> {
  const folder = path.resolve("node_modules/.cache/onnxruntime-web");
  const entry = path.join(folder, "node_modules/onnxruntime-web/dist/ort.node.min.mjs");
  if (!existsSync(entry)) {
    mkdirSync(folder, { recursive: true });
    writeFileSync(path.join(folder, "package.json"), '{ "private": true }\n');
    console.log(`installing onnxruntime-web ${version} below node_modules/.cache`);
    execFileSync("npm", ["install", "--no-audit", "--no-fund", "--no-save", `onnxruntime-web@${version}`], { cwd: folder, stdio: "inherit" });
  }
  const ort = (await import(/* @vite-ignore */ pathToFileURL(entry).href)) as typeof Ort;
  ort.env.wasm.numThreads = 1;
  ort.env.wasm.proxy = false;
  return ort;
}

if (!hasRelaxedSimd()) setFlagsFromString("--experimental-wasm-relaxed-simd");
const variants = hasRelaxedSimd() ? ([false, true] as const) : ([false] as const);
const option = (name: string): string | undefined => (process.argv.includes(name) ? process.argv[process.argv.indexOf(name) + 1] : undefined);
const rounds = Number(option("--rounds") ?? 5);
const slowest = Number(option("--steps") ?? 0);
const wanted = process.argv.slice(2).filter((a, i, all) => !a.startsWith("--") && !["--rounds", "--steps"].includes(all[i - 1] ?? ""));
const runsPerTurn = 5;

const ort = await loadPeer();
const ratios = variants.map((): number[] => []);
const lines = [
  `${processorName()}, Node ${process.versions.node} (V8 ${process.versions.v8}), onnxruntime-web ${version}, one thread; processor time of a run, medians of ${rounds} turns of ${runsPerTurn} runs each. The error is the largest over all outputs, as a part of the largest value.`,
  "",
  "| Network | onnxruntime-web, ms | simd128, ms | ratio | relaxed SIMD, ms | ratio | error |",
  "| --- | ---: | ---: | ---: | ---: | ---: | ---: |",
];
console.log(lines[0]);
const processorTime = async (run: () => unknown): Promise<number> => {
  const start = process.cpuUsage();
  await run();
  const { user, system } = process.cpuUsage(start);
  return (user + system) / 1000;
};

for (const network of networks) {
  if (wanted.length > 0 && !wanted.some((w) => network.name.toLowerCase().includes(w.toLowerCase()))) continue;
  try {
    const { graph, file } = network.open();
    const timeline = new Timeline(graph);
    await runPipeline(timeline, "default");
    await runPipeline(timeline, "kernels");
    const code = await generateWasm(timeline.head.graph, "model", { modelName: network.name, relaxed: variants }, silentTask);
    const { model } = code;
    const inputs = [...drawInputs(graph, new Map(), 1).values()] as Tensor[];
    const given = inputs.map(tensorBytes);
    const ours = await Promise.all(
      code.modules.map(async (module) => {
        const { bytes, functions, setInputs } = await loadWasm(code, module);
        // The inputs are written each time, as the peer copies its own.
        return { bytes, functions, write: () => setInputs(given), run: () => (setInputs(given), functions["run"]!()), milliseconds: [] as number[] };
      }),
    );
    const session = await ort.InferenceSession.create(typeof file === "string" ? readFileSync(file) : file, { executionProviders: ["wasm"], logSeverityLevel: 3 });
    const feeds = Object.fromEntries(session.inputNames.map((name, i) => [name, new ort.Tensor(inputs[i]!.element as "float32", inputs[i]!.data as Float32Array, [...inputs[i]!.dims])]));
    const theirs: number[] = [];
    // Both are compiled by the engine's better compiler after a few runs.
    let expected = await session.run(feeds);
    for (let i = 0; i < 3; i++) {
      expected = await session.run(feeds);
      for (const { run } of ours) run();
    }
    await new Promise((resolve) => setTimeout(resolve, 500));
    for (let round = 0; round < rounds; round++) {
      // The first run of a turn finds the other's data in the caches, on every side.
      for (let i = 0; i <= runsPerTurn; i++) {
        const took = await processorTime(async () => (expected = await session.run(feeds)));
        if (i > 0) theirs.push(took);
      }
      for (const { run, milliseconds } of ours)
        for (let i = 0; i <= runsPerTurn; i++) {
          const took = await processorTime(run);
          if (i > 0) milliseconds.push(took);
        }
    }
    await session.release();
    let error = 0;
    for (const { bytes } of ours)
      for (const [i, name] of session.outputNames.entries()) {
        const o = model.outputs[i]!;
        const [e, a] = [expected[name]!.data as Float32Array, toNumbers(tensorFromBytes(o.element, o.dims, bytes.slice(o.address, o.address + o.bytes)))];
        error = Math.max(error, shareOfLargest(e, a));
      }
    const cells = ours.flatMap(({ milliseconds }, v) => {
      const ratio = median(theirs) / median(milliseconds);
      ratios[v]!.push(ratio);
      return [median(milliseconds).toFixed(2), ratio.toFixed(2)];
    });
    while (cells.length < 4) cells.push("not in this engine");
    lines.push(`| ${network.name} | ${median(theirs).toFixed(2)} | ${cells.join(" | ")} | ${error.toExponential(0)} |`);
    console.log(`${network.name.padEnd(28)} onnxruntime-web ${median(theirs).toFixed(2).padStart(8)} ms   simd128 ${cells[0]!.padStart(8)} ms, ratio ${cells[1]}   relaxed ${cells[2]!.padStart(8)} ms, ratio ${cells[3]}   error ${error.toExponential(0)}`);
    if (slowest > 0) {
      const { functions, write } = ours.at(-1)!;
      const times = model.steps.map((): number[] => []);
      for (let i = 0; i < 15; i++) {
        write();
        for (const [k, list] of times.entries()) {
          const start = performance.now();
          functions[`step_${k}`]!();
          list.push(performance.now() - start);
        }
      }
      const total = times.map((list) => Math.min(...list));
      for (const [ms, k] of total.map((ms, k) => [ms, k] as const).sort((a, b) => b[0] - a[0]).slice(0, slowest)) console.log(`    ${ms.toFixed(3)} ms  ${model.steps[k]!.op} ${model.steps[k]!.name}`);
    }
  } catch (error) {
    if (!(error instanceof GraphwrightError)) throw error;
    lines.push(`| ${network.name} | not built: ${error.message.split("\n")[0]} | | | | | |`);
    console.log(`${network.name.padEnd(28)} not built: ${error.message.slice(0, 400)}`);
  }
}
const mean = (of: readonly number[]): string => Math.exp(of.reduce((sum, r) => sum + Math.log(r), 0) / Math.max(1, of.length)).toFixed(2);
lines.push("", `Geometric mean of the ratios: ${ratios.map((of, v) => `${mean(of)} with ${variants[v] ? "relaxed SIMD" : "simd128"}`).join(", ")}.`);
console.log(lines.at(-1));
if (process.argv.includes("--write")) {
  const page = path.resolve("docs/performance.md");
  writeFileSync(page, withPart(existsSync(page) ? readFileSync(page, "utf8") : "# Performance of generated code\n", "wasm-models", lines.join("\n")));
}
