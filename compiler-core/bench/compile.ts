/**
 * What a C compiler takes for a whole bundle (every instruction set, and the programs that run, measure and test it), in
 * processor seconds, and for each variant's sources alone. Usage: compile [--flags=-O2] [--cc=gcc] [--keep=FOLDER] [--write] [NAME ...]
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { Timeline } from "../src/ir/timeline.ts";
import { runPipeline } from "../src/passes/run-pipeline.ts";
import { scheduleTargets } from "../src/tensor/target.ts";
import { makeSeconds, processorSeconds, writeBundleCode } from "./bundle-time.ts";
import { networks } from "./model-list.ts";
import { processorName, withPart } from "./processor.ts";

const option = (name: string, otherwise: string): string => process.argv.find((a) => a.startsWith(`--${name}=`))?.slice(name.length + 3) ?? otherwise;
const [flags, compiler, keep] = [option("flags", "-O2"), option("cc", "gcc"), option("keep", "")];
const rows = [
  `${processorName()}, ${compiler} ${flags}, processor seconds without parallel jobs. The whole is what "make all run bench selftest" takes.`,
  "",
  `| Network | whole bundle, s | ${scheduleTargets.map((t) => `${t.title}, s`).join(" | ")} | lines |`,
  `| --- | ---: | ${scheduleTargets.map(() => "---:").join(" | ")} | ---: |`,
];
const wanted = process.argv.slice(2).filter((a) => !a.startsWith("--"));
for (const network of networks) {
  if (wanted.length > 0 && !wanted.some((w) => network.name.toLowerCase().includes(w.toLowerCase()))) continue;
  const folder = keep ? path.join(path.resolve(keep), network.name.replaceAll(/\W+/g, "-")) : mkdtempSync(path.join(tmpdir(), "graphwright-compile-"));
  mkdirSync(folder, { recursive: true });
  const timeline = new Timeline(network.open().graph);
  await runPipeline(timeline, "default");
  await runPipeline(timeline, "kernels");
  const code = await writeBundleCode(timeline.head.graph, "net", folder);
  const whole = makeSeconds(folder, flags, compiler);
  const parts = scheduleTargets.map((t) => {
    const sources = code.map((f) => f.path).filter((p) => p.endsWith(".c") && p.includes(`_${t.name}`));
    return { name: t.name, seconds: processorSeconds(sources.map((s) => `${compiler} -std=c99 -Wall -Wextra -Wpedantic ${flags} -Iinclude -Isrc -c -o /dev/null ${s}`).join(" && "), folder) };
  });
  const lines = code.reduce((sum, f) => sum + Buffer.concat([...f.chunks()]).toString().split("\n").length, 0);
  console.log(`${network.name.padEnd(28)} whole ${whole.toFixed(2)} s   ${parts.map((p) => `${p.name} ${p.seconds.toFixed(2)}`).join("   ")}   ${lines} lines`);
  rows.push(`| ${network.name} | ${whole.toFixed(1)} | ${parts.map((p) => p.seconds.toFixed(1)).join(" | ")} | ${lines} |`);
  if (!keep) rmSync(folder, { recursive: true, force: true });
}
if (process.argv.includes("--write")) {
  const page = path.resolve("docs/performance.md");
  writeFileSync(page, withPart(readFileSync(page, "utf8"), "compile", rows.join("\n")));
}
