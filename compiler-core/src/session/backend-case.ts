import { exportOnnx } from "../backends/onnx/index.ts";
import { evaluateGraph } from "../evaluate/index.ts";
import { importModel } from "../importers/index.ts";
import { readValueFile } from "../importers/onnx/tensor-file.ts";
import { rootRegion, type Graph } from "../ir/graph.ts";
import { Timeline } from "../ir/timeline.ts";
import { elementKind, isInteger } from "../ir/element-type.ts";
import { isBigArray, toNumbers, type Tensor } from "../ir/tensor.ts";
import { isTensor, typeRules, type Value } from "../ops/index.ts";
import { runPipeline } from "../passes/run-pipeline.ts";
import { MemoryBlob, type SiblingFiles } from "../support/blob.ts";
import { GraphwrightError, formatDiagnostic } from "../support/diagnostic.ts";
import type { Task } from "../support/task.ts";
import { collectFiles } from "./files.ts";
import type { BackendCase, BackendCaseResult } from "./protocol.ts";

/** The onnx project's tolerances: |a - b| <= atol + rtol * |b|. Integers are equal or not. */
export const defaultRtol = 1e-3;
export const defaultAtol = 1e-7;

/** Why `actual` is not `expected`, or undefined when it is, within the tolerances. */
export function difference(actual: Value | null, expected: Value, rtol: number, atol: number): string | undefined {
  if (actual === null) return "no value";
  if (isTensor(expected)) return isTensor(actual) ? tensorDifference(actual, expected, rtol, atol) : `a ${actual.kind}, not a tensor`;
  if (isTensor(actual)) {
    // An optional that holds a tensor may be written as the tensor itself.
    if (expected.kind === "optional" && expected.value !== null) return difference(actual, expected.value, rtol, atol);
    return `a tensor, not a ${expected.kind}`;
  }
  if (actual.kind === "optional" && expected.kind !== "optional") return difference(actual.value, expected, rtol, atol);
  if (expected.kind === "optional") {
    const inner = actual.kind === "optional" ? actual.value : actual;
    if (expected.value === null) return inner === null ? undefined : "a value, not none";
    return difference(inner, expected.value, rtol, atol);
  }
  if (actual.kind !== expected.kind) return `a ${actual.kind}, not a ${expected.kind}`;
  if (expected.kind === "sequence" && actual.kind === "sequence") {
    if (actual.items.length !== expected.items.length) return `${actual.items.length} items, not ${expected.items.length}`;
    for (const [i, item] of expected.items.entries()) {
      const wrong = difference(actual.items[i]!, item, rtol, atol);
      if (wrong !== undefined) return `item ${i}: ${wrong}`;
    }
    return undefined;
  }
  if (expected.kind === "map" && actual.kind === "map") {
    if (actual.entries.size !== expected.entries.size) return `${actual.entries.size} entries, not ${expected.entries.size}`;
    for (const [key, item] of expected.entries) {
      const wrong = difference(actual.entries.get(key) ?? null, item, rtol, atol);
      if (wrong !== undefined) return `entry ${key}: ${wrong}`;
    }
    return undefined;
  }
  return `a ${expected.kind} cannot be compared`;
}

function tensorDifference(actual: Tensor, expected: Tensor, rtol: number, atol: number): string | undefined {
  if (actual.element !== expected.element) return `element type ${actual.element}, not ${expected.element}`;
  if (actual.dims.length !== expected.dims.length || actual.dims.some((d, i) => d !== expected.dims[i])) return `shape [${actual.dims.join(", ")}], not [${expected.dims.join(", ")}]`;
  if (Array.isArray(actual.data) || Array.isArray(expected.data)) {
    const [x, y] = [actual.data as string[], expected.data as string[]];
    const at = x.findIndex((s, i) => s !== y[i]);
    return at < 0 ? undefined : `element ${at}: ${JSON.stringify(x[at])}, not ${JSON.stringify(y[at])}`;
  }
  if (isBigArray(actual.data) && isBigArray(expected.data)) {
    const [x, y] = [actual.data, expected.data];
    for (let i = 0; i < x.length; i++) if (x[i] !== y[i]) return `element ${i}: ${x[i]}, not ${y[i]}`;
    return undefined;
  }
  const exact = isInteger(actual.element);
  const complex = elementKind(actual.element) === "complex";
  const x = complex ? (actual.data as Float32Array) : toNumbers(actual);
  const y = complex ? (expected.data as Float32Array) : toNumbers(expected);
  for (let i = 0; i < x.length; i++) {
    const [a, b] = [x[i] as number, y[i] as number];
    if (a === b || (Number.isNaN(a) && Number.isNaN(b))) continue;
    if (exact || !(Math.abs(a - b) <= atol + rtol * Math.abs(b))) return `element ${i}: ${a}, not ${b}`;
  }
  return undefined;
}

/** Evaluates one case on all of its data sets. Whatever is thrown on the way is the reason why it does not pass. */
export async function backendCase(each: BackendCase, modes: { roundtrip: boolean; optimize: boolean }, task: Task, clock: () => number): Promise<BackendCaseResult> {
  const began = clock();
  const done = (reason: string): BackendCaseResult => ({ passed: reason === "", reason, milliseconds: clock() - began });
  try {
    const source = each.model;
    const open = (from: typeof source, siblings: SiblingFiles | undefined): Graph => importModel(from, { rules: typeRules, task, ...(siblings ? { siblings } : {}) }).graph;
    let graph = open(source, each.siblings);
    const inputNames = graph.root.parameters.map((id) => graph.node(id).outputs[0]!.name);
    if (modes.optimize) {
      const timeline = new Timeline(graph);
      await runPipeline(timeline, "default", { task });
      graph = timeline.head.graph;
    }
    if (modes.roundtrip || modes.optimize) {
      const files = collectFiles(exportOnnx(graph, { name: "model.onnx", task }).files);
      const beside = new Map(files.map((f) => [f.path, f.bytes]));
      graph = open(new MemoryBlob("model.onnx", beside.get("model.onnx")!), (path) => (beside.has(path) ? new MemoryBlob(path, beside.get(path)!) : undefined));
    }
    if (each.sets.length === 0) return done("the case has no test data");
    const outputs = graph.region(rootRegion).outputs;
    for (const set of each.sets) {
      const inputs = new Map<string, Value>();
      for (const [index, bytes] of set.inputs.entries()) {
        const name = inputNames[index];
        if (name === undefined) return done(`${set.name} has ${set.inputs.length} inputs, the model ${inputNames.length}`);
        const type = graph.root.parameters.map((id) => graph.node(id).outputs[0]!).find((o) => o.name === name)?.type;
        inputs.set(name, readValueFile(bytes, type));
      }
      const values = evaluateGraph(graph, inputs, { task, seed: 0 });
      for (const [index, bytes] of set.outputs.entries()) {
        const output = outputs[index];
        if (!output) return done(`${set.name} has ${set.outputs.length} outputs, the model ${outputs.length}`);
        const expected = readValueFile(bytes, graph.type(output.value));
        const wrong = difference(values[index] ?? null, expected, each.rtol ?? defaultRtol, each.atol ?? defaultAtol);
        if (wrong !== undefined) return done(`${set.name}, output ${output.name}: ${wrong}`);
      }
    }
    return done("");
  } catch (error) {
    if (error instanceof GraphwrightError) return done(formatDiagnostic(error.diagnostic));
    if (error instanceof RangeError || error instanceof TypeError) return done(`internal error: ${error.stack ?? error.message}`);
    throw error;
  }
}
