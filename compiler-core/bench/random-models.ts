/**
 * Optimizes random models in every way and judges the results (see test/fixtures/random-model). Faults are made small and
 * printed as text IR. Usage: random-models [COUNT] [SEED]
 * GRAPHWRIGHT_PYTHON names a Python with the package `onnx`: then every exported model is held against its checker too.
 */
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { printGraph } from "../src/ir/printer.ts";
import { rewrites } from "../src/passes/index.ts";
import { describeFault, examine } from "../test/fixtures/random-model/examine.ts";
import { randomModel } from "../test/fixtures/random-model/index.ts";
import { shrinkFault } from "../test/fixtures/random-model/shrink.ts";

const count = Number(process.argv[2] ?? 2000);
const first = Number(process.argv[3] ?? 1);
const python = process.env["GRAPHWRIGHT_PYTHON"];
const folder = mkdtempSync(path.join(tmpdir(), "graphwright-random-"));
const applied = new Map<string, number>();
let [judged, inputSets, faults, exported] = [0, 0, 0, 0];

const checker = `
import pathlib, sys, onnx
bad = 0
for file in sorted(pathlib.Path(sys.argv[1]).iterdir()):
    try:
        onnx.checker.check_model(onnx.load(file), full_check=True)
    except Exception as error:
        # A fault of the model before it was optimized is its own.
        bad += 1
        print(file.name, str(error).strip().replace("\\n", " ")[:300])
sys.exit(1 if bad else 0)
`;

/** Names of files that the checker of the package \`onnx\` refuses. */
function check(): string[] {
  const { stdout, status } = spawnSync(python!, ["-c", checker, folder], { encoding: "utf8" });
  rmSync(folder, { recursive: true });
  mkdirSync(folder);
  return status === 0 ? [] : stdout.trim().split("\n");
}

for (let seed = first; seed < first + count; seed++) {
  const model = randomModel(seed);
  const result = await examine(model, seed, {
    ...(python ? { onExport: (way, bytes) => writeFileSync(path.join(folder, `${seed} ${exported++} ${way}.onnx`), bytes) } : {}),
  });
  if (result.judged > 0) judged++;
  inputSets += result.evaluated;
  for (const name of result.applied) applied.set(name, (applied.get(name) ?? 0) + 1);
  if (result.fault) {
    faults++;
    console.log(`FAULT seed ${seed}: ${describeFault(result.fault)}`);
    const small = await shrinkFault(model, result.fault, seed);
    console.log(printGraph(small.graph, { inlineElements: 64, full: true }));
  }
  if (python && (seed % 100 === 0 || seed === first + count - 1)) {
    const refused = check();
    const originals = new Set(refused.filter((line) => line.includes(" original.onnx")).map((line) => line.split(" ")[0]));
    for (const line of refused) {
      if (originals.has(line.split(" ")[0]) && !line.includes(" original.onnx")) continue;
      console.log(`CHECKER ${line}`);
      if (!line.includes(" original.onnx")) faults++;
    }
  }
}
rmSync(folder, { recursive: true });
console.log(`${count} models from seed ${first}: ${inputSets} input sets, ${judged} models judged by ONNX Runtime too, ${faults} faults`);
console.log(rewrites.map((r) => `${r.name} ${applied.get(r.name) ?? 0}`).join(", "));
process.exitCode = faults === 0 ? 0 : 1;
