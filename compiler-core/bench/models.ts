/**
 * Whole networks: generated C beside ONNX Runtime on the same file and inputs, with as many threads each, in turns A B A B.
 * With one thread processor time, so that other work on the machine counts little; with more the time that passes. Medians
 * and their ratio; outputs are compared in the same run. Usage: models [--threads N] [--target NAME] [--rounds N] [--direct] [--write] [--steps N] [NAME or FILE.onnx ...]
 * --steps N: the slowest N steps of each
 */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import * as ort from "onnxruntime-node";
import { type Tensor, toNumbers } from "../src/ir/tensor.ts";
import { Timeline } from "../src/ir/timeline.ts";
import { runPipeline } from "../src/passes/run-pipeline.ts";
import { drawInputs } from "../src/session/run.ts";
import { GraphwrightError } from "../src/support/diagnostic.ts";
import { shareOfLargest } from "./agreement.ts";
import { networks as listed, ofFile } from "./model-list.ts";
import { compileNative } from "./native.ts";
import { median, processorName, targetHere, withPart } from "./processor.ts";

const target = targetHere();
const option = (name: string): string | undefined => (process.argv.includes(name) ? process.argv[process.argv.indexOf(name) + 1] : undefined);
const rounds = Number(option("--rounds") ?? 5);
const wanted = process.argv.slice(2).filter((a, i, all) => !a.startsWith("--") && !["--target", "--rounds", "--steps", "--threads"].includes(all[i - 1] ?? ""));
const files = wanted.filter((w) => w.endsWith(".onnx"));
const networks = files.length > 0 ? files.map(ofFile) : listed;
const threads = Number(option("--threads") ?? 1);
if (threads === 1) process.env["CPU"] = "1";

const ratios: number[] = [];
const lines = [
  `${processorName()}, ${threads === 1 ? "one thread" : `${threads} threads`}, ${target.title}; ${threads === 1 ? "processor time" : "time"} of a run, medians of ${rounds} turns of 5 runs each. The error is the largest over all outputs, as a part of the largest value.`,
  "",
  `| Network | ONNX Runtime, ms | generated C, ms | ratio | error | ${threads === 1 ? "arena / bound, MB | gcc -O2, s" : "on one thread, ms | times as fast"} |`,
  `| --- | ---: | ---: | ---: | ---: | ---: | ---: |`,
];
console.log(lines[0]);
for (const network of networks) {
  if (wanted.length > 0 && files.length === 0 && !wanted.some((w) => network.name.toLowerCase().includes(w.toLowerCase()))) continue;
  const folder = mkdtempSync(path.join(tmpdir(), "graphwright-models-"));
  try {
    const { graph, file } = network.open();
    const timeline = new Timeline(graph);
    await runPipeline(timeline, "default");
    await runPipeline(timeline, "kernels", process.argv.includes("--direct") ? { options: { winograd: 0 } } : {});
    const native = await compileNative(timeline.head.graph, target, folder);
    const inputs = [...drawInputs(graph, new Map(), 1).values()] as Tensor[];
    const options = { intraOpNumThreads: threads, interOpNumThreads: 1, logSeverityLevel: 3 } as const;
    const session = await (typeof file === "string" ? ort.InferenceSession.create(file, options) : ort.InferenceSession.create(file, options));
    const feeds = Object.fromEntries(session.inputNames.map((name, i) => [name, new ort.Tensor(inputs[i]!.element as "float32", inputs[i]!.data as Float32Array, [...inputs[i]!.dims])]));
    const [theirs, ours, alone]: [number[], number[], number[]] = [[], [], []];
    let expected = await session.run(feeds);
    let result = native.run(inputs, 2, threads);
    for (let round = 0; round < rounds; round++) {
      for (let i = 0; i < 6; i++) {
        const [start, began] = [process.cpuUsage(), performance.now()];
        expected = await session.run(feeds);
        const passed = performance.now() - began;
        const { user, system } = process.cpuUsage(start);
        // The first of a turn finds the other's data in the caches, on both sides.
        if (i > 0) theirs.push(threads === 1 ? (user + system) / 1000 : passed);
      }
      result = native.run(inputs, 6, threads);
      ours.push(...result.milliseconds.slice(1));
      if (threads > 1) alone.push(...native.run(inputs, 6).milliseconds.slice(1));
    }
    await session.release();
    let error = 0;
    for (const [o, name] of session.outputNames.entries()) {
      const [e, a] = [expected[name]!.data as Float32Array, toNumbers(result.outputs[o]!)];
      error = Math.max(error, shareOfLargest(e, a));
    }
    const ratio = median(theirs) / median(ours);
    ratios.push(ratio);
    const mb = (bytes: number): string => (bytes / 1e6).toFixed(2);
    lines.push(`| ${network.name} | ${median(theirs).toFixed(2)} | ${median(ours).toFixed(2)} | ${ratio.toFixed(2)} | ${error.toExponential(0)} | ${threads === 1 ? `${mb(native.arenaBytes)} / ${mb(native.lowerBoundBytes)} | ${native.compileSeconds.toFixed(1)}` : `${median(alone).toFixed(2)} | ${(median(alone) / median(ours)).toFixed(2)}`} |`);
    console.log(`${network.name.padEnd(28)} ORT ${median(theirs).toFixed(2).padStart(8)} ms   ours ${median(ours).toFixed(2).padStart(8)} ms   ratio ${ratio.toFixed(2)}   error ${error.toExponential(0)}   arena ${mb(native.arenaBytes)} / ${mb(native.lowerBoundBytes)} MB   gcc ${native.compileSeconds.toFixed(1)} s${threads === 1 ? "" : `   on one thread ${median(alone).toFixed(2)} ms, ${(median(alone) / median(ours)).toFixed(2)} times as fast`}`);
    if (process.argv.includes("--steps")) {
      process.env["STEPS"] = "1";
      for (const s of [...native.run(inputs, 8, threads).steps].sort((a, b) => b.milliseconds - a.milliseconds).slice(0, Number(option("--steps")) || 12)) console.log(`    ${s.milliseconds.toFixed(3)} ms  ${s.name}`);
      delete process.env["STEPS"];
    }
  } catch (error) {
    if (!(error instanceof GraphwrightError)) throw error;
    lines.push(`| ${network.name} | not built: ${error.message.split("\n")[0]} | | | | | |`);
    console.log(`${network.name.padEnd(28)} not built: ${error.message.slice(0, 400)}`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
const mean = Math.exp(ratios.reduce((sum, r) => sum + Math.log(r), 0) / Math.max(1, ratios.length));
lines.push("", `Geometric mean of the ratios: ${mean.toFixed(2)}.`);
console.log(lines.at(-1));
if (process.argv.includes("--write")) {
  const page = path.resolve("docs/performance.md");
  writeFileSync(page, withPart(existsSync(page) ? readFileSync(page, "utf8") : "# Performance of generated code\n", threads === 1 ? "models" : `models-threads-${threads}`, lines.join("\n")));
}
