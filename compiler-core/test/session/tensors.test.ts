import { readFileSync } from "node:fs";
import { beforeAll, describe, expect, test } from "vitest";
import { createSession, MemoryBlob, silentTask as task, type KeptValueView, type RunResult, type StepId, type TensorRef } from "../../src/session/index.ts";
import { makeTensor } from "../../src/ir/tensor.ts";
import { tensorPart } from "../../src/session/tensors.ts";

const bytes = readFileSync(new URL("../../../examples/digits/digits.onnx", import.meta.url));
const session = createSession();
const first = 0 as StepId;
let model: string;
let run: RunResult;
let values: readonly KeptValueView[];
const refOf = (value: KeptValueView, kept = run.kept!): TensorRef => ({ model, step: first, node: value.node, output: value.output, run: kept.run });
const named = (name: string): KeptValueView => values.find((value) => value.name === name)!;

beforeAll(async () => {
  ({ model } = await session.open({ source: new MemoryBlob("digits.onnx", bytes) }, task));
  run = await session.run({ model, step: first, seed: 3, keep: {}, engine: "reference" }, task);
  ({ values } = run.kept!);
});

describe("values that a run kept", () => {
  test("inputs and every computed value, with their sizes", () => {
    expect(named("image")).toMatchObject({ type: "float32[1, 1, 28, 28]", kept: true, bytes: 28 * 28 * 4 });
    expect(values.at(-1)).toMatchObject({ name: "probabilities", dims: [1, 10] });
    expect(run.kept).toMatchObject({ droppedBytes: 0, bytes: values.reduce((sum, value) => sum + value.bytes, 0) });
  });

  test("the numbers are those of the output", async () => {
    const { values: numbers } = await session.tensorPart({ tensor: refOf(named("probabilities")), rowAxis: 0, columnAxis: 1, fixed: [0, 0], rows: [0, 9], columns: [2, 6] }, task);
    expect([...numbers]).toEqual(run.outputs[0]!.values.slice(2, 6));
    const { dims, statistics } = await session.tensorStatistics({ tensor: refOf(named("probabilities")) }, task);
    expect(dims).toEqual([1, 10]);
    expect(statistics!.max).toBe(Math.max(...run.outputs[0]!.values));
  });

  test("a limit of memory leaves later values out and says so", async () => {
    const { kept } = await session.run({ model, step: first, seed: 3, keep: { limitBytes: 10_000 }, engine: "reference" }, task);
    expect(kept!.bytes).toBeLessThanOrEqual(10_000);
    expect(kept!.droppedBytes).toBeGreaterThan(0);
    const dropped = kept!.values.find((value) => !value.kept)!;
    await expect(session.tensorStatistics({ tensor: refOf(dropped, kept!) }, task)).rejects.toMatchObject({ diagnostic: { code: "no-value" } });
  });

  test("before and after: equal to itself, else with the worst element", async () => {
    const other = await session.run({ model, step: first, seed: 4, keep: {}, engine: "reference" }, task);
    const a = refOf(named("image"));
    const b = { ...a, run: other.kept!.run };
    expect(await session.compareTensors({ a, b: a }, task)).toMatchObject({ identical: true, differing: 0, maxAbs: 0 });
    const { differing, worst, maxAbs, histogram, count } = await session.compareTensors({ a, b }, task);
    expect(differing).toBeGreaterThan(700);
    expect(Math.abs(worst!.a - worst!.b)).toBeCloseTo(maxAbs, 6);
    expect(worst!.index).toHaveLength(4);
    expect(histogram!.counts.reduce((sum, n) => sum + n, 0)).toBe(count);
  });

  test("how far two runs are apart, by node: nothing from itself; from one on other inputs, what the worst element says", async () => {
    const [one, other] = [await session.run({ model, step: first, seed: 3, keep: {}, engine: "reference" }, task), await session.run({ model, step: first, seed: 4, keep: {}, engine: "reference" }, task)];
    const own = await session.runErrors({ model, a: one.kept!.run, b: one.kept!.run }, task);
    expect(own.nodes).toHaveLength(new Set(values.map(({ node }) => node)).size);
    expect(Math.max(...own.values)).toBe(0);
    const { nodes, values: errors } = await session.runErrors({ model, a: one.kept!.run, b: other.kept!.run }, task);
    const image = named("image");
    const { maxAbs } = await session.compareTensors({ a: refOf(image, one.kept!), b: { ...refOf(image), run: other.kept!.run } }, task);
    expect(errors[nodes.indexOf(image.node)]).toBe(maxAbs);
  });

  test("only the last runs are kept", async () => {
    for (let i = 0; i < 3; i++) await session.run({ model, step: first, seed: i, keep: {}, engine: "reference" }, task);
    await expect(session.tensorStatistics({ tensor: refOf(named("image")) }, task)).rejects.toMatchObject({ diagnostic: { code: "no-such-run" } });
  });
});

describe("planes of a tensor", () => {
  const cube = makeTensor("float32", [2, 3, 4], Float32Array.from({ length: 24 }, (_, i) => i));
  test("any two axes, in any order, at an index of the third", () => {
    expect([...tensorPart(cube, { rowAxis: 1, columnAxis: 2, fixed: [1, 0, 0], rows: [0, 2], columns: [1, 3] }, task).values]).toEqual([13, 14, 17, 18]);
    expect([...tensorPart(cube, { rowAxis: 2, columnAxis: 0, fixed: [0, 2, 0], rows: [0, 4], columns: [0, 2] }, task).values]).toEqual([8, 20, 9, 21, 10, 22, 11, 23]);
  });
  test("blocks show the largest magnitude, and not-a-numbers are not lost", () => {
    const plane = makeTensor("float32", [2, 4], Float32Array.of(1, -9, 2, 0, 3, 4, NaN, 1));
    expect([...tensorPart(plane, { rowAxis: 0, columnAxis: 1, fixed: [0, 0], rows: [0, 2], columns: [0, 4], rowStep: 2, columnStep: 2 }, task).values]).toEqual([-9, NaN]);
  });
  test("scalars and vectors have an axis too few; 64-bit integers stay exact as texts", () => {
    expect([...tensorPart(makeTensor("float32", [], Float32Array.of(5)), { rowAxis: null, columnAxis: null, fixed: [], rows: [0, 1], columns: [0, 1] }, task).values]).toEqual([5]);
    const wide = makeTensor("int64", [2], BigInt64Array.of(9007199254740993n, -1n));
    expect(tensorPart(wide, { rowAxis: null, columnAxis: 0, fixed: [0], rows: [0, 1], columns: [0, 9] }, task)).toMatchObject({ texts: ["9007199254740993", "-1"], width: 2, height: 1 });
  });
  test("an index outside of the tensor is refused", () => {
    expect(() => tensorPart(cube, { rowAxis: 1, columnAxis: 2, fixed: [2, 0, 0], rows: [0, 1], columns: [0, 1] }, task)).toThrow(/index 2 lies outside of axis 0/);
  });
});
