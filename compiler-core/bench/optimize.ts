/**
 * Time to optimize synthetic graphs of growing size with the default pipeline, every step kept in the timeline, and to
 * export the result. Prints processor time per size and per node; about linear growth keeps the last column near 1.
 * Usage: optimize [SIZE ...]
 */
import { exportOnnx } from "../src/backends/onnx/index.ts";
import { Timeline } from "../src/ir/timeline.ts";
import { runPipeline } from "../src/passes/run-pipeline.ts";
import { syntheticGraph } from "./synthetic.ts";

declare const gc: () => void;
const sizes = process.argv.slice(2).map(Number).filter((n) => n > 0);
/** Milliseconds of processor time: a busy machine does not lengthen it. */
const clock = (): number => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
};

// Once unmeasured, so that the first size is not charged with compiling the code.
await runPipeline(new Timeline(syntheticGraph(1000, 7)), "default");

const rows: string[][] = [["nodes", "after", "steps", "optimize", "us a node", "history", "export", "growth"]];
let first: number | undefined;
const perPass = new Map<string, number[]>();
const list = sizes.length > 0 ? sizes : [1_000, 3_000, 6_000, 12_500, 25_000, 50_000];
for (const [column, size] of list.entries()) {
  const graph = syntheticGraph(size);
  gc();
  const before = process.memoryUsage().heapUsed;
  const timeline = new Timeline(graph);
  const start = clock();
  const run = await runPipeline(timeline, "default", { clock });
  const milliseconds = clock() - start;
  gc();
  const history = process.memoryUsage().heapUsed - before;
  const exporting = clock();
  exportOnnx(timeline.head.graph);
  const exported = clock() - exporting;
  const nodes = [...graph].filter((n) => n.kind === "operator").length;
  const after = [...timeline.head.graph].filter((n) => n.kind === "operator" && n.region === 0).length;
  const each = (milliseconds * 1000) / nodes;
  first ??= each;
  for (const pass of run.passes) {
    const times = perPass.get(pass.pass) ?? perPass.set(pass.pass, list.map(() => 0)).get(pass.pass)!;
    times[column]! += pass.milliseconds;
  }
  rows.push([`${nodes}`, `${after}`, `${timeline.steps.length - 1}`, `${(milliseconds / 1000).toFixed(2)} s`, each.toFixed(0), `${(history / 1e6).toFixed(0)} MB`, `${exported.toFixed(0)} ms`, (each / first).toFixed(2)]);
  console.log(rows.at(-1)!.join("  "));
}
console.log();
const widths = rows[0]!.map((_, i) => Math.max(...rows.map((row) => row[i]!.length)));
for (const row of rows) console.log(row.map((cell, i) => cell.padStart(widths[i]!)).join("  "));
console.log("\nseconds by pass");
for (const [pass, times] of perPass) console.log(`${pass.padEnd(20)}${times.map((t) => (t / 1000).toFixed(2).padStart(9)).join("")}`);
