/** cache-read, compute-at and reverse-compute-at: where values are computed and where they lie, before and after. */
import { describe, expect, test } from "vitest";
import { needs } from "../../../app/tooling/need.ts";
import { GraphwrightError } from "../../src/support/diagnostic.ts";
import { Random } from "../../src/support/random.ts";
import { buffer, makeProgram, nest, store, withBuffers } from "../../src/tensor/build.ts";
import { add, load, mul, number, sub } from "../../src/tensor/expression.ts";
import type { Tensor } from "../../src/ir/tensor.ts";
import { packTensor } from "../../src/tensor/layout.ts";
import { interpret } from "../../src/tensor/interpreter.ts";
import { printProgram } from "../../src/tensor/printer.ts";
import type { Expression, TensorProgram } from "../../src/tensor/program.ts";
import { bind } from "../../src/tensor/schedule/bind.ts";
import { cacheRead } from "../../src/tensor/schedule/cache-read.ts";
import { cacheWrite } from "../../src/tensor/schedule/cache-write.ts";
import { computeAt } from "../../src/tensor/schedule/compute-at.ts";
import { fuse } from "../../src/tensor/schedule/fuse.ts";
import { applyPrimitive, type ScheduleArguments, type SchedulePrimitive } from "../../src/tensor/schedule/primitive.ts";
import { reorder } from "../../src/tensor/schedule/reorder.ts";
import { decomposeReduction } from "../../src/tensor/schedule/decompose-reduction.ts";
import { merge } from "../../src/tensor/schedule/merge.ts";
import { partition } from "../../src/tensor/schedule/partition.ts";
import { reverseComputeAt } from "../../src/tensor/schedule/reverse-compute-at.ts";
import { describeStep } from "../../src/tensor/schedule/schedule.ts";
import { pack } from "../../src/tensor/schedule/pack.ts";
import { parallel } from "../../src/tensor/schedule/parallel.ts";
import { split } from "../../src/tensor/schedule/split.ts";
import { unroll } from "../../src/tensor/schedule/unroll.ts";
import { vectorize } from "../../src/tensor/schedule/vectorize.ts";
import { runInC, sanitizingCompilers } from "./c-runner.ts";
import { inputsFor, worstDifference } from "./lowered.ts";
import { roundTrip } from "./round-trip.ts";
import { body, product, sameMeaning } from "./sample-programs.ts";

const tiles = (rows = 6): TensorProgram => product(rows, 8, 4);

/** y[i] = t[i] + ... + t[i + 2] with t = 2 x, of 10 elements: a window over a local */
function windows(): TensorProgram {
  const x = buffer("x", "float32", [10], "input");
  const y = buffer("y", "float32", [8], "output");
  const t = buffer("t", "float32", [10], "local");
  return makeProgram("windows", [x, y], [
    { kind: "allocate", buffer: t },
    ...nest("double", [{ name: "e", extent: 10 }], ([e]) => store(t, [e!], mul(load(x, [e!]), number("float32", 2)))),
    ...nest(
      "sum",
      [{ name: "i", extent: 8 }, { name: "r", extent: 3, kind: "reduce" }],
      ([i, r]) => store(y, [i!], add(load(y, [i!]), load(t, [add(i!, r!)]))),
      ([i]) => store(y, [i!], number("float32", 0)),
    ),
  ]);
}

describe("cache-read", () => {
  test("a column of b, once for all rows of a", () => {
    const columns = applyPrimitive(reorder, tiles(), { loops: ["j", "i"] });
    const after = applyPrimitive(cacheRead, columns, { block: "matmul", buffer: "b", at: "j" });
    expect(body(after).slice(1, 15)).toEqual([
      "for j in range(8):",
      "  local b_read: float32[4, 1]",
      "  for c0 in range(4):",
      "    block b_read_copy:",
      "      spatial v_c0 < 4 = c0",
      "      b_read[v_c0, 0] = b[v_c0, j]",
      "  for i in range(6):",
      "    for k in range(4):",
      "      block matmul:",
      "        spatial v_i < 6 = i, v_j < 8 = j",
      "        reduce v_k < 4 = k",
      "        init:",
      "          t[v_i, v_j] = 0.0",
      "        t[v_i, v_j] = t[v_i, v_j] + a[v_i, v_k] * b_read[k, 0]",
    ]);
    sameMeaning(tiles(), after);
  });

  test("a tile of a, and a whole input before the nest", () => {
    const tiled = applyPrimitive(reorder, applyPrimitive(split, tiles(), { loop: "i", factor: 3 }), { loops: ["i_o", "j", "i_i"] });
    const after = applyPrimitive(cacheRead, tiled, { block: "matmul", buffer: "a", at: "i_o" });
    expect(body(after)).toContain("  local a_read: float32[3, 4]");
    sameMeaning(tiles(), after);
    sameMeaning(tiles(), applyPrimitive(cacheRead, after, { block: "matmul", buffer: "b", at: "" }));
  });

  test("a window: three elements from i on", () => {
    const after = applyPrimitive(cacheRead, windows(), { block: "sum", buffer: "t", at: "i" });
    expect(body(after)).toContain("  local t_read: float32[3]");
    sameMeaning(windows(), after);
  });
});

describe("compute-at", () => {
  test("the elements of a window, computed where they are used", () => {
    const after = applyPrimitive(computeAt, windows(), { block: "double", loop: "i" });
    expect(body(after)).toEqual([
      "for i in range(8):",
      "  local t_part: float32[3]",
      "  for e in range(3):",
      "    block double:",
      "      spatial v_e < 10 = i + e",
      "      t_part[e] = x[v_e] * 2.0",
      "  for r in range(3):",
      "    block sum:",
      "      spatial v_i < 8 = i",
      "      reduce v_r < 3 = r",
      "      init:",
      "        y[v_i] = 0.0",
      "      y[v_i] = y[v_i] + t_part[r]",
    ]);
    sameMeaning(windows(), after);
  });

  test("a row of a product for the row that reads it: the reduction comes along", () => {
    const after = applyPrimitive(computeAt, tiles(), { block: "matmul", loop: "m" });
    expect(body(after).slice(0, 4)).toEqual(["for m in range(6):", "  local t_part: float32[1, 8]", "  for j in range(8):", "    for k in range(4):"]);
    sameMeaning(tiles(), after);
  });

  test("a part that reaches over the end is guarded", () => {
    const threes = applyPrimitive(split, windows(), { loop: "i", factor: 3 });
    const after = applyPrimitive(computeAt, threes, { block: "double", loop: "i_o" });
    expect(body(after)).toContain("    if i_o * 3 + e < 10:");
    sameMeaning(windows(), after);
  });
});

describe("reverse-compute-at", () => {
  test("each row is taken on as soon as it is finished", () => {
    const after = applyPrimitive(reverseComputeAt, tiles(), { block: "relu", buffer: "t", loop: "i" });
    expect(body(after).slice(-4)).toEqual([
      "  for n in range(8):",
      "    block relu:",
      "      spatial v_m < 6 = i, v_n < 8 = n",
      "      y[v_m, v_n] = max(t[v_m, v_n], 0.0)",
    ]);
    sameMeaning(tiles(), after);
  });

  test("tiles of two dimensions", () => {
    const tiled = applyPrimitive(reorder, applyPrimitive(split, applyPrimitive(split, tiles(), { loop: "i", factor: 2 }), { loop: "j", factor: 4 }), { loops: ["i_o", "j_o", "i_i", "j_i"] });
    const after = applyPrimitive(reverseComputeAt, tiled, { block: "relu", buffer: "t", loop: "j_o" });
    expect(body(after).slice(-2)).toEqual(["          spatial v_m < 6 = i_o * 2 + m, v_n < 8 = j_o * 4 + n", "          y[v_m, v_n] = max(t[v_m, v_n], 0.0)"]);
    sameMeaning(tiles(), after);
  });
});

/** The program with its inputs as weights, which may be packed. */
function constants(program: TensorProgram): TensorProgram {
  const by = new Map(program.parameters.filter((p) => p.scope === "input").map((p) => [p, { ...p, scope: "weight" as const }]));
  return { ...program, parameters: program.parameters.map((p) => by.get(p) ?? p), body: withBuffers(program.body, by) };
}

/** Weights as the program's caller lays them out. */
function packed(program: TensorProgram, inputs: readonly Tensor[]): Tensor[] {
  const given = program.parameters.filter((p) => p.scope === "input" || p.scope === "weight");
  return inputs.map((tensor, i) => (given[i]!.packed ? packTensor(tensor, given[i]!.packed!.layout) : tensor));
}

describe("any order of these with the other primitives", () => {
  const random = new Random(5);
  const applications = new Map<string, number>();
  const cases = Array.from({ length: 400 }, (_, round) => {
    const start = round % 3 === 0 ? windows() : round % 3 === 1 ? constants(tiles(5)) : tiles(6);
    let program = start;
    const steps: string[] = [];
    for (let n = 0; n < 6; n++) {
      const { text } = printProgram(program);
      const loopNames = [...text.matchAll(/for (\w+) in/g)].map((m) => m[1]!);
      const blocks = [...text.matchAll(/block (\w+):/g)].map((m) => m[1]!);
      const buffers = [...text.matchAll(/(\w+): float32/g)].map((m) => m[1]!);
      const [loop, block, buffer] = [random.pick(loopNames), random.pick(blocks), random.pick(buffers)];
      const [primitive, args] = random.pick<() => readonly [SchedulePrimitive<never>, ScheduleArguments]>([
        () => [split, { loop, factor: random.pick([2, 3, 4]) }],
        () => [reorder, { loops: [loop, random.pick(loopNames)] }],
        () => [fuse, { outer: loop, inner: random.pick(loopNames) }],
        () => [random.pick([unroll, vectorize, parallel]), { loop }],
        () => [cacheRead, { block, buffer, at: random.pick([...loopNames, ""]) }],
        () => [cacheWrite, { block, at: loop }],
        () => [pack, { block, buffer: random.pick(["a", "b"]), layout: random.pick([["1", "0"], ["0/3", "1", "0%3"], ["1/4", "0", "1%4"], ["0/2", "1/4", "1%4", "0%2"], ["1/2%2", "0", "1/4", "1%2"]]) }],
        () => [bind, { loop, axis: random.pick(["worker", "lane"]) }],
        () => [computeAt, { block, loop }],
        () => [reverseComputeAt, { block, buffer, loop }],
        () => [reverseComputeAt, { block: blocks.at(-1)!, buffer: "t", loop }],
      ])();
      try {
        program = applyPrimitive(primitive as SchedulePrimitive, program, args);
        steps.push(describeStep({ primitive: primitive.name, arguments: args }));
        applications.set(primitive.name, (applications.get(primitive.name) ?? 0) + 1);
      } catch (error) {
        if (!(error instanceof GraphwrightError)) throw error;
      }
    }
    return { name: steps.join(" "), start, program };
  });

  test("is read from its text", () => {
    for (const { program } of cases) roundTrip(program);
  });

  test("keeps the meaning, or is refused by a condition", () => {
    for (const { start, program } of cases) sameMeaning(start, program, 1e-6);
    for (const primitive of [cacheRead, computeAt, pack, reverseComputeAt]) expect(applications.get(primitive.name), primitive.name).toBeGreaterThan(10);
  });

  needs("gcc")("and so does the C that it becomes", () => {
    const some = cases.filter((_, i) => i % 4 === 0);
    // An accumulator that is set where every reduce axis is 0, with no decompose-reduction: gcc cannot know that this is the first turn.
    const known = "-Wno-maybe-uninitialized";
    const flags = sanitizingCompilers.includes("gcc") ? ["-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all", known] : ["-O1", known];
    const outputs = runInC(some.map(({ start, program }) => ({ program, inputs: packed(program, inputsFor(start)) })), { compiler: "gcc", flags });
    for (const [i, { name, start }] of some.entries()) expect(worstDifference(outputs[i]![0]!, interpret(start, inputsFor(start))[0]!), name).toBeLessThanOrEqual(1e-6);
  }, 120_000);
});

test("loops merged in any order with other steps keep the meaning, or are refused by a condition", () => {
  const random = new Random(9);
  let merged = 0;
  for (let round = 0; round < 800; round++) {
    const [start, block] = round % 3 === 0 ? [windows(), "sum"] : [tiles(4 + (round % 3)), "matmul"];
    let program = round % 2 === 0 ? start : applyPrimitive(decomposeReduction, start, { block, loop: "i" });
    for (let n = 0; n < 6; n++) {
      const names = [...printProgram(program).text.matchAll(/for (\w+) in/g)].map((m) => m[1]!);
      const [a, b] = [random.pick(names), random.pick(names)];
      // Without conditions, which a split that leaves a remainder would bring.
      const even = [...printProgram(program).text.matchAll(/for (\w+) in range\((\d*[02468])\)/g)].map((m) => m[1]!);
      const [primitive, args] = random.pick<readonly [SchedulePrimitive<never>, ScheduleArguments]>([
        [split, { loop: random.pick(even), factor: 2 }],
        [reorder, { loops: [a, b] }],
        [partition, { loop: a, at: random.pick([1, 2, 3]) }],
        [merge, { first: a, second: b }],
        [merge, { first: a, second: names[names.indexOf(a) + 1] ?? b }],
        [merge, { first: a, second: random.pick(["m", "n"]) }],
      ]);
      try {
        program = applyPrimitive(primitive as SchedulePrimitive, program, args);
        if (primitive === merge) merged++;
      } catch (error) {
        if (!(error instanceof GraphwrightError)) throw error;
      }
    }
    sameMeaning(start, program, 1e-6);
  }
  expect(merged).toBeGreaterThan(20);
});

describe("what is not legal is refused by the name of its condition", () => {
  const shifted = (index: (i: Expression) => Expression, scope: "local" | "output" = "local"): TensorProgram => {
    const x = buffer("x", "float32", [8], "input");
    const y = buffer("y", "float32", [8], "output");
    const t = buffer("t", "float32", [8], scope);
    return makeProgram("shifted", scope === "local" ? [x, y] : [x, y, t], [
      ...(scope === "local" ? [{ kind: "allocate", buffer: t } as const] : []),
      ...nest("take", [{ name: "e", extent: 8 }], ([e]) => store(t, [e!], load(x, [e!]))),
      ...nest("give", [{ name: "i", extent: 8 }], ([i]) => store(y, [i!], load(t, [index(i!)]))),
    ]);
  };
  test.each<[string, SchedulePrimitive<never>, TensorProgram, ScheduleArguments]>([
    ["reads-buffer", cacheRead, tiles(), { block: "relu", buffer: "a", at: "m" }],
    ["loop-around-block", cacheRead, tiles(), { block: "relu", buffer: "t", at: "i" }],
    ["not-written", cacheRead, tiles(), { block: "matmul", buffer: "t", at: "i" }],
    ["readers-inside", computeAt, tiles(), { block: "relu", loop: "i" }],
    ["one-region", cacheRead, applyPrimitive(split, applyPrimitive(fuse, tiles(), { outer: "m", inner: "n" }), { loop: "m_n", factor: 3 }), { block: "relu", buffer: "t", at: "m_n_o" }],
    ["local-buffer", computeAt, shifted((i) => i, "output"), { block: "take", loop: "i" }],
    ["in-bounds", cacheRead, applyPrimitive(split, shifted((i) => i), { loop: "i", factor: 3 }), { block: "give", buffer: "t", at: "i_o" }],
    ["plain-nest", computeAt, applyPrimitive(split, tiles(), { loop: "i", factor: 2 }), { block: "matmul", loop: "m" }],
    ["reads-in-place", reverseComputeAt, shifted((i) => sub(7, i)), { block: "give", buffer: "t", loop: "e" }],
    ["finished", reverseComputeAt, applyPrimitive(reorder, tiles(), { loops: ["k", "j", "i"] }), { block: "relu", buffer: "t", loop: "j" }],
    ["finished", reverseComputeAt, applyPrimitive(split, tiles(), { loop: "j", factor: 3 }), { block: "relu", buffer: "t", loop: "j_o" }],
    ["ready", reverseComputeAt, tiles(), { block: "matmul", buffer: "a", loop: "m" }],
  ])("%s", (condition, primitive, program, args) => {
    let error: unknown;
    try {
      applyPrimitive(primitive as SchedulePrimitive, program, args);
    } catch (e) {
      error = e;
    }
    expect(error).toBeInstanceOf(GraphwrightError);
    expect((error as GraphwrightError).diagnostic.code).toBe("illegal-schedule");
    expect((error as GraphwrightError).message).toContain(`condition "${condition}"`);
  });
});
