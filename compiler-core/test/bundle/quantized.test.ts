/** QDQ networks become integer kernels: rewrites, generated C for every instruction set of this machine, and ONNX Runtime as the judge. */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { needs } from "../../../app/tooling/need.ts";
import { exportOnnx, fileBytes } from "../../src/backends/onnx/index.ts";
import { parseGraph } from "../../src/ir/parser.ts";
import { fromNumbers, type Tensor, toNumbers } from "../../src/ir/tensor.ts";
import { Timeline } from "../../src/ir/timeline.ts";
import { topologicalOrder } from "../../src/ir/order.ts";
import { type Graph, isFused } from "../../src/ir/graph.ts";
import { blockedQLinearConvLowering } from "../../src/ops/support/lower-blocked.ts";
import { typeRules } from "../../src/ops/index.ts";
import { runPipeline } from "../../src/passes/run-pipeline.ts";
import { Random } from "../../src/support/random.ts";
import { interpret } from "../../src/tensor/interpreter.ts";
import { scheduleByRule } from "../../src/tensor/rules.ts";
import { printProgram } from "../../src/tensor/printer.ts";
import { verifyProgram } from "../../src/tensor/verifier.ts";
import { runInC, runnableTargets, sanitizingCompilers } from "../tensor/c-runner.ts";
import { inputsFor, programOf, worstDifference } from "../tensor/lowered.ts";
import { load, type Loaded, run as runSession } from "../passes/runtime.ts";
import { runInWasm } from "../tensor/wasm-runner.ts";
import { wasmTarget } from "../../src/backends/wasm/index.ts";
import { bundleOf, folder, reference, run, selfTest, write } from "./on-disk.ts";

/** Layers as quantizers of other tools write them: a convolution with an activation, one a channel, a residual sum, a pool, a fully connected layer. */
function network(activations: "uint8" | "int8"): Graph {
  const random = new Random(3);
  const list = (count: number, draw: () => number): string => `[${Array.from({ length: count }, draw).join(", ")}]`;
  const weights = (count: number): string => list(count, () => random.below(255) - 127);
  const zero = activations === "uint8" ? 128 : 0;
  const low = activations === "uint8" ? 0 : -128;
  const q = (of: string, to: string, scale: string, z: string): string => `%${to}_q = QuantizeLinear(%${of}, %${scale}, %${z})\n  %${to} = DequantizeLinear(%${to}_q, %${scale}, %${z})`;
  const weight = (name: string, dims: readonly number[], axis: number): string => {
    const [n, count] = [dims[axis]!, dims.reduce((a, b) => a * b, 1)];
    return `%${name}_q = constant int8[${dims.join(", ")}] ${weights(count)}
  %${name}_s = constant float32[${n}] ${list(n, () => (1 + random.below(9)) / 1024)}
  %${name}_z = constant int8[${n}] splat(0)
  %${name} = DequantizeLinear(%${name}_q, %${name}_s, %${name}_z) {axis = ${axis}}`;
  };
  return parseGraph(
    `graph @main(%x: float32[1, 3, 9, 9]) -> (%y: float32[1, 10]) {
  %s = constant float32[] [0.03125]
  %z = constant ${activations}[] [${zero}]
  %p = constant float32[] [0.0625]
  %l = constant ${activations}[] [${low}]
  ${q("x", "a", "s", "z")}
  ${weight("w1", [16, 3, 3, 3], 0)}
  %b1 = constant float32[16] random(5)
  %c1 = Conv(%a, %w1, %b1) {pads = [1, 1, 1, 1]}
  %r1 = Relu(%c1)
  ${q("r1", "d1", "p", "l")}
  ${weight("w2", [16, 1, 3, 3], 0)}
  %c2 = Conv(%d1, %w2) {group = 16, pads = [1, 1, 1, 1]}
  ${q("c2", "d2", "s", "z")}
  ${weight("w3", [16, 16, 3, 3], 0)}
  %c3 = Conv(%d2, %w3) {pads = [1, 1, 1, 1]}
  ${q("c3", "d3", "p", "z")}
  %sum = Add(%d3, %d1)
  ${q("sum", "d4", "p", "z")}
  %m = MaxPool(%d4) {kernel_shape = [3, 3], strides = [3, 3]}
  ${q("m", "d5", "p", "z")}
  %f = Flatten(%d5)
  ${q("f", "d6", "p", "z")}
  ${weight("w4", [10, 144], 0)}
  %b4 = constant float32[10] random(6)
  %g = Gemm(%d6, %w4, %b4) {transB = 1}
  ${q("g", "y", "p", "z")}
  return %y
}`,
    { rules: typeRules },
  );
}

/** Operators in the graph and in its groups. */
const operatorsOf = (graph: Graph): string[] =>
  topologicalOrder(graph, 0).flatMap((id) => {
    const node = graph.operator(id);
    if (!node) return [];
    return isFused(node) ? topologicalOrder(graph, node.regions.body!).flatMap((inner) => graph.operator(inner)?.op ?? []) : [node.op];
  });

describe.each(["uint8", "int8"] as const)("a network of %s activations", (activations) => {
  const original = network(activations);
  const step = 0.0625;
  const kernels = async (): Promise<Graph> => {
    const timeline = new Timeline(original);
    await runPipeline(timeline, "quantized");
    await runPipeline(timeline, "kernels");
    return timeline.head.graph;
  };
  const input = (): Tensor => {
    const random = new Random(9);
    return fromNumbers("float32", [1, 3, 9, 9], Float64Array.from({ length: 243 }, () => random.normal()));
  };

  test("is integers from the first convolution to the last product, and agrees with ONNX Runtime up to one step of the output", async () => {
    const graph = await kernels();
    const operators = operatorsOf(graph);
    expect(operators.filter((op) => op === "BlockedQLinearConv")).toHaveLength(4);
    for (const op of ["Conv", "Gemm", "QLinearConv"]) expect(operators, op).not.toContain(op);
    const session = (await load(fileBytes(exportOnnx(original).files[0]!))) as Loaded;
    const judged = toNumbers(((await runSession(session, new Map([["x", input()]]))) as Map<string, Tensor>).get("y")!);
    await session.release();
    const ours = toNumbers(reference(graph)([input()])[0]!);
    const off = Array.from(ours, (v, i) => Math.abs(v - Number(judged[i])) / step);
    // The runtime's float sums may fall on the other side of a tie in each layer.
    expect(Math.max(...off)).toBeLessThanOrEqual(1 + 1e-6);
    expect(off.filter((d) => d > 0.5).length).toBeLessThanOrEqual(2);
  });

  if (activations === "int8") needs("gcc", "make")("its bundle keeps bytes, and its self-test passes", async () => {
    const at = folder();
    try {
      const graph = await kernels();
      const bundle = await bundleOf(graph, { name: "quantized" });
      write(bundle.files, at.path);
      expect(selfTest(at.path, "-O0 -Wall -Wextra -Wpedantic")).toEqual({ code: 0, text: expect.stringContaining("passed: largest error") as string });
    } finally {
      at.done();
    }
  }, 120_000);

  if (activations === "uint8") needs("aarch64-linux-gnu-gcc", "qemu-aarch64-static")("its bundle computes with each of AArch64's dot products, emulated", async () => {
    const at = folder();
    try {
      write((await bundleOf(await kernels(), { name: "quantized" })).files, at.path);
      for (const instructions of ["armv8.2-a+dotprod", "armv8.2-a+dotprod+i8mm"]) {
        const sources = readdirSync(join(at.path, "src")).filter((f) => f.endsWith(".c")).map((f) => `src/${f}`);
        expect(run("aarch64-linux-gnu-gcc", ["-std=c99", "-O0", "-Wall", "-Wextra", "-Wpedantic", "-Werror", `-march=${instructions}`, "-Iinclude", "-Itest", "-static", "-pthread", "-o", "selftest", "test/selftest.c", ...sources, "-lm"], at.path)).toEqual({ code: 0, text: "" });
        expect(run("qemu-aarch64-static", ["-cpu", "max", "./selftest"], at.path), instructions).toEqual({ code: 0, text: expect.stringContaining("passed: largest error") as string });
      }
    } finally {
      at.done();
    }
  }, 120_000);
});

describe("products of data that a run quantizes", () => {
  const random = new Random(4);
  const weights = (count: number, low: number, high: number): string => `[${Array.from({ length: count }, () => low + random.below(high - low + 1)).join(", ")}]`;
  const original = parseGraph(
    `graph @main(%x: float32[5, 32], %i: float32[1, 4, 6, 6]) -> (%y: float32[5, 24], %u: int32[5, 24], %c: int32[1, 16, 6, 6]) {
  %q, %s, %z = DynamicQuantizeLinear(%x)
  %w = constant int8[32, 24] ${weights(768, -127, 127)}
  %wz = constant int8[] [0]
  %p = MatMulInteger(%q, %w, %z, %wz)
  %f = Cast(%p) {to = 1}
  %ws = constant float32[24] random(2)
  %t = Mul(%s, %ws)
  %y = Mul(%f, %t)
  %v = constant uint8[32, 24] ${weights(768, 0, 255)}
  %vz = constant uint8[] [100]
  %u = MatMulInteger(%q, %v, %z, %vz)
  %iq, %is, %iz = DynamicQuantizeLinear(%i)
  %k = constant uint8[16, 4, 3, 3] ${weights(576, 1, 255)}
  %kz = constant uint8[] [128]
  %c = ConvInteger(%iq, %k, %iz, %kz) {pads = [1, 1, 1, 1]}
  return %y, %u, %c
}`,
    { rules: typeRules },
  );
  const inputs = ([[5, 32], [1, 4, 6, 6]] as const).map((dims) => fromNumbers("float32", dims, Float64Array.from({ length: dims.reduce<number>((a, b) => a * b, 1) }, () => random.normal())));
  const kernels = async (): Promise<Graph> => {
    const timeline = new Timeline(original);
    await runPipeline(timeline, "kernels");
    return timeline.head.graph;
  };

  test("take the zero point of the run, and agree with ONNX Runtime; filters far from 0 stay as they are", async () => {
    const graph = await kernels();
    const operators = operatorsOf(graph);
    expect(operators.filter((op) => op === "BlockedQLinearConv")).toHaveLength(2);
    expect(operators.filter((op) => op === "MatMulInteger" || op === "ConvInteger")).toHaveLength(1);
    const session = (await load(fileBytes(exportOnnx(original).files[0]!))) as Loaded;
    const judged = (await runSession(session, new Map([["x", inputs[0]!], ["i", inputs[1]!]]))) as Map<string, Tensor>;
    await session.release();
    for (const [i, name] of ["y", "u", "c"].entries()) expect(worstDifference(reference(graph)(inputs)[i]!, judged.get(name)!), name).toBeLessThan(i === 0 ? 1e-3 : 0.5);
  });

  needs("gcc", "make")("their bundle passes its self-test", async () => {
    const at = folder();
    try {
      write((await bundleOf(await kernels(), { name: "dynamic" })).files, at.path);
      expect(selfTest(at.path, "-O0 -Wall -Wextra -Wpedantic")).toEqual({ code: 0, text: expect.stringContaining("passed: largest error") as string });
    } finally {
      at.done();
    }
  }, 120_000);
});

describe("products of bytes", () => {
  const cases = [
    { name: "blocks of 16, padded columns", inputs: [[1, 1, 3, 6, 16], [2, 1, 2, 2, 4, 16, 4], [2, 16], [2, 16]], output: [1, 2, 2, 5, 16], attributes: { zero: 128, to: 2 }, elements: ["uint8", "int8", "int32", "float32"], element: "uint8" },
    { name: "signed, with strides", inputs: [[2, 1, 5, 5, 4], [1, 1, 3, 3, 1, 16, 4], [1, 16], [1, 16]], output: [2, 1, 2, 2, 16], attributes: { shift: 128, to: 3, strides: [2, 2] }, elements: ["int8", "int8", "int32", "float32"], element: "int8" },
    { name: "one filter a channel", inputs: [[1, 2, 4, 9, 16], [2, 3, 3, 16], [2, 16], [2, 16]], output: [1, 2, 2, 7, 16], attributes: { zero: 3, to: 2 }, elements: ["uint8", "int8", "int32", "float32"], element: "uint8" },
    { name: "sums alone, of rows of a matrix", inputs: [[9, 2, 1, 1, 16], [3, 2, 1, 1, 4, 16, 4], [3, 16]], output: [9, 3, 1, 1, 16], attributes: { to: 6 }, elements: ["uint8", "int8", "int32"], element: "int32" },
  ] as const;
  const programs = cases.map((c) => ({ name: c.name, program: programOf(blockedQLinearConvLowering, { op: "BlockedQLinearConv", ...c, weights: [1, 2, 3] }) }));

  test("a dot product of four is one instruction, and every schedule means the same", () => {
    for (const target of runnableTargets())
      for (const { name, program } of programs) {
        const { program: scheduled } = scheduleByRule(program, target);
        expect(verifyProgram(scheduled), name).toEqual([]);
        if (target.vectorLanes > 1) expect(printProgram(scheduled).text.includes("in dot(4)"), name).toBe(program.parameters[1]!.dims.length === 7);
        const inputs = inputsFor(program);
        expect(worstDifference(interpret(program, inputs)[0]!, interpret(scheduled, inputs)[0]!), name).toBe(0);
      }
  });

  test("their WebAssembly gives the same numbers", async () => {
    const outputs = await runInWasm(programs.map(({ program }) => ({ program: scheduleByRule(program, wasmTarget).program, inputs: inputsFor(program) })), 0);
    for (const [i, { name, program }] of programs.entries()) expect(worstDifference(outputs[i]![0]!, interpret(program, inputsFor(program))[0]!), name).toBe(0);
  });

  needs("gcc")("their C gives the same bits for every instruction set, with no undefined behaviour", () => {
    for (const target of runnableTargets()) {
      const made = programs.map(({ program }) => ({ program: scheduleByRule(program, target).program, inputs: inputsFor(program) }));
      const outputs = runInC(made, { compiler: "gcc", target, flags: sanitizingCompilers.includes("gcc") ? ["-O0", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"] : ["-O0"] });
      for (const [i, { name, program }] of programs.entries()) expect(worstDifference(outputs[i]![0]!, interpret(program, inputsFor(program))[0]!), `${target.name}: ${name}`).toBe(0);
    }
  }, 120_000);
});
