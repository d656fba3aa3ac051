/**
 * The nine real networks: imported, optimized with every step checked, exported, and compared with ONNX Runtime running the
 * original with its own optimizations off.
 */
import { mkdtempSync, openSync, readSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import * as ort from "onnxruntime-node";
import { expect } from "vitest";
import { needs, sharedFolder } from "../../../app/tooling/need.ts";
import { createSession, silentTask, type BlobSource } from "../../src/session/index.ts";
import { Random } from "../../src/support/random.ts";
import { lightFile, lightNames } from "../fixtures/light.ts";

class DiskBlob implements BlobSource {
  readonly name: string;
  readonly size: number;
  private readonly handle: number;

  constructor(file: string) {
    this.name = path.basename(file);
    this.size = statSync(file).size;
    this.handle = openSync(file, "r");
  }

  read(offset: number, length: number): Uint8Array {
    const bytes = new Uint8Array(length);
    readSync(this.handle, bytes, 0, length, offset);
    return bytes;
  }
}

async function outputsOf(file: string, image: Float32Array): Promise<Float32Array[]> {
  const session = await ort.InferenceSession.create(file, { graphOptimizationLevel: "disabled" });
  // Old files list their initializers as inputs too: only the image is fed.
  const name = session.inputNames.find((each) => /data/.test(each)) ?? session.inputNames[0]!;
  const results = await session.run({ [name]: new ort.Tensor("float32", image, [1, 3, 224, 224]) });
  const outputs = session.outputNames.map((each) => Float32Array.from(results[each]!.data as Float32Array));
  await session.release();
  return outputs;
}

/** at least this many times fewer nodes, where the network leaves something to do */
const shrinks: Partial<Record<(typeof lightNames)[number], number>> = { resnet50: 1.9, densenet121: 2.9, inception_v2: 3, shufflenet: 1.4 };

const test = needs("shared");
for (const name of lightNames)
  test(`${name}: every step checked, the result agrees with ONNX Runtime on the original`, { timeout: 300_000 }, async () => {
    const original = lightFile(sharedFolder(), name);
    const session = createSession();
    const { model, timeline } = await session.open({ source: new DiskBlob(original) }, silentTask);
    const result = await session.runPipeline({ model, pipeline: "default", check: true }, silentTask);
    const steps = result.timeline.steps.filter((step) => step.id !== timeline.head);
    expect(steps.length).toBeGreaterThan(0);
    for (const step of steps) expect(["identical", "rounding"], `${step.rewrite} at ${step.site}: ${step.check?.note}`).toContain(step.check?.verdict);
    const [before, after] = [timeline.steps[0]!.cost.nodes, steps.at(-1)!.cost.nodes];
    expect(before / after).toBeGreaterThan(shrinks[name] ?? 1);

    const folder = mkdtempSync(path.join(tmpdir(), "graphwright-light-"));
    try {
      const { files } = await session.exportOnnx({ model, step: result.timeline.head, name: "optimized.onnx" }, silentTask);
      for (const file of files) writeFileSync(path.join(folder, file.path), file.bytes);
      const random = new Random(7);
      const image = Float32Array.from({ length: 3 * 224 * 224 }, () => random.normal());
      const expected = await outputsOf(original, image);
      const actual = await outputsOf(path.join(folder, "optimized.onnx"), image);
      expect(actual.length).toBe(expected.length);
      for (const [i, values] of expected.entries()) {
        // The outputs must tell elements apart, or agreement would mean nothing.
        expect(new Set(values).size).toBeGreaterThan(values.length / 4);
        expect(values.every(Number.isFinite)).toBe(true);
        const scale = values.reduce((m, v) => Math.max(m, Math.abs(v)), 0);
        const worst = values.reduce((m, v, j) => Math.max(m, Math.abs(v - actual[i]![j]!)), 0);
        expect(worst / scale).toBeLessThan(1e-3);
      }
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
