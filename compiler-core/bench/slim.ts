/**
 * Optimizing ResNet-50, whole process against whole process: `graphwright optimize` with the full history recorded, and
 * OnnxSlim, one after the other on the same file. Prints medians and their ratio. Usage: slim [ROUNDS] [NETWORK]
 * OnnxSlim is a Python package (pip install onnxslim); without it this says so and ends.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { lightFile, lightNames, lightSource, type LightName } from "../test/fixtures/light.ts";

const rounds = Number(process.argv[2] ?? 5);
const name = (process.argv[3] ?? "resnet50") as LightName;
const shared = process.env["GRAPHWRIGHT_SHARED"] || path.resolve("../shared");
if (!lightNames.includes(name)) throw new Error(`no network ${name}: ${lightNames.join(", ")}`);
if (!existsSync(lightSource(shared, name))) {
  console.log(`skipped: ${lightSource(shared, name)} is not here (set GRAPHWRIGHT_SHARED)`);
  process.exit(0);
}
if (spawnSync("python3", ["-c", "import onnxslim"]).status !== 0) {
  console.log("skipped: python3 with onnxslim is not here (pip install onnxslim)");
  process.exit(0);
}
const model = lightFile(shared, name);
const folder = mkdtempSync(path.join(tmpdir(), "graphwright-slim-"));
const ours = path.join(folder, "graphwright.onnx");
const theirs = path.join(folder, "onnxslim.onnx");

/** Wall time and processor time of the whole process. */
function timed(command: string, args: readonly string[]): { wall: number; processor: number } {
  const wall = performance.now();
  // Times of children are added up by the shell, since Node does not give them.
  const result = spawnSync("bash", ["-c", 'TIMEFORMAT="%U %S"; time "$@" >/dev/null 2>"$0"', path.join(folder, "stderr"), command, ...args], { encoding: "utf8" });
  if (result.status !== 0) throw new Error(`${command} ${args.join(" ")} ended with ${result.status}: ${result.stderr}`);
  const [user, system] = result.stderr.trim().split("\n").at(-1)!.split(" ").map(Number);
  return { wall: (performance.now() - wall) / 1000, processor: user! + system! };
}

const runs = { graphwright: [] as { wall: number; processor: number }[], onnxslim: [] as { wall: number; processor: number }[] };
const graphwright = (): { wall: number; processor: number } => timed(process.execPath, ["app/bin/graphwright.mjs", "optimize", model, "-o", ours]);
const onnxslim = (): { wall: number; processor: number } => timed("python3", ["-m", "onnxslim", model, theirs]);
// Once unmeasured: builds the command line where it is stale and fills the file cache.
graphwright();
onnxslim();
for (let round = 0; round < rounds; round++) {
  runs.graphwright.push(graphwright());
  runs.onnxslim.push(onnxslim());
}
const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[values.length >> 1]!;
console.log(`${name}, ${(statSync(model).size / 1e6).toFixed(1)} MB, ${rounds} rounds in turn, medians`);
for (const [tool, list] of Object.entries(runs))
  console.log(`${tool.padEnd(12)} ${median(list.map((r) => r.wall)).toFixed(2)} s wall (${list.map((r) => r.wall.toFixed(2)).join(", ")}); ${median(list.map((r) => r.processor)).toFixed(2)} s processor`);
const ratio = (kind: "wall" | "processor"): string => (median(runs.graphwright.map((r) => r[kind])) / median(runs.onnxslim.map((r) => r[kind]))).toFixed(2);
console.log(`graphwright / onnxslim: ${ratio("wall")} wall, ${ratio("processor")} processor`);
rmSync(folder, { recursive: true });
