import { join } from "node:path";
import { describe, expect } from "vitest";
import { needs, sharedFolder } from "../../../app/tooling/need.ts";
import { tensorFromBytes, tensorBytes, type Tensor } from "../../src/ir/tensor.ts";
import { Timeline } from "../../src/ir/timeline.ts";
import { runPipeline } from "../../src/passes/run-pipeline.ts";
import { lightFile } from "../fixtures/light.ts";
import { bundleOf, folder, make, open, run, write } from "./on-disk.ts";

/** Outputs by ONNX Runtime on the original file, nothing optimized. */
async function byOnnxRuntime(path: string, inputs: readonly Tensor[]): Promise<Tensor[]> {
  const { InferenceSession, Tensor: OrtTensor } = await import("onnxruntime-node");
  const session = await InferenceSession.create(path, { graphOptimizationLevel: "disabled", intraOpNumThreads: 1 });
  const feeds = Object.fromEntries(session.inputNames.map((name, i) => [name, new OrtTensor("float32", inputs[i]!.data as Float32Array, [...inputs[i]!.dims])]));
  const results = await session.run(feeds);
  return session.outputNames.map((name) => {
    const out = results[name]!;
    return tensorFromBytes("float32", out.dims as number[], tensorBytes({ element: "float32", dims: out.dims as number[], data: out.data as Float32Array }));
  });
}

/**
 * Networks with groups and shuffles, with concatenations at offsets, with residuals: as imported and optimized. The
 * rest of the nine lower the same operators.
 */
describe("light networks as bundles agree with ONNX Runtime on the original", () => {
  const networks = process.env.GRAPHWRIGHT_ALL_NETWORKS ? (["bvlc_alexnet", "densenet121", "inception_v1", "inception_v2", "resnet50", "shufflenet", "squeezenet", "vgg19", "zfnet512"] as const) : (["squeezenet", "shufflenet"] as const);
  needs("gcc", "make", "shared").each(networks.flatMap((name) => [[name, false], [name, true]] as const))("%s, optimized: %s", async (name, optimize) => {
    const path = lightFile(sharedFolder(), name);
    let graph = open(path);
    if (optimize) {
      const timeline = new Timeline(graph);
      await runPipeline(timeline, "default");
      graph = timeline.head.graph;
    }
    const at = folder();
    try {
      const bundle = await bundleOf(graph, { name, evaluate: (inputs) => byOnnxRuntime(path, inputs) });
      expect(bundle.arenaBytes).toBe(bundle.lowerBoundBytes);
      write(bundle.files, at.path);
      expect(make(at.path, "selftest", "-O2")).toEqual({ code: 0, text: "" });
      const result = run(join(at.path, "selftest"), []);
      expect(result.text).toContain("passed: largest error");
      expect(result.code).toBe(0);
    } finally {
      at.done();
    }
  }, 240_000);
});
