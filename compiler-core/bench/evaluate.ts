/**
 * Evaluates one of the light networks with seeded weights (resnet50 by default) on a seeded image of 224 x 224.
 * Usage: evaluate [NAME] [reference]. Heavy nodes run as WebAssembly unless "reference" is said. Prints the processor time of one run, and the slowest operators.
 */
import path from "node:path";
import { FileBlob, siblingsOf } from "../../app/cli/file-blob.ts";
import { evaluateGraph } from "../src/evaluate/index.ts";
import { importModel } from "../src/importers/index.ts";
import { typeRules } from "../src/ops/index.ts";
import { drawInputs } from "../src/session/run.ts";
import { WasmAccelerator } from "../src/session/wasm-accelerator.ts";
import { lightFile, lightNames } from "../test/fixtures/light.ts";

const name = process.argv[2] ?? "resnet50";
if (!(lightNames as readonly string[]).includes(name)) {
  console.error(`unknown network ${name}; known: ${lightNames.join(", ")}`);
  process.exit(2);
}
const file = lightFile(path.resolve(process.env["GRAPHWRIGHT_SHARED"] || "../shared"), name as (typeof lightNames)[number]);
const { graph } = importModel(new FileBlob(file), { rules: typeRules, siblings: siblingsOf(file) });
const inputs = drawInputs(graph, new Map(), 1);
const accelerator = process.argv[3] === "reference" ? undefined : await WasmAccelerator.create();
const byOperator = new Map<string, number>();
const start = process.cpuUsage();
const wall = performance.now();
let before = performance.now();
evaluateGraph(graph, inputs, {
  ...(accelerator ? { accelerator } : {}),
  keep: (ref) => {
    const node = graph.operator(ref.node)!;
    const now = performance.now();
    byOperator.set(node.op, (byOperator.get(node.op) ?? 0) + now - before);
    before = now;
  },
});
const { user, system } = process.cpuUsage(start);
console.log(`${name}: ${(user / 1e6).toFixed(2)} s user, ${(system / 1e6).toFixed(2)} s system, ${((performance.now() - wall) / 1000).toFixed(2)} s wall`);
for (const [op, milliseconds] of [...byOperator].sort((a, b) => b[1] - a[1]).slice(0, 8)) console.log(`  ${op.padEnd(24)} ${milliseconds.toFixed(0)} ms`);
if (accelerator) console.log(JSON.stringify(accelerator.report()));
