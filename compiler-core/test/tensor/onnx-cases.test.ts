import { existsSync } from "node:fs";
import { describe, expect } from "vitest";
import { needs } from "../../../app/tooling/need.ts";
import { tensorBytes, tensorFromBytes, toNumbers, type Tensor } from "../../src/ir/tensor.ts";
import { wasmTarget } from "../../src/backends/wasm/index.ts";
import { interpret } from "../../src/tensor/interpreter.ts";
import knownFailures from "../coverage/known-failures.json" with { type: "json" };
import { runInC, runnableTargets } from "./c-runner.ts";
import { roundTrip } from "./round-trip.ts";
import { runInWasm } from "./wasm-runner.ts";
import { nodeCaseFolder, nodeCases, type NodeCase } from "./onnx-cases.ts";

/** |a - b| <= atol + rtol * |b|, as the onnx project compares. */
function disagreement(made: Tensor, expected: Tensor): string | undefined {
  // Some programs see bytes only.
  const actual = made.element === "uint8" && expected.element !== "uint8" ? tensorFromBytes(expected.element, expected.dims, tensorBytes(made)) : made;
  if (actual.dims.join() !== expected.dims.join()) return `shape [${actual.dims.join()}] for [${expected.dims.join()}]`;
  const x = toNumbers(actual);
  const y = toNumbers(expected);
  for (let i = 0; i < x.length; i++) {
    if (Object.is(x[i], y[i]) || (Number.isNaN(x[i]!) && Number.isNaN(y[i]!))) continue;
    if (!(Math.abs(x[i]! - y[i]!) <= 1e-7 + 1e-3 * Math.abs(y[i]!))) return `element ${i} is ${x[i]} for ${y[i]}`;
  }
  return undefined;
}

/** The tensors of a case in the order of its program's parameters. */
function inputsOf(c: NodeCase): Tensor[] {
  const step = c.lowered.steps[0]!;
  return step.program.parameters
    .filter((p) => p.scope === "input" || p.scope === "weight")
    .map((p) => {
      const value = c.lowered.values.get(step.values.get(p)!)!;
      return c.graph.constant(value.ref)?.tensor() ?? c.inputs[c.graph.root.parameters.indexOf(value.ref.node)]!;
    });
}

describe("the onnx project's operator cases, those with a lowering", async () => {
  const cases: NodeCase[] = [];
  const forWasm: NodeCase[] = [];
  const forVectors: NodeCase[] = [];
  const vectors = runnableTargets().at(-1)!;
  const refused: string[] = [];
  if (existsSync(nodeCaseFolder)) {
    for await (const c of nodeCases(nodeCaseFolder, /^test_/))
      if ("refused" in c) refused.push(`${c.name}: ${c.refused}`);
      // What the reference evaluation cannot meet either, the expected values are to blame for.
      else if (!(`node/${c.name}` in knownFailures)) cases.push(c);
    for await (const c of nodeCases(nodeCaseFolder, /^test_(resize|upsample|averagepool|maxpool|basic_conv|convtranspose|gemm|matmul|softmax|layer_norm|reduce)/, vectors))
      if (!("refused" in c) && !(`node/${c.name}` in knownFailures)) forVectors.push(c);
    for await (const c of nodeCases(nodeCaseFolder, /^test_/, wasmTarget)) if (!("refused" in c) && !(`node/${c.name}` in knownFailures)) forWasm.push(c);
  }
  const judge = (outputsOf: (c: NodeCase, index: number) => readonly Tensor[], of = cases): string[] =>
    of.flatMap((c, index) => outputsOf(c, index).flatMap((o, i) => {
      const problem = disagreement(o, c.expected[i]!);
      return problem === undefined ? [] : [`${c.name}: ${problem}`];
    }));

  needs("shared")("are more than 600", () => expect(cases.length).toBeGreaterThan(600));

  needs("shared")("their programs are read from their texts", () => {
    for (const c of cases) roundTrip(c.lowered.steps[0]!.program, c.name);
  });

  needs("shared")("scheduled tensor programs give the expected outputs", () => {
    expect(judge((c) => interpret(c.lowered.steps[0]!.program, inputsOf(c)))).toEqual([]);
  }, 120_000);

  needs("gcc", "shared")("their C gives the expected outputs, with no warning and no undefined behaviour", () => {
    const outputs = runInC(cases.map((c) => ({ program: c.lowered.steps[0]!.program, inputs: inputsOf(c) })), { flags: ["-O0", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"] });
    expect(judge((_, index) => outputs[index]!)).toEqual([]);
  }, 300_000);

  needs("gcc", "shared")(`and so does that of ${forVectors.length} of them for ${vectors.name}`, () => {
    const outputs = runInC(forVectors.map((c) => ({ program: c.lowered.steps[0]!.program, inputs: inputsOf(c) })), { target: vectors, flags: ["-O1"] });
    expect(forVectors.length).toBeGreaterThan(80);
    expect(judge((_, index) => outputs[index]!, forVectors)).toEqual([]);
  }, 120_000);

  needs("shared")("their WebAssembly gives the expected outputs", async () => {
    const outputs = await runInWasm(forWasm.map((c) => ({ program: c.lowered.steps[0]!.program, inputs: inputsOf(c) })));
    expect(forWasm.length).toBeGreaterThan(600);
    expect(judge((_, index) => outputs[index]!, forWasm)).toEqual([]);
  }, 120_000);

  needs("shared")("what is refused names its reason", () => {
    // Types and shapes that programs do not have, options that lowering leaves out.
    expect(refused.filter((r) => !/not static|has the type|its output \d|computed at run time|training mode|training_mode|padding mode|without saturation|rounding/.test(r))).toEqual([]);
  });
});
