import { fromBinary } from "@bufbuild/protobuf";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { InferenceSession, Tensor as OrtTensor } from "onnxruntime-node";
import { describe, expect } from "vitest";
import { needs } from "../../../app/tooling/need.ts";
import { exportOnnx, fileBytes } from "../../src/backends/onnx/index.ts";
import { importOnnx } from "../../src/importers/onnx/index.ts";
import { ModelProtoSchema } from "../../src/importers/onnx/onnx_pb.ts";
import { readValueFile } from "../../src/importers/onnx/tensor-file.ts";
import { printGraph, verifyGraph } from "../../src/ir/index.ts";
import { isTensor, typeRules } from "../../src/ops/index.ts";
import { MemoryBlob } from "../../src/support/blob.ts";
import { firstDifference, isConverted, meaning, sharedModels, siblingsOf } from "./models.ts";

const test = needs("shared");

describe("import, export: nothing changes", () => {
  test("every shared model says the same after the way through the graph", () => {
    const models = sharedModels();
    expect(models.length).toBeGreaterThan(1000);
    const different: string[] = [];
    let exact = 0;
    for (const [name, path] of models) {
      const bytes = readFileSync(path);
      const before = fromBinary(ModelProtoSchema, bytes);
      const { graph, diagnostics } = importOnnx(new MemoryBlob(name, bytes), { rules: typeRules, siblings: siblingsOf(path) });
      expect(diagnostics.filter((d) => d.severity === "error"), name).toEqual([]);
      expect(verifyGraph(graph), name).toEqual([]);
      const exported = exportOnnx(graph);
      const file = fileBytes(exported.files[0]!);
      const again = importOnnx(new MemoryBlob(name, file), { rules: typeRules }).graph;
      // What older versions say in other words may come back in other words; the numbers are checked below.
      if (isConverted(before)) continue;
      exact++;
      const text = printGraph(graph, { full: true, inlineElements: 64 });
      if (printGraph(again, { full: true, inlineElements: 64 }) !== text) different.push(`${name}: its text is another after the second import`);
      const said = firstDifference(meaning(before), meaning(fromBinary(ModelProtoSchema, file)));
      if (said !== undefined) different.push(`${name}: ${said}`);
    }
    expect(different).toEqual([]);
    expect(exact).toBeGreaterThan(900);
  }, 120_000);

  test("ONNX Runtime gives the same bits for the exported models", async () => {
    const models = sharedModels().filter(([name], index) => !name.startsWith("light") && (index % 12 === 0 || name.startsWith("simple") || name.startsWith("pytorch-")));
    const different: string[] = [];
    let compared = 0;
    for (const [name, path] of models) {
      const bytes = readFileSync(path);
      // Cases with operators that this runtime lacks say nothing about the export.
      const before = await session(bytes);
      if (!before) continue;
      const feeds = testInputs(path, before.inputNames);
      if (!feeds) continue;
      const { graph } = importOnnx(new MemoryBlob(name, bytes), { rules: typeRules, siblings: siblingsOf(path) });
      const file = fileBytes(exportOnnx(graph).files[0]!);
      const after = await session(file);
      if (!after) {
        different.push(`${name}: ONNX Runtime does not load the exported model`);
        continue;
      }
      const expected = await run(before, feeds);
      const actual = await run(after, feeds);
      if (!expected) continue;
      const nondeterministic = graph.info.opsets[""] !== undefined && [...graph].some((n) => n.kind === "operator" && /^(Random|Bernoulli|Multinomial|Dropout)/.test(n.op));
      if (nondeterministic) continue;
      compared++;
      if (!actual) different.push(`${name}: the exported model does not run`);
      else for (const output of before.outputNames) if (!sameBits(expected[output]!, actual[output]!)) different.push(`${name}: output ${output} differs`);
    }
    expect(different).toEqual([]);
    expect(compared).toBeGreaterThan(50);
  }, 180_000);
});

async function session(bytes: Uint8Array): Promise<InferenceSession | undefined> {
  try {
    return await InferenceSession.create(bytes, { graphOptimizationLevel: "disabled", intraOpNumThreads: 1, logSeverityLevel: 4 });
  } catch {
    return undefined;
  }
}

async function run(model: InferenceSession, feeds: Record<string, OrtTensor>): Promise<Record<string, OrtTensor> | undefined> {
  try {
    return (await model.run(feeds)) as Record<string, OrtTensor>;
  } catch {
    return undefined;
  }
}

/** The first data set of a case, or undefined when it is not all plain tensors. */
function testInputs(path: string, names: readonly string[]): Record<string, OrtTensor> | undefined {
  const feeds: Record<string, OrtTensor> = {};
  for (const [index, name] of names.entries()) {
    const file = join(dirname(path), "test_data_set_0", `input_${index}.pb`);
    if (!existsSync(file)) return undefined;
    let value;
    try {
      value = readValueFile(readFileSync(file));
    } catch {
      return undefined;
    }
    if (!isTensor(value) || !(value.element in ortTypes)) return undefined;
    feeds[name] = new OrtTensor(value.element as "float32", value.data as Float32Array, value.dims);
  }
  return feeds;
}

const ortTypes: Readonly<Record<string, true>> = { float32: true, float64: true, int8: true, uint8: true, int16: true, uint16: true, int32: true, uint32: true, int64: true, uint64: true, bool: true, string: true };

function sameBits(a: OrtTensor, b: OrtTensor): boolean {
  if (a.type !== b.type || a.dims.join() !== b.dims.join()) return false;
  if (a.type === "string") return (a.data as string[]).every((s, i) => s === (b.data as string[])[i]);
  const bytes = (t: OrtTensor): Buffer => Buffer.from((t.data as Float32Array).buffer, (t.data as Float32Array).byteOffset, (t.data as Float32Array).byteLength);
  return bytes(a).equals(bytes(b));
}
