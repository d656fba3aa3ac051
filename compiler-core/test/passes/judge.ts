import * as ort from "onnxruntime-node";
import { exportOnnx, fileBytes } from "../../src/backends/onnx/index.ts";
import { importModel } from "../../src/importers/index.ts";
import type { Graph, NodeOutput } from "../../src/ir/graph.ts";
import { Timeline } from "../../src/ir/timeline.ts";
import { parseGraph } from "../../src/ir/parser.ts";
import { makeTensor, type Tensor, type TensorData, toNumbers } from "../../src/ir/tensor.ts";
import { isTensor, typeRules } from "../../src/ops/index.ts";
import { type DrawMode, drawValue, sizesOf } from "../../src/passes/check/draw.ts";
import type { RewriteOptions } from "../../src/passes/definition.ts";
import { runPipeline } from "../../src/passes/run-pipeline.ts";
import { MemoryBlob } from "../../src/support/blob.ts";
import { Random } from "../../src/support/random.ts";

export type Feeds = Record<string, Tensor>;

const typed = (data: TensorData, element: string): TensorData => (element === "bool" ? Uint8Array.from(data as ArrayLike<number>) : data);

async function load(bytes: Uint8Array): Promise<ort.InferenceSession> {
  return ort.InferenceSession.create(bytes, { graphOptimizationLevel: "disabled", logSeverityLevel: 4 });
}

async function run(session: ort.InferenceSession, feeds: Feeds): Promise<Map<string, Tensor> | string> {
  const inputs = Object.fromEntries(Object.entries(feeds).map(([name, t]) => [name, new ort.Tensor(t.element as "float32", typed(t.data, t.element) as Float32Array, t.dims)]));
  try {
    const results = await session.run(inputs);
    return new Map(Object.entries(results).map(([name, t]) => [name, makeTensor(t.type as "float32", t.dims, t.data as Float32Array)]));
  } catch (error) {
    return (error as Error).message;
  }
}

/** Where two tensors differ by more than rounding, or integers by more than `steps`; NaN equals NaN. */
export function difference(actual: Tensor | undefined, expected: Tensor, tolerance: number, steps = 0): string | undefined {
  if (!actual) return "is missing";
  if (actual.element !== expected.element || actual.dims.join() !== expected.dims.join()) return `is ${actual.element}[${actual.dims.join(", ")}], not ${expected.element}[${expected.dims.join(", ")}]`;
  const [x, y] = [toNumbers(actual), toNumbers(expected)];
  let scale = 0;
  for (const v of y) if (Number.isFinite(v)) scale = Math.max(scale, Math.abs(v));
  for (let i = 0; i < y.length; i++) {
    const same = Object.is(x[i], y[i]) || x[i] === y[i] || Math.abs(x[i]! - y[i]!) <= Math.max(tolerance * scale, expected.element.includes("int") ? steps : 0);
    if (!same) return `element ${i} is ${x[i]}, not ${y[i]}`;
  }
  return undefined;
}

/** A model as its file has it: parsed, written for its operator set, and read back. */
export function modelOf(text: string, opset = 21): { bytes: Uint8Array; graph: Graph } {
  const bytes = fileBytes(exportOnnx(parseGraph(text, { rules: typeRules, info: { opsets: { "": opset } } })).files[0]!);
  return { bytes, graph: importModel(new MemoryBlob("model.onnx", bytes), { rules: typeRules }).graph };
}

export async function optimize(graph: Graph, options: Partial<RewriteOptions> = {}, pipeline = "default"): Promise<{ graph: Graph; applied: Record<string, number> }> {
  const timeline = new Timeline(graph);
  const applied: Record<string, number> = {};
  const report = await runPipeline(timeline, pipeline, { options });
  for (const pass of report.passes) for (const [name, count] of Object.entries(pass.applied)) applied[name] = (applied[name] ?? 0) + count;
  return { graph: timeline.head.graph, applied };
}

/** Input sets that find what goes wrong below zero, at ties, in saturation, at NaN, and at several sizes. */
export function adversarialFeeds(graph: Graph, modes: readonly DrawMode[] = ["normal", "ties", "wide", "special"], count = 6): Feeds[] {
  const sets: Feeds[] = [];
  for (let i = 0; i < count; i++) {
    const feeds: Feeds = {};
    const draw = { mode: modes[i % modes.length]!, random: new Random(100 + i), integers: ([[-8, 8], [1, 3], [-3, 3]] as const)[i % 3]!, size: sizesOf(i) };
    for (const id of graph.root.parameters) {
      const node = graph.node(id);
      // Overridable values: every other time the caller overrides them.
      if (node.kind === "parameter" && node.fallback && i % 2 === 0) continue;
      const value = drawValue(node.outputs[0] as NodeOutput, draw);
      if (isTensor(value as never)) feeds[node.outputs[0]!.name] = value as Tensor;
    }
    sets.push(feeds);
  }
  return sets;
}

export interface Judged {
  /** what is wrong; undefined when every output agrees on every input set */
  readonly problem: string | undefined;
  /** input sets on which the original ran */
  readonly runs: number;
}

/** Runs both models in ONNX Runtime, its own optimizations off, and compares all outputs. */
export async function judge(original: Uint8Array, optimized: Graph, sets: readonly Feeds[], tolerance = 2e-5, steps = 0): Promise<Judged> {
  const [a, b] = [await load(original), await load(fileBytes(exportOnnx(optimized).files[0]!))];
  let runs = 0;
  try {
    if (a.inputNames.join() !== b.inputNames.join() || a.outputNames.join() !== b.outputNames.join()) return { problem: `${b.inputNames.join()} -> ${b.outputNames.join()}, not ${a.inputNames.join()} -> ${a.outputNames.join()}`, runs };
    for (const feeds of sets) {
      const expected = await run(a, feeds);
      // What the original refuses proves nothing.
      if (typeof expected === "string") continue;
      runs++;
      const actual = await run(b, feeds);
      if (typeof actual === "string") return { problem: `set ${runs}: cannot be run: ${actual}`, runs };
      for (const [name, value] of expected) {
        const problem = difference(actual.get(name), value, tolerance, steps);
        if (problem) return { problem: `set ${runs}: ${name} ${problem}`, runs };
      }
    }
    return { problem: undefined, runs };
  } finally {
    await Promise.all([a.release(), b.release()]);
  }
}
