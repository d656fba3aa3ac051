/**
 * Time to optimize synthetic graphs of growing size with the default pipeline, every step kept in the timeline, and to
 * export the result. Prints processor time per size and per node; about linear growth keeps the last column near 1.
 * Usage: optimize [--plot FILE.svg] [SIZE ...]
 */
import { writeFileSync } from "node:fs";
import { exportOnnx } from "../src/backends/onnx/index.ts";
import { Timeline } from "../src/ir/timeline.ts";
import { runPipeline } from "../src/passes/run-pipeline.ts";
import { syntheticGraph } from "./synthetic.ts";

declare const gc: () => void;
const plotAt = process.argv.indexOf("--plot");
const plotFile = plotAt < 0 ? undefined : process.argv[plotAt + 1];
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
const points: [nodes: number, seconds: number][] = [];
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
  points.push([nodes, milliseconds / 1000]);
  rows.push([`${nodes}`, `${after}`, `${timeline.steps.length - 1}`, `${(milliseconds / 1000).toFixed(2)} s`, each.toFixed(0), `${(history / 1e6).toFixed(0)} MB`, `${exported.toFixed(0)} ms`, (each / first).toFixed(2)]);
  console.log(rows.at(-1)!.join("  "));
}
console.log();
const widths = rows[0]!.map((_, i) => Math.max(...rows.map((row) => row[i]!.length)));
for (const row of rows) console.log(row.map((cell, i) => cell.padStart(widths[i]!)).join("  "));
console.log("\nseconds by pass");
for (const [pass, times] of perPass) console.log(`${pass.padEnd(20)}${times.map((t) => (t / 1000).toFixed(2).padStart(9)).join("")}`);

if (plotFile !== undefined) writeFileSync(plotFile, plot(points));

/** Seconds over nodes, with the line through the last point that linear growth would be. */
function plot(measured: readonly [number, number][]): string {
  const [width, height, left, top, right, bottom] = [640, 360, 56, 24, 24, 48];
  const most = measured.reduce<[number, number]>(([x, y], [n, s]) => [Math.max(x, n), Math.max(y, s)], [1, 0.001]);
  const x = (n: number): number => left + ((width - left - right) * n) / most[0];
  const y = (s: number): number => height - bottom - ((height - top - bottom) * s) / (most[1] * 1.1);
  const text = (tx: number, ty: number, said: string, anchor: string): string => `<text x="${tx.toFixed(1)}" y="${ty.toFixed(1)}" text-anchor="${anchor}">${said}</text>`;
  const last = measured.at(-1)!;
  const ticks = [0, 0.25, 0.5, 0.75, 1];
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="12" fill="#444">
<rect width="${width}" height="${height}" fill="#fff"/>
${ticks.map((t) => `<path d="M${left} ${y(most[1] * t).toFixed(1)}H${width - right}" stroke="#ddd"/>${text(left - 6, y(most[1] * t) + 4, (most[1] * t).toFixed(1), "end")}${text(x(most[0] * t), height - bottom + 18, `${Math.round(most[0] * t)}`, "middle")}`).join("\n")}
<path d="M${x(0)} ${y(0)}L${x(last[0]).toFixed(1)} ${y(last[1]).toFixed(1)}" stroke="#999" stroke-dasharray="4 4"/>
<path d="M${measured.map(([n, s]) => `${x(n).toFixed(1)} ${y(s).toFixed(1)}`).join("L")}" stroke="#2563eb" stroke-width="2" fill="none"/>
${measured.map(([n, s]) => `<circle cx="${x(n).toFixed(1)}" cy="${y(s).toFixed(1)}" r="3.5" fill="#2563eb"/>`).join("\n")}
${text(left, 16, "seconds of processor time; dashed: linear", "start")}
${text(width - right, height - 12, "operator nodes", "end")}
</svg>
`;
}
