import { exportOnnx } from "../backends/onnx/index.ts";
import { findLibrary } from "../backends/c/libraries.ts";
import { buildBundle, buildWasmBundle, bytesFile, fileBytes, sha256Of } from "../bundle/index.ts";
import { evaluateGraphAsync } from "../evaluate/index.ts";
import type { Graph } from "../ir/graph.ts";
import type { Tensor } from "../ir/tensor.ts";
import { type StepId, Timeline } from "../ir/timeline.ts";
import { isTensor, type Value } from "../ops/index.ts";
import type { RewriteOptions } from "../passes/definition.ts";
import { runPipeline } from "../passes/run-pipeline.ts";
import type { BlobSource } from "../support/blob.ts";
import { GraphwrightError } from "../support/diagnostic.ts";
import type { Task } from "../support/task.ts";
import { collectFiles } from "./files.ts";
import { recipeOf } from "./history.ts";
import type { Model } from "./model.ts";
import { chooserOf, evidenceOf } from "../tuner/index.ts";
import type { BuildResult, BuildTarget, Tuning } from "./protocol.ts";
import { sizedGraph } from "./sized-graph.ts";
import { compilerVersion } from "./version.ts";

const hashPiece = 1 << 22;

/** Reads a source piece by piece. */
function* pieces(source: BlobSource, task: Task): Iterable<Uint8Array> {
  for (let at = 0; at < source.size; at += hashPiece) {
    task.check();
    yield source.read(at, Math.min(hashPiece, source.size - at));
  }
}

/** Loops whose turns have more operators together stay loops in generated code. */
const unrolledOperators = 512;

/** Convolutions and products with all their multiplications: sums of rounded products, nothing else. */
export const direct: Partial<RewriteOptions> = { winograd: 0, strassen: 0 };

/** The kernels of a step, on a timeline of their own: small control flow taken apart where there is some, then layouts, packed weights, one group a kernel. */
export async function chooseKernels(graph: Graph, task: Task, skip: readonly string[] = [], options: Partial<RewriteOptions> = {}): Promise<Timeline> {
  const kernels = new Timeline(graph);
  if ([...graph].some((node) => node.kind === "operator" && (["If", "Loop", "Scan"].includes(node.op) || graph.functionOf(node) !== undefined))) await runPipeline(kernels, "unroll", { task, options: { unrolledOperators, ...options } });
  await runPipeline(kernels, "kernels", { task, skip, options });
  return kernels;
}

/** The deployment bundle of a step. Throws "not-lowered" before anything is made, naming each node that stands in the way. */
export async function buildFiles(model: Model, step: StepId, { name, target, library: libraryName, max, strict, tuning }: { name: string; target: BuildTarget; library?: string; max?: Readonly<Record<string, number>>; strict?: boolean; tuning?: Tuning }, task: Task): Promise<BuildResult> {
  const library = libraryName === undefined ? undefined : findLibrary(libraryName);
  if (library && target !== "c") throw new GraphwrightError("usage", `code for ${target} cannot call ${library.title}.`, undefined, "Build for C.");
  if (tuning && target !== "c") throw new GraphwrightError("usage", `schedules are measured for C, not for ${target}.`, undefined, "Build for C.");
  const graph = model.graph(step);
  const names = graph.root.parameters.map((id) => graph.node(id).outputs[0]!.name);
  const onnx = collectFiles(exportOnnx(graph, { name: "model.onnx", task }).files);
  // Kernels are chosen on a timeline of their own: the step itself stays as it is, and the ONNX file beside the code too.
  const choose = (g: Graph, options?: Partial<RewriteOptions>): Promise<Timeline> => chooseKernels(g, task, library?.replaces, { ...(strict ? direct : {}), ...options });
  const { graph: kernels, sized } = max && Object.keys(max).length > 0 ? await sizedGraph(graph, max, choose, task) : { graph: (await choose(graph)).head.graph, sized: undefined };
  const bundle = await (target === "wasm" ? buildWasmBundle : buildBundle)(kernels, {
    name,
    compilerVersion,
    task,
    ...(library ? { library } : {}),
    ...(sized ? { sized } : {}),
    ...(tuning ? { tuning: { schedules: chooserOf(tuning.entries), evidence: evidenceOf(tuning.entries, tuning.machine) } } : {}),
    recipe: (await recipeOf(model, step, task)).recipe,
    sourceSha256: sha256Of(pieces(model.source, task)),
    model: onnx.map((file) => bytesFile(file.path, file.bytes)),
    evaluate: async (inputs): Promise<readonly Tensor[]> => {
      const given = new Map<string, Value>(names.map((input, index) => [input, inputs[index]!]));
      const values = await evaluateGraphAsync(graph, given, { task });
      return values.map((value, index) => {
        if (isTensor(value)) return value;
        throw new GraphwrightError("not-lowered", `the output ${JSON.stringify(graph.root.outputs[index]!.name)} is not a tensor.`);
      });
    },
  });
  return {
    files: bundle.files.map((file) => {
      task.check();
      return { path: file.path, bytes: fileBytes(file) };
    }),
    arenaBytes: bundle.arenaBytes,
    lowerBoundBytes: bundle.lowerBoundBytes,
    weightBytes: bundle.weightBytes,
    notes: bundle.notes,
  };
}
