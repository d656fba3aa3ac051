/**
 * Tuned schedules beside the rule's: each network is tuned, then both programs run in turns A B A B on one thread; processor
 * time, medians and their ratio, and how far the results are apart. Usage: tune [--budget SECONDS] [--rounds N] [--layers] [--write] [NAME ...]
 */
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { runC } from "../../app/shared/c-runner.ts";
import { type Tensor, toNumbers } from "../src/ir/tensor.ts";
import { Timeline } from "../src/ir/timeline.ts";
import { runPipeline } from "../src/passes/run-pipeline.ts";
import { drawInputs } from "../src/session/run.ts";
import { silentTask } from "../src/support/task.ts";
import { chooserOf, compileFlags, tune, tuningSteps } from "../src/tuner/index.ts";
import { shareOfLargest } from "./agreement.ts";
import { networks } from "./model-list.ts";
import { compileNative } from "./native.ts";
import { median, processorName, withPart } from "./processor.ts";
import { scheduleTargets } from "../src/tensor/target.ts";

process.env["CPU"] = "1";
const option = (name: string, otherwise: number): number => (process.argv.includes(name) ? Number(process.argv[process.argv.indexOf(name) + 1]) : otherwise);
const budgetMs = 1000 * option("--budget", 120);
const rounds = option("--rounds", 7);
const given = process.argv.slice(2).filter((a, i, all) => !a.startsWith("--") && !["--budget", "--rounds"].includes(all[i - 1] ?? ""));
const wanted = given.length > 0 ? given : ["ResNet-50", "MobileNetV2", "ShuffleNet"];
const runner = {
  compiler: execFileSync("gcc", ["--version"], { encoding: "utf8" }).split("\n")[0]!,
  cpu: processorName(),
  async run(source: string): Promise<string> {
    const { ok, text } = await runC("gcc", compileFlags, source, new AbortController().signal);
    if (!ok) throw new Error(text);
    return text;
  },
};
const lines: string[] = [];
const say = (line: string): void => {
  lines.push(line);
  console.log(line);
};
for (const network of networks.filter((n) => wanted.some((w) => n.name.toLowerCase().includes(w.toLowerCase())))) {
  const folder = mkdtempSync(path.join(tmpdir(), "graphwright-tuned-"));
  try {
    const { graph } = network.open();
    const timeline = new Timeline(graph);
    await runPipeline(timeline, "default");
    await runPipeline(timeline, "kernels");
    const chosen = timeline.head.graph;
    const started = performance.now();
    const { machine, entries, layers, single, left } = await tune(tuningSteps(() => Promise.resolve(chosen)), runner, { budgetMs, known: [], clock: () => performance.now() }, silentTask);
    const seconds = (performance.now() - started) / 1000;
    const target = scheduleTargets.find((t) => t.name === machine.isa)!;
    if (lines.length === 0) {
      say(`${runner.cpu}, one thread, ${target.title}, peak ${machine.peakGflops.toFixed(0)} GFLOP/s; ${runner.compiler}. Processor time of a run, medians of ${rounds} turns of 5 runs each, by rule and tuned in turns. The error is the largest between both, as a part of the largest value.`);
      say("");
      say("| Network | layers: measured / one schedule / left | other schedule chosen | schedules measured | tuning, s | by rule, ms | tuned, ms | ratio | error |");
      say("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |");
    }
    const inputs = [...drawInputs(graph, new Map(), 1).values()] as Tensor[];
    const rule = await compileNative(chosen, target, path.join(folder, "rule"));
    const tuned = await compileNative(chosen, target, path.join(folder, "tuned"), { schedules: chooserOf(entries) });
    const [ruleTimes, tunedTimes]: [number[], number[]] = [[], []];
    let error = 0;
    for (let round = 0; round < rounds; round++) {
      const [a, b] = [rule.run(inputs, 6), tuned.run(inputs, 6)];
      // The first of a turn finds the other's data in the caches, on both sides.
      ruleTimes.push(...a.milliseconds.slice(1));
      tunedTimes.push(...b.milliseconds.slice(1));
      for (const [o, t] of a.outputs.entries()) error = Math.max(error, shareOfLargest(toNumbers(t), toNumbers(b.outputs[o]!)));
    }
    const variants = entries.reduce((n, e) => n + e.variants.length, 0);
    say(`| ${network.name} | ${entries.length} / ${single} / ${left} of ${layers} | ${entries.filter((e) => e.chosen > 0).length} | ${variants} | ${seconds.toFixed(0)} | ${median(ruleTimes).toFixed(2)} | ${median(tunedTimes).toFixed(2)} | ${(median(ruleTimes) / median(tunedTimes)).toFixed(3)} | ${error.toExponential(0)} |`);
    if (process.argv.includes("--layers"))
      for (const e of entries) console.log(`    ${e.op} ${e.shapes}: ${e.variants[0]!.medianMs.toFixed(4)} ms, ${e.chosen > 0 ? `${e.speedup.toFixed(3)} ± ${e.noise.toFixed(3)} by ${e.variants[e.chosen]!.description} (rule: ${e.variants[0]!.description})` : "stays"}`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
if (process.argv.includes("--write")) {
  const page = path.resolve("docs/performance.md");
  writeFileSync(page, withPart(existsSync(page) ? readFileSync(page, "utf8") : "# Performance of generated code\n", "tuned", lines.join("\n")));
}
