/**
 * QDQ networks as integer kernels: generated C beside ONNX Runtime on the same file and inputs, in turns A B A B, on one thread.
 * Usage: quantized MODEL.onnx ... [--rounds N] [--steps N] [--target NAME]. Models: test/models/quantized.py
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import * as ort from "onnxruntime-node";
import { FileBlob, siblingsOf } from "../../app/cli/file-blob.ts";
import { importModel } from "../src/importers/index.ts";
import { type Tensor, toNumbers } from "../src/ir/tensor.ts";
import { Timeline } from "../src/ir/timeline.ts";
import { printDim } from "../src/ir/dim.ts";
import { shapeOf } from "../src/ir/value-type.ts";
import { typeRules } from "../src/ops/index.ts";
import { runPipeline } from "../src/passes/run-pipeline.ts";
import { specialize } from "../src/passes/specialize.ts";
import { drawInputs } from "../src/session/run.ts";
import { shareOfLargest } from "./agreement.ts";
import { compileNative } from "./native.ts";
import { median, processorName, targetHere } from "./processor.ts";

process.env["CPU"] = "1";
const option = (name: string): string | undefined => (process.argv.includes(name) ? process.argv[process.argv.indexOf(name) + 1] : undefined);
const rounds = Number(option("--rounds") ?? 5);
const steps = Number(option("--steps") ?? 0);
const target = targetHere();
console.log(`${processorName()}, one thread, ${target.title}; processor time of a run, medians of ${rounds} turns of 5 runs each.`);
for (const file of process.argv.slice(2).filter((a) => a.endsWith(".onnx"))) {
  const folder = mkdtempSync(path.join(tmpdir(), "graphwright-quantized-"));
  try {
    const opened = importModel(new FileBlob(file), { rules: typeRules, siblings: siblingsOf(file) }).graph;
    // A symbolic batch is 1.
    const names = opened.root.parameters.flatMap((id) => (shapeOf(opened.type({ node: id, output: 0 })) ?? []).flatMap((d) => (d && typeof d === "object" ? [printDim(d)] : [])));
    const graph = specialize(opened, { sizes: new Map(names.map((name) => [name, 1])) }).graph;
    const timeline = new Timeline(graph);
    await runPipeline(timeline, "quantized");
    await runPipeline(timeline, "kernels");
    const made = timeline.head.graph;
    const native = await compileNative(made, target, folder);
    const inputs = [...drawInputs(graph, new Map(), 1).values()] as Tensor[];
    const session = await ort.InferenceSession.create(file, { intraOpNumThreads: 1, interOpNumThreads: 1, logSeverityLevel: 3 });
    const plain = await ort.InferenceSession.create(file, { intraOpNumThreads: 1, interOpNumThreads: 1, logSeverityLevel: 3, graphOptimizationLevel: "disabled" });
    const feeds = Object.fromEntries(session.inputNames.map((name, i) => [name, new ort.Tensor(inputs[i]!.element as "float32", inputs[i]!.data as Float32Array, [...inputs[i]!.dims])]));
    const expected = await plain.run(feeds);
    const [theirs, ours]: [number[], number[]] = [[], []];
    let result = native.run(inputs, 2);
    let fast = await session.run(feeds);
    for (let round = 0; round < rounds; round++) {
      for (let i = 0; i < 6; i++) {
        const start = process.cpuUsage();
        fast = await session.run(feeds);
        const { user, system } = process.cpuUsage(start);
        if (i > 0) theirs.push((user + system) / 1000);
      }
      result = native.run(inputs, 6);
      ours.push(...result.milliseconds.slice(1));
    }
    const error = (of: typeof expected, to: (i: number) => ArrayLike<number>): number => Math.max(...session.outputNames.map((name, i) => shareOfLargest(of[name]!.data as Float32Array, to(i))));
    console.log(
      `${path.basename(file).padEnd(28)} ORT ${median(theirs).toFixed(2).padStart(8)} ms   ours ${median(ours).toFixed(2).padStart(8)} ms   ratio ${(median(theirs) / median(ours)).toFixed(2)}   ` +
        `error to ORT without optimizations ${error(expected, (i) => toNumbers(result.outputs[i]!)).toExponential(0)} (ORT's own: ${error(expected, (i) => fast[session.outputNames[i]!]!.data as Float32Array).toExponential(0)})   gcc ${native.compileSeconds.toFixed(1)} s`,
    );
    if (steps > 0) {
      process.env["STEPS"] = "1";
      for (const s of [...native.run(inputs, 8).steps].sort((a, b) => b.milliseconds - a.milliseconds).slice(0, steps)) console.log(`    ${s.milliseconds.toFixed(3)} ms  ${s.name}`);
      delete process.env["STEPS"];
    }
  } finally {
    if (!process.env["KEEP"]) rmSync(folder, { recursive: true, force: true });
    else console.log(folder);
  }
}
