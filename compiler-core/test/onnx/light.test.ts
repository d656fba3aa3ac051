import { closeSync, fstatSync, mkdtempSync, openSync, readSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { InferenceSession, Tensor } from "onnxruntime-node";
import { describe, expect } from "vitest";
import { needs, sharedFolder } from "../../../app/tooling/need.ts";
import { exportOnnx } from "../../src/backends/onnx/index.ts";
import { importOnnx } from "../../src/importers/onnx/index.ts";
import { verifyGraph } from "../../src/ir/index.ts";
import { typeRules } from "../../src/ops/index.ts";
import type { BlobSource } from "../../src/support/blob.ts";
import { Random } from "../../src/support/random.ts";
import { lightFile, type LightName, writeExported } from "../fixtures/light.ts";

/** The ones below 110 MB: the others say nothing more about the format. */
const networks: readonly LightName[] = ["squeezenet", "shufflenet", "inception_v1", "inception_v2", "densenet121", "resnet50"];

/** A file on disk that counts what is read of it. */
class FileBlob implements BlobSource {
  readonly name: string;
  readonly size: number;
  bytesRead = 0;
  private readonly handle: number;

  constructor(path: string) {
    this.name = path;
    this.handle = openSync(path, "r");
    this.size = fstatSync(this.handle).size;
  }

  read(offset: number, length: number): Uint8Array {
    const bytes = new Uint8Array(length);
    this.bytesRead += readSync(this.handle, bytes, 0, length, offset);
    return bytes;
  }

  close(): void {
    closeSync(this.handle);
  }
}

const input = (): Tensor => {
  const random = new Random(3);
  return new Tensor("float32", Float32Array.from({ length: 3 * 224 * 224 }, () => random.normal()), [1, 3, 224, 224]);
};

async function outputsOf(path: string): Promise<Float32Array> {
  const session = await InferenceSession.create(path, { graphOptimizationLevel: "disabled", logSeverityLevel: 3 });
  const results = await session.run({ [session.inputNames[0]!]: input() });
  const data = results[session.outputNames[0]!]!.data as Float32Array;
  await session.release();
  return data;
}

describe("light networks with seeded weights", () => {
  needs("shared").each(networks)("%s: outputs tell elements apart; import and export change no bit of them", async (name) => {
    const path = lightFile(sharedFolder(), name);
    const expected = await outputsOf(path);
    expect(expected.length).toBe(1000);
    expect(expected.every(Number.isFinite)).toBe(true);
    // A rectifier before the last layer makes some of them zero.
    expect(new Set(expected).size).toBeGreaterThan(700);

    const source = new FileBlob(path);
    const folder = mkdtempSync(join(tmpdir(), "graphwright-light-"));
    try {
      const { graph, diagnostics } = importOnnx(source, { rules: typeRules });
      expect(source.bytesRead).toBeLessThan(source.size / 5);
      expect(diagnostics.filter((d) => d.severity !== "info")).toEqual([]);
      expect(verifyGraph(graph)).toEqual([]);
      const [file] = exportOnnx(graph, { name: "again.onnx" }).files;
      writeExported(join(folder, "again.onnx"), file!);
      const actual = await outputsOf(join(folder, "again.onnx"));
      expect(Buffer.from(actual.buffer).equals(Buffer.from(expected.buffer))).toBe(true);
    } finally {
      source.close();
      rmSync(folder, { recursive: true });
    }
  }, 120_000);
});
