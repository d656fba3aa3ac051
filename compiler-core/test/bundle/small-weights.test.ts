/** Weights in fewer bits stay so: rewrites, one kernel each in C for every instruction set and in WebAssembly, and ONNX Runtime as the judge. */
import { describe, expect, test } from "vitest";
import { needs } from "../../../app/tooling/need.ts";
import { exportOnnx, fileBytes } from "../../src/backends/onnx/index.ts";
import { wasmTarget } from "../../src/backends/wasm/index.ts";
import { lowerGraph, operatorLowering } from "../../src/bundle/lower-graph.ts";
import type { Graph } from "../../src/ir/graph.ts";
import { parseGraph } from "../../src/ir/parser.ts";
import { fromNumbers, type Tensor, toNumbers } from "../../src/ir/tensor.ts";
import { Timeline } from "../../src/ir/timeline.ts";
import { typeRules } from "../../src/ops/index.ts";
import { runPipeline } from "../../src/passes/run-pipeline.ts";
import { Random } from "../../src/support/random.ts";
import { silentTask } from "../../src/support/task.ts";
import { interpret } from "../../src/tensor/interpreter.ts";
import { lowerNode } from "../../src/tensor/lower-node.ts";
import type { TensorProgram } from "../../src/tensor/program.ts";
import type { ScheduleTarget } from "../../src/tensor/target.ts";
import { load, type Loaded, run as runSession } from "../passes/runtime.ts";
import { runInC, runnableTargets } from "../tensor/c-runner.ts";
import { runInWasm } from "../tensor/wasm-runner.ts";
import { reference } from "./on-disk.ts";

const random = new Random(5);
const list = (count: number, draw: () => number): string => `[${Array.from({ length: count }, draw).join(", ")}]`;
const numbers = (count: number, low: number, high: number): string => list(count, () => low + random.below(high - low + 1));
const scales = (count: number): string => list(count, () => (1 + random.below(30)) / 512);
const halves = (count: number): string => list(count, () => (random.below(2048) - 1024) / 1024);

interface Case {
  readonly name: string;
  /** of the input */
  readonly dims: readonly number[];
  readonly body: string;
  readonly element?: string;
  /** bytes of the constants that the kernels keep, at most */
  readonly bytes: number;
  /** is its code compiled too? Of like ones one is. */
  readonly compiled?: boolean;
}

const product = (element: string, values: string, { rows = 64, columns = 40, scale, zero, more = "" }: { rows?: number; columns?: number; scale?: string; zero?: string; more?: string } = {}): string =>
  `%q = constant ${element}[${rows}, ${columns}] ${values}
  ${scale ?? ""}
  ${zero ?? ""}
  %w = ${element.includes("float") ? "Cast(%q) {to = 1}" : `DequantizeLinear(%q, %s${zero ? ", %z" : ""})${more}`}
  %y = MatMul(%x, %w)`;

const cases: readonly Case[] = [
  { compiled: true, name: "float16 and a Cast", dims: [7, 64], body: product("float16", halves(2560)), bytes: 2 * 64 * 48 },
  { compiled: true, name: "float16 below the normal numbers", dims: [1, 32], body: `%q = constant float16[32, 16] ${list(512, () => random.below(9) * 2 ** -24)}\n  %w = Cast(%q) {to = 1}\n  %y = MatMul(%x, %w)`, bytes: 1024 },
  { compiled: true, name: "bfloat16 and a Cast", dims: [7, 64], body: product("bfloat16", list(2560, () => (random.below(256) - 128) / 128)), bytes: 2 * 64 * 48 },
  { name: "int8, a scale a column", dims: [1, 64], body: product("int8", numbers(2560, -128, 127), { scale: `%s = constant float32[40] ${scales(40)}`, more: " {axis = 1}" }), bytes: 64 * 48 + 4 * 48 },
  { compiled: true, name: "uint8, a zero point a column", dims: [5, 64], body: product("uint8", numbers(2560, 0, 255), { scale: `%s = constant float32[40] ${scales(40)}`, zero: `%z = constant uint8[40] ${numbers(40, 0, 255)}`, more: " {axis = 1}" }), bytes: 64 * 48 + 5 * 48 },
  { name: "int8, a scale a row", dims: [5, 64], body: product("int8", numbers(2560, -128, 127), { scale: `%s = constant float32[64] ${scales(64)}`, more: " {axis = 0}" }), bytes: 64 * 48 + 4 * 64 },
  { name: "int4 in blocks of 32", dims: [1, 64], body: product("int4", numbers(2560, -8, 7), { scale: `%s = constant float32[2, 40] ${scales(80)}`, more: " {axis = 0, block_size = 32}" }), bytes: 32 * 48 + 4 * 96 },
  { compiled: true, name: "uint4 in blocks with zero points", dims: [3, 64], body: product("uint4", numbers(2560, 0, 15), { scale: `%s = constant float32[4, 40] ${scales(160)}`, zero: `%z = constant uint4[4, 40] ${numbers(160, 0, 15)}`, more: " {axis = 0, block_size = 16}" }), bytes: 32 * 48 + 5 * 192 },
  { name: "int4 with an odd number of rows", dims: [3, 33], body: product("int4", numbers(33 * 40, -8, 7), { rows: 33, scale: "%s = constant float32[] [0.125]" }), bytes: 33 * 48 + 8 },
  {
    compiled: true, name: "a transposed Gemm with factors and a bias", dims: [4, 64],
    body: `%q = constant int8[40, 64] ${numbers(2560, -128, 127)}\n  %s = constant float32[40] ${scales(40)}\n  %b = constant float32[40] random(7)\n  %w = DequantizeLinear(%q, %s) {axis = 0}\n  %y = Gemm(%x, %w, %b) {alpha = 0.5, transB = 1}`,
    bytes: 64 * 48 + 8 * 48,
  },
  {
    compiled: true, name: "filters with a scale each", dims: [1, 16, 7, 9],
    body: `%q = constant int8[20, 16, 3, 3] ${numbers(2880, -128, 127)}\n  %s = constant float32[20] ${scales(20)}\n  %w = DequantizeLinear(%q, %s) {axis = 0}\n  %b = constant float32[20] random(8)\n  %y = Conv(%x, %w, %b) {pads = [1, 1, 1, 1]}`,
    bytes: 32 * 144 + 8 * 32 + 200,
  },
  { name: "float16 filters, one a channel", dims: [1, 32, 6, 6], body: `%q = constant float16[32, 1, 3, 3] ${halves(288)}\n  %w = Cast(%q) {to = 1}\n  %y = Conv(%x, %w) {group = 32}`, bytes: 2 * 288 + 200 },
  { compiled: true, name: "a table of int8 rows", dims: [5], element: "int64", body: `%q = constant int8[50, 24] ${numbers(1200, -128, 127)}\n  %s = constant float32[50] ${scales(50)}\n  %t = DequantizeLinear(%q, %s) {axis = 0}\n  %y = Gather(%t, %x)`, bytes: 1200 + 200 },
  { name: "a table of float16", dims: [2, 3], element: "int64", body: `%q = constant float16[50, 24] ${halves(1200)}\n  %t = Cast(%q) {to = 1}\n  %y = Gather(%t, %x)`, bytes: 2400 },
];

const made = cases.map((c) => {
  const types = (name: string): string => `graph @main(%x: ${c.element ?? "float32"}[${c.dims.join(", ")}]) -> (%y: float32[${name}]) {\n  ${c.body}\n  return %y\n}`;
  const graph = parseGraph(types(c.element ? [...c.dims, 24].join(", ") : c.dims.length === 4 ? (c.body.includes("group") ? "1, 32, 4, 4" : "1, 20, 7, 9") : `${c.dims[0]}, ${c.body.includes("[32, 16]") ? 16 : 40}`), { rules: typeRules });
  const count = c.dims.reduce((a, b) => a * b, 1);
  const input = c.element ? fromNumbers("int64", c.dims, Float64Array.from({ length: count }, () => random.below(50))) : fromNumbers("float32", c.dims, Float64Array.from({ length: count }, () => random.normal()));
  return { ...c, graph, input };
});

const chosen = new Map<Graph, Graph>();
const kernelsOf = async (graph: Graph): Promise<Graph> => {
  const known = chosen.get(graph);
  if (known) return known;
  const timeline = new Timeline(graph);
  await runPipeline(timeline, "default");
  await runPipeline(timeline, "kernels");
  chosen.set(graph, timeline.head.graph);
  return timeline.head.graph;
};

const bytesOf = (graph: Graph): number => [...graph].reduce((n, node) => n + (node.kind === "constant" && node.region === 0 ? node.value.bytes : 0), 0);
const share = (a: Tensor, b: Tensor): number => {
  const [x, y] = [toNumbers(a), toNumbers(b)];
  const largest = Math.max(...Array.from(y, (v) => Math.abs(Number(v))), 1e-30);
  return Math.max(...Array.from(x, (v, i) => Math.abs(Number(v) - Number(y[i])))) / largest;
};

/** The step that reads the weight, with inputs: the weights, and numbers for the rest. */
async function stepOf(graph: Graph, target: ScheduleTarget): Promise<{ program: TensorProgram; inputs: Tensor[]; expected: Tensor }> {
  const lowered = await lowerGraph(graph, silentTask, undefined, target);
  const step = lowered.steps.find((s) => s.program.parameters.some((p) => p.scope === "weight" && !["float32", "int64", "int32"].includes(p.element)))!;
  const draw = new Random(11);
  const inputs = step.program.parameters.flatMap((p) => {
    if (p.scope === "weight") return [graph.constant(lowered.values.get(step.values.get(p)!)!.ref)!.tensor()];
    const count = p.dims.reduce((a, b) => a * b, 1);
    return p.scope === "input" ? [fromNumbers(p.element, p.dims, Float64Array.from({ length: count }, () => (p.element === "int64" ? draw.below(50) : draw.normal())))] : [];
  });
  // The loops as they were before any schedule.
  const { program: plain } = lowerNode(graph, step.node, operatorLowering);
  const given = new Map(step.program.parameters.filter((p) => p.scope !== "output").map((p, i) => [p.name, inputs[i]!]));
  return { program: step.program, inputs, expected: interpret(plain, plain.parameters.filter((p) => p.scope !== "output").map((p) => given.get(p.name)!))[0]! };
}

describe("weights in fewer bits", () => {
  test("stay so in the kernels, and give what ONNX Runtime gives", async () => {
    for (const { name, graph, input, bytes } of made) {
      const kernels = await kernelsOf(graph);
      expect(bytesOf(kernels), name).toBeLessThanOrEqual(bytes);
      const ours = reference(kernels)([input])[0]!;
      expect(share(ours, reference(graph)([input])[0]!), name).toBeLessThan(2e-6);
      const session = await load(fileBytes(exportOnnx(graph).files[0]!));
      if (typeof session === "string") throw new Error(`${name}: ${session}`);
      const judged = (await runSession(session as Loaded, new Map([["x", input]]))) as Map<string, Tensor>;
      await (session as Loaded).release();
      expect(share(ours, judged.get("y")!), name).toBeLessThan(2e-6);
    }
  }, 60_000);

  test("half floats throughout are products in float32, rounded once, as ONNX Runtime has them", async () => {
    const graph = parseGraph(
      `graph @main(%x: float16[5, 32]) -> (%y: float16[5, 24]) {
  %w = constant float16[32, 16] ${halves(512)}
  %m = MatMul(%x, %w)
  %r = Relu(%m)
  %v = constant float16[24, 16] ${halves(384)}
  %b = constant float16[24] ${halves(24)}
  %y = Gemm(%r, %v, %b) {transB = 1}
  return %y
}`,
      { rules: typeRules },
    );
    const draw = new Random(3);
    const input = fromNumbers("float16", [5, 32], Float64Array.from({ length: 160 }, () => draw.normal()));
    const kernels = await kernelsOf(graph);
    const kinds = [...kernels].flatMap((node) => (node.kind === "operator" && node.op === "Fused" ? [(node.attributes["kind"] as { value: string }).value] : []));
    expect(kinds.filter((kind) => kind === "WidenWeight+PackedMatMul+Cast")).toHaveLength(2);
    expect(bytesOf(kernels)).toBeLessThanOrEqual(2 * (512 + 512) + 4 * 24);
    const session = (await load(fileBytes(exportOnnx(graph).files[0]!))) as Loaded;
    const judged = (await runSession(session, new Map([["x", input]]))) as Map<string, Tensor>;
    await session.release();
    expect(share(reference(kernels)([input])[0]!, judged.get("y")!)).toBeLessThan(2 ** -9);
  }, 60_000);

  const inCode = made.filter(({ compiled }) => compiled);

  needs("gcc")("are widened in registers by C for every instruction set", async () => {
    for (const target of runnableTargets()) {
      const steps = await Promise.all(inCode.map(async ({ graph }) => stepOf(await kernelsOf(graph), target)));
      for (const { program } of steps) expect(program.parameters.some((p) => p.scope === "scratch"), program.name).toBe(false);
      const outputs = runInC(steps, { target, flags: ["-O0"] });
      for (const [i, { name }] of inCode.entries()) expect(share(outputs[i]![0]!, steps[i]!.expected), `${target.name}: ${name}`).toBeLessThan(1e-6);
    }
  }, 120_000);

  test("are widened in lanes by WebAssembly", async () => {
    const steps = await Promise.all(inCode.map(async ({ graph }) => stepOf(await kernelsOf(graph), wasmTarget)));
    const outputs = await runInWasm(steps, 0);
    for (const [i, { name }] of inCode.entries()) expect(share(outputs[i]![0]!, steps[i]!.expected), name).toBeLessThan(1e-6);
  }, 60_000);
});
