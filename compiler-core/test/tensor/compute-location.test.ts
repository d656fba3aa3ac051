/** cache-read, compute-at and reverse-compute-at: where values are computed and where they lie, before and after. */
import { describe, expect, test } from "vitest";
import { GraphwrightError } from "../../src/support/diagnostic.ts";
import { Random } from "../../src/support/random.ts";
import { buffer, makeProgram, nest, store } from "../../src/tensor/build.ts";
import { add, load, max, mul, number, sub } from "../../src/tensor/expression.ts";
import { interpret } from "../../src/tensor/interpreter.ts";
import { printProgram } from "../../src/tensor/printer.ts";
import type { Expression, TensorProgram } from "../../src/tensor/program.ts";
import { cacheRead } from "../../src/tensor/schedule/cache-read.ts";
import { cacheWrite } from "../../src/tensor/schedule/cache-write.ts";
import { computeAt } from "../../src/tensor/schedule/compute-at.ts";
import { fuse } from "../../src/tensor/schedule/fuse.ts";
import { applyPrimitive, type ScheduleArguments, type SchedulePrimitive } from "../../src/tensor/schedule/primitive.ts";
import { reorder } from "../../src/tensor/schedule/reorder.ts";
import { reverseComputeAt } from "../../src/tensor/schedule/reverse-compute-at.ts";
import { describeStep } from "../../src/tensor/schedule/schedule.ts";
import { split } from "../../src/tensor/schedule/split.ts";
import { verifyProgram } from "../../src/tensor/verifier.ts";
import { inputsFor, worstDifference } from "./lowered.ts";

/** y = relu(a * b), a[6, 4] and b[4, 8], the product in a local */
function product(m = 6, n = 8, depth = 4): TensorProgram {
  const a = buffer("a", "float32", [m, depth], "input");
  const b = buffer("b", "float32", [depth, n], "input");
  const y = buffer("y", "float32", [m, n], "output");
  const t = buffer("t", "float32", [m, n], "local");
  return makeProgram("product", [a, b, y], [
    { kind: "allocate", buffer: t },
    ...nest(
      "matmul",
      [{ name: "i", extent: m }, { name: "j", extent: n }, { name: "k", extent: depth, kind: "reduce" }],
      ([i, j, k]) => store(t, [i!, j!], add(load(t, [i!, j!]), mul(load(a, [i!, k!]), load(b, [k!, j!])))),
      ([i, j]) => store(t, [i!, j!], number("float32", 0)),
    ),
    ...nest("relu", [{ name: "p", extent: m }, { name: "q", extent: n }], ([p, q]) => store(y, [p!, q!], max(load(t, [p!, q!]), number("float32", 0)))),
  ]);
}

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

/** `tolerance`: reordering the loops of a split reduction adds in another order. */
function sameMeaning(before: TensorProgram, after: TensorProgram, tolerance = 0): void {
  expect(verifyProgram(after)).toEqual([]);
  const inputs = inputsFor(before);
  expect(worstDifference(interpret(before, inputs)[0]!, interpret(after, inputs)[0]!)).toBeLessThanOrEqual(tolerance);
}
const body = (program: TensorProgram): string[] => printProgram(program).text.trimEnd().split("\n").slice(1).map((l) => l.slice(2));

describe("cache-read", () => {
  test("a column of b, once for all rows of a", () => {
    const columns = applyPrimitive(reorder, product(), { loops: ["j", "i"] });
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
    sameMeaning(product(), after);
  });

  test("a tile of a, and a whole input before the nest", () => {
    const tiled = applyPrimitive(reorder, applyPrimitive(split, product(), { loop: "i", factor: 3 }), { loops: ["i_o", "j", "i_i"] });
    const after = applyPrimitive(cacheRead, tiled, { block: "matmul", buffer: "a", at: "i_o" });
    expect(body(after)).toContain("  local a_read: float32[3, 4]");
    sameMeaning(product(), after);
    sameMeaning(product(), applyPrimitive(cacheRead, after, { block: "matmul", buffer: "b", at: "" }));
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
    const after = applyPrimitive(computeAt, product(), { block: "matmul", loop: "p" });
    expect(body(after).slice(0, 4)).toEqual(["for p in range(6):", "  local t_part: float32[1, 8]", "  for j in range(8):", "    for k in range(4):"]);
    sameMeaning(product(), after);
  });

  test("a part that reaches over the end is guarded", () => {
    const tiles = applyPrimitive(split, windows(), { loop: "i", factor: 3 });
    const after = applyPrimitive(computeAt, tiles, { block: "double", loop: "i_o" });
    expect(body(after)).toContain("    if i_o * 3 + e < 10:");
    sameMeaning(windows(), after);
  });
});

describe("reverse-compute-at", () => {
  test("each row is taken on as soon as it is finished", () => {
    const after = applyPrimitive(reverseComputeAt, product(), { block: "relu", buffer: "t", loop: "i" });
    expect(body(after).slice(-4)).toEqual([
      "  for q in range(8):",
      "    block relu:",
      "      spatial v_p < 6 = i, v_q < 8 = q",
      "      y[v_p, v_q] = max(t[v_p, v_q], 0.0)",
    ]);
    sameMeaning(product(), after);
  });

  test("tiles of two dimensions", () => {
    const tiled = applyPrimitive(reorder, applyPrimitive(split, applyPrimitive(split, product(), { loop: "i", factor: 2 }), { loop: "j", factor: 4 }), { loops: ["i_o", "j_o", "i_i", "j_i"] });
    const after = applyPrimitive(reverseComputeAt, tiled, { block: "relu", buffer: "t", loop: "j_o" });
    expect(body(after).slice(-2)).toEqual(["          spatial v_p < 6 = i_o * 2 + p, v_q < 8 = j_o * 4 + q", "          y[v_p, v_q] = max(t[v_p, v_q], 0.0)"]);
    sameMeaning(product(), after);
  });
});

test("any order of these on any tiling keeps the meaning, or is refused by a condition", () => {
  const random = new Random(5);
  const pick = <T>(from: readonly T[]): T => random.pick(from);
  const applications = new Map<string, number>();
  for (let round = 0; round < 400; round++) {
    const start = round % 3 === 0 ? windows() : product(4 + (round % 3), 6, 3);
    let program = start;
    const steps: string[] = [];
    for (let n = 0; n < 5; n++) {
      const text = printProgram(program).text;
      const loopNames = [...text.matchAll(/for (\w+) in/g)].map((m) => m[1]!);
      const blocks = [...text.matchAll(/block (\w+):/g)].map((m) => m[1]!);
      const buffers = [...text.matchAll(/local (\w+):/g), ...text.matchAll(/(\w+): float32/g)].map((m) => m[1]!);
      const [primitive, args] = pick<() => readonly [SchedulePrimitive<never>, ScheduleArguments]>([
        () => [split, { loop: pick(loopNames), factor: pick([2, 3, 4]) }],
        () => [reorder, { loops: [pick(loopNames), pick(loopNames)] }],
        () => [fuse, { outer: pick(loopNames), inner: pick(loopNames) }],
        () => [cacheRead, { block: pick(blocks), buffer: pick(buffers), at: pick([...loopNames, ""]) }],
        () => [cacheWrite, { block: pick(blocks), at: pick(loopNames) }],
        () => [computeAt, { block: pick(blocks), loop: pick(loopNames) }],
        () => [reverseComputeAt, { block: pick(blocks), buffer: pick(buffers), loop: pick(loopNames) }],
        () => [reverseComputeAt, { block: blocks.at(-1)!, buffer: "t", loop: pick(loopNames) }],
      ])();
      try {
        program = applyPrimitive(primitive as SchedulePrimitive, program, args);
        steps.push(describeStep({ primitive: primitive.name, arguments: args }));
        applications.set(primitive.name, (applications.get(primitive.name) ?? 0) + 1);
      } catch (error) {
        if (!(error instanceof GraphwrightError)) throw error;
      }
    }
    expect(verifyProgram(program), `${steps.join(" ")}\n${printProgram(program).text}`).toEqual([]);
    sameMeaning(start, program, 1e-6);
  }
  for (const primitive of [cacheRead, computeAt, reverseComputeAt]) expect(applications.get(primitive.name), primitive.name).toBeGreaterThan(10);
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
    ["reads-buffer", cacheRead, product(), { block: "relu", buffer: "a", at: "p" }],
    ["loop-around-block", cacheRead, product(), { block: "relu", buffer: "t", at: "i" }],
    ["not-written", cacheRead, product(), { block: "matmul", buffer: "t", at: "i" }],
    ["readers-inside", computeAt, product(), { block: "relu", loop: "i" }],
    ["one-region", cacheRead, applyPrimitive(split, applyPrimitive(fuse, product(), { outer: "p", inner: "q" }), { loop: "p_q", factor: 3 }), { block: "relu", buffer: "t", at: "p_q_o" }],
    ["local-buffer", computeAt, shifted((i) => i, "output"), { block: "take", loop: "i" }],
    ["in-bounds", cacheRead, applyPrimitive(split, shifted((i) => i), { loop: "i", factor: 3 }), { block: "give", buffer: "t", at: "i_o" }],
    ["plain-nest", computeAt, applyPrimitive(split, product(), { loop: "i", factor: 2 }), { block: "matmul", loop: "p" }],
    ["reads-in-place", reverseComputeAt, shifted((i) => sub(7, i)), { block: "give", buffer: "t", loop: "e" }],
    ["finished", reverseComputeAt, applyPrimitive(reorder, product(), { loops: ["k", "j", "i"] }), { block: "relu", buffer: "t", loop: "j" }],
    ["finished", reverseComputeAt, applyPrimitive(split, product(), { loop: "j", factor: 3 }), { block: "relu", buffer: "t", loop: "j_o" }],
    ["ready", reverseComputeAt, product(), { block: "matmul", buffer: "a", loop: "p" }],
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
