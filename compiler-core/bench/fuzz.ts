/**
 * Opens mutated model files: none may crash, take over 2 s, or allocate over 1 GB. Usage: fuzz [FILES] [SEED]
 * Prints how many were opened and refused, the slowest, the largest growth of memory; exits with 1 on a fault.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { Random } from "../src/support/random.ts";
import { mutate } from "../test/fixtures/mutate.ts";
import { openHostile } from "../test/fixtures/open-hostile.ts";

const files = Number(process.argv[2] ?? 100_000);
const seed = Number(process.argv[3] ?? 1);
const shared = process.env["GRAPHWRIGHT_SHARED"] ?? "../shared";

const corpus: { name: string; bytes: Uint8Array }[] = [{ name: "digits.onnx", bytes: readFileSync("examples/digits/digits.onnx") }];
for (const suite of ["node", "simple", "pytorch-converted", "pytorch-operator"]) {
  const folder = path.join(shared, "onnx-backend", suite);
  if (!existsSync(folder)) continue;
  for (const name of readdirSync(folder)) {
    const file = path.join(folder, name, "model.onnx");
    if (!existsSync(file)) continue;
    const bytes = readFileSync(file);
    if (bytes.length < 200_000) corpus.push({ name: `${name}.onnx`, bytes });
  }
}

const random = new Random(seed);
const limits = { milliseconds: 2000, bytes: 1e9 };
const counts = { opened: 0, refused: 0, faults: 0 };
let slowest = { milliseconds: 0, what: "" };
let largest = { bytes: 0, what: "" };
for (let i = 0; i < files; i++) {
  const { name, bytes } = random.pick(corpus);
  const mutated = mutate(bytes, random);
  const what = `file ${i}: ${name}, ${mutated.how}`;
  const memory = process.memoryUsage();
  const start = performance.now();
  try {
    counts[openHostile(name, mutated.bytes)]++;
  } catch (error) {
    counts.faults++;
    console.log(`FAULT ${what}\n  ${(error as Error).stack ?? String(error)}`);
  }
  const milliseconds = performance.now() - start;
  const after = process.memoryUsage();
  const grown = after.heapUsed + after.arrayBuffers - memory.heapUsed - memory.arrayBuffers;
  if (milliseconds > slowest.milliseconds) slowest = { milliseconds, what };
  if (grown > largest.bytes) largest = { bytes: grown, what };
  if (milliseconds > limits.milliseconds || grown > limits.bytes) {
    counts.faults++;
    console.log(`FAULT ${what}: ${milliseconds.toFixed(0)} ms, ${(grown / 1e6).toFixed(0)} MB`);
  }
}
console.log(`${files} mutated files of ${corpus.length} models, seed ${seed}: ${counts.opened} opened, ${counts.refused} refused, ${counts.faults} faults`);
console.log(`slowest ${slowest.milliseconds.toFixed(0)} ms (${slowest.what})`);
console.log(`largest growth ${(largest.bytes / 1e6).toFixed(1)} MB (${largest.what})`);
process.exitCode = counts.faults === 0 ? 0 : 1;
