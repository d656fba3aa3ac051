import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { needs, sharedFolder } from "../../../app/tooling/need.ts";
import { evaluateGraph } from "../../src/evaluate/index.ts";
import { importModel } from "../../src/importers/index.ts";
import { parseGraph } from "../../src/ir/parser.ts";
import { toNumbers, type Tensor } from "../../src/ir/tensor.ts";
import { typeRules } from "../../src/ops/index.ts";
import { compareTensors } from "../../src/passes/check/compare.ts";
import { drawInputs } from "../../src/session/run.ts";
import { createSession, silentTask } from "../../src/session/index.ts";
import { WasmAccelerator } from "../../src/session/wasm-accelerator.ts";
import { MemoryBlob } from "../../src/support/blob.ts";
import { exportOnnx, fileBytes } from "../../src/backends/onnx/index.ts";
import { lightFile } from "../fixtures/light.ts";

const graphOf = (text: string) => parseGraph(text, { rules: typeRules, info: { opsets: { "": 21 } } });

/** Largest difference of the first output as a share of its largest magnitude, and what ran as WebAssembly. */
async function compared(text: string): Promise<{ error: number; accelerated: Readonly<Record<string, number>>; reference: Readonly<Record<string, { reason: string }>> }> {
  const graph = graphOf(text);
  const inputs = drawInputs(graph, new Map(), 1);
  const accelerator = await WasmAccelerator.create(0);
  const [fast] = evaluateGraph(graph, inputs, { accelerator }) as Tensor[];
  const [slow] = evaluateGraph(graph, inputs) as Tensor[];
  expect(fast!.dims).toEqual(slow!.dims);
  const { maxAbs, scale, mismatch } = compareTensors(slow!, fast!);
  expect(mismatch).toBeUndefined();
  return { error: scale === 0 ? maxAbs : maxAbs / scale, ...accelerator.report() };
}

describe("nodes evaluated as WebAssembly", () => {
  test("a convolution with groups, strides and padding", async () => {
    const { error, accelerated } = await compared(`graph @main(%x: float32[2, 6, 19, 17]) -> (%y) {
      %w = constant float32[9, 2, 3, 3] random(1)
      %b = constant float32[9] random(2)
      %y = Conv(%x, %w, %b) {group = 3, strides = [2, 1], pads = [1, 0, 2, 1]}
      return %y
    }`);
    expect(accelerated).toEqual({ Conv: 1 });
    expect(error).toBeLessThan(1e-6);
  });

  test("sizes that only the values have, shapes that only a run computes", async () => {
    const { error, accelerated } = await compared(`graph @main(%x: float32[B, 3, 8]) -> (%y) {
      %s = constant int64[3] [0, 8, -1]
      %r = Reshape(%x, %s)
      %m = MatMul(%x, %r)
      %y = Softmax(%m)
      return %y
    }`);
    expect(accelerated).toEqual({ Reshape: 1, MatMul: 1, Softmax: 1 });
    expect(error).toBeLessThan(1e-6);
  });

  test.each(["float16", "bfloat16", "float64"])("%s values, and a table of places", async (element) => {
    const { error, accelerated } = await compared(`graph @main(%x: ${element}[1, 8, 12, 12]) -> (%y) {
      %w = constant ${element}[12, 16] random(1)
      %scales = constant float32[4] [1, 1, 2.5, 2.5]
      %m = MatMul(%x, %w)
      %y = Resize(%m, _, %scales) {mode = "linear"}
      return %y
    }`);
    expect(accelerated).toEqual({ MatMul: 1, Resize: 1 });
    expect(error).toBeLessThan({ float16: 2e-3, bfloat16: 1.6e-2 }[element] ?? 1e-12);
  });

  test("tables larger than a page", async () => {
    const { error, accelerated } = await compared(`graph @main(%x: float32[1, 1, 2, 9000]) -> (%y) {
      %sizes = constant int64[4] [1, 1, 2, 30001]
      %y = Resize(%x, _, _, %sizes) {mode = "cubic"}
      return %y
    }`);
    expect(accelerated).toEqual({ Resize: 1 });
    expect(error).toBeLessThan(1e-6);
  });

  test("inside the body of a loop, one kernel for all iterations", async () => {
    const { accelerated, error } = await compared(`graph @main(%x: float32[4, 4]) -> (%y) {
      %n = constant int64[] [5]
      %yes = constant bool[] [true]
      %y = Loop(%n, %yes, %x) body (%i: int64[], %c: bool[], %v) {
        %p = MatMul(%v, %x)
        %w = Tanh(%p)
        return %c, %w
      }
      return %y
    }`);
    expect(error).toBeLessThan(1e-5);
    expect(accelerated["MatMul"]).toBe(5);
  });

  test("what has no lowering is left to its own evaluation, and named", async () => {
    const { reference } = await compared(`graph @main(%x: float32[3, 3]) -> (%y) {
      %y = NonZero(%x)
      return %y
    }`);
    expect(reference["NonZero"]?.reason).toMatch(/no lowering/);
  });

  test("a large model's run says what ran how; a small one loads nothing", async () => {
    const session = createSession();
    const open = async (side: number) => {
      const graph = graphOf(`graph @main(%x: float32[${side}, 256]) -> (%y) {\n %w = constant float32[256, 512] random(1)\n %m = MatMul(%x, %w)\n %y = Relu(%m)\n return %y\n}`);
      return session.open({ source: new MemoryBlob("m.onnx", fileBytes(exportOnnx(graph).files[0]!)) }, silentTask);
    };
    const [large, small] = [await open(512), await open(2)];
    const heavy = await session.run({ model: large.model, step: 0, seed: 1 }, silentTask);
    expect(heavy.engine?.accelerated).toEqual({ MatMul: 1 });
    const check = await session.compare({ a: { model: large.model, step: 0 }, b: { model: large.model, step: 0 }, seeds: 1 }, silentTask);
    expect(check.engine?.accelerated.MatMul).toBeGreaterThan(1);
    const reference = await session.run({ model: large.model, step: 0, seed: 1, engine: "reference" }, silentTask);
    expect(reference.engine).toBeUndefined();
    expect(Math.max(...heavy.outputs[0]!.values.map((v, i) => Math.abs(v - reference.outputs[0]!.values[i]!)))).toBeLessThan(1e-4);
    expect((await session.run({ model: small.model, step: 0, seed: 1 }, silentTask)).engine).toBeUndefined();
  });

  needs("shared")("a network agrees with the reference evaluator", { timeout: 120_000 }, async () => {
    const { graph } = importModel(new MemoryBlob("squeezenet.onnx", readFileSync(lightFile(sharedFolder(), "squeezenet"))), { rules: typeRules });
    const inputs = drawInputs(graph, new Map(), 1);
    const accelerator = await WasmAccelerator.create();
    const [fast] = evaluateGraph(graph, inputs, { accelerator }) as Tensor[];
    const [slow] = evaluateGraph(graph, inputs) as Tensor[];
    const largest = Math.max(...toNumbers(slow!));
    expect(compareTensors(slow!, fast!).maxAbs).toBeLessThan(1e-5 * largest);
    expect(accelerator.report().accelerated["Conv"]).toBeGreaterThan(20);
  });
});
