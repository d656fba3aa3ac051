import { describe, expect, test } from "vitest";
import { printKernel } from "../../src/backends/c/print.ts";
import { fromNumbers } from "../../src/ir/tensor.ts";
import { GraphwrightError } from "../../src/support/diagnostic.ts";
import { buffer, loop, makeProgram, nest, store, withBuffers } from "../../src/tensor/build.ts";
import { add, integer, load, mul, number, sub, variable } from "../../src/tensor/expression.ts";
import { hoistScratch } from "../../src/tensor/lower-node.ts";
import { packTensor, parseLayoutPart } from "../../src/tensor/layout.ts";
import { printProgram } from "../../src/tensor/printer.ts";
import type { TensorProgram } from "../../src/tensor/program.ts";
import { bind } from "../../src/tensor/schedule/bind.ts";
import { cacheWrite } from "../../src/tensor/schedule/cache-write.ts";
import { computeInline } from "../../src/tensor/schedule/compute-inline.ts";
import { decomposeReduction } from "../../src/tensor/schedule/decompose-reduction.ts";
import { fuse } from "../../src/tensor/schedule/fuse.ts";
import { schedulePrimitives } from "../../src/tensor/schedule/index.ts";
import { pack } from "../../src/tensor/schedule/pack.ts";
import { parallel } from "../../src/tensor/schedule/parallel.ts";
import { merge } from "../../src/tensor/schedule/merge.ts";
import { partition } from "../../src/tensor/schedule/partition.ts";
import { applyPrimitive, type ScheduleArguments, type SchedulePrimitive } from "../../src/tensor/schedule/primitive.ts";
import { prefetch } from "../../src/tensor/schedule/prefetch.ts";
import { reorder } from "../../src/tensor/schedule/reorder.ts";
import { reverseComputeInline } from "../../src/tensor/schedule/reverse-compute-inline.ts";
import { describeStep, Schedule, stepTexts } from "../../src/tensor/schedule/schedule.ts";
import { split } from "../../src/tensor/schedule/split.ts";
import { unroll } from "../../src/tensor/schedule/unroll.ts";
import { vectorize } from "../../src/tensor/schedule/vectorize.ts";
import { body, product, sameMeaning } from "./sample-programs.ts";

/** y = (x + 1) * x by way of a local */
function chain(): TensorProgram {
  const x = buffer("x", "float32", [4, 6], "input");
  const y = buffer("y", "float32", [4, 6], "output");
  const t = buffer("t", "float32", [4, 6], "local");
  const axes = (p: string) => [{ name: `${p}0`, extent: 4 }, { name: `${p}1`, extent: 6 }];
  return makeProgram("chain", [x, y], [
    { kind: "allocate", buffer: t },
    ...nest("increment", axes("a"), ([i, j]) => store(t, [i!, j!], add(load(x, [i!, j!]), number("float32", 1)))),
    ...nest("scale", axes("b"), ([i, j]) => store(y, [i!, j!], mul(load(t, [i!, j!]), load(x, [i!, j!])))),
  ]);
}

const loops = (program: TensorProgram): string[] => body(program).map((l) => l.trim()).filter((l) => /^(for|if|local)/.test(l));

describe("schedule primitives, before and after", () => {
  test("the plain program", () => {
    expect(body(product())).toEqual([
      "local t: float32[6, 9]",
      "for i in range(6):",
      "  for j in range(9):",
      "    for k in range(5):",
      "      block matmul:",
      "        spatial v_i < 6 = i, v_j < 9 = j",
      "        reduce v_k < 5 = k",
      "        init:",
      "          t[v_i, v_j] = 0.0",
      "        t[v_i, v_j] = t[v_i, v_j] + a[v_i, v_k] * b[v_k, v_j]",
      "for m in range(6):",
      "  for n in range(9):",
      "    block relu:",
      "      spatial v_m < 6 = m, v_n < 9 = n",
      "      y[v_m, v_n] = max(t[v_m, v_n], 0.0)",
    ]);
  });

  test("split, dividing", () => {
    const after = applyPrimitive(split, product(), { loop: "i", factor: 3 });
    expect(loops(after).slice(1, 4)).toEqual(["for i_o in range(2):", "for i_i in range(3):", "for j in range(9):"]);
    sameMeaning(product(), after);
  });

  test("split, with a guard where the factor does not divide", () => {
    const after = applyPrimitive(split, product(), { loop: "j", factor: 4 });
    expect(loops(after).slice(1, 6)).toEqual(["for i in range(6):", "for j_o in range(3):", "for j_i in range(4):", "if j_o * 4 + j_i < 9:", "for k in range(5):"]);
    sameMeaning(product(), after);
  });

  test("fuse", () => {
    const after = applyPrimitive(fuse, product(), { outer: "m", inner: "n" });
    expect(body(after).slice(-4)).toEqual([
      "for m_n in range(54):",
      "  block relu:",
      "    spatial v_m < 6 = m_n // 9, v_n < 9 = m_n % 9",
      "    y[v_m, v_n] = max(t[v_m, v_n], 0.0)",
    ]);
    sameMeaning(product(), after);
  });

  test("reorder", () => {
    const after = applyPrimitive(reorder, product(), { loops: ["k", "j", "i"] });
    expect(loops(after).slice(1, 4)).toEqual(["for k in range(5):", "for j in range(9):", "for i in range(6):"]);
    sameMeaning(product(), after);
  });

  test("partition", () => {
    const after = applyPrimitive(partition, product(), { loop: "j", at: 8 });
    expect(loops(after).slice(1, 6)).toEqual(["for i in range(6):", "for j in range(8):", "for k in range(5):", "for j_1 in range(1):", "for k_1 in range(5):"]);
    sameMeaning(product(), after);
  });

  test("merge: rows of a product and of what follows it; a loop that ran once ends with the first", () => {
    const after = applyPrimitive(merge, product(), { first: "i", second: "m" });
    expect(loops(after).slice(1)).toEqual(["for i in range(6):", "for j in range(9):", "for k in range(5):", "for n in range(9):"]);
    expect(body(after).slice(-2)).toEqual(["      spatial v_m < 6 = i, v_n < 9 = n", "      y[v_m, v_n] = max(t[v_m, v_n], 0.0)"]);
    sameMeaning(product(), after);
    // The last term of the sums, in a loop around the rows that runs once: each row is complete when it is stored.
    const last = applyPrimitive(partition, applyPrimitive(reorder, applyPrimitive(decomposeReduction, product(), { block: "matmul", loop: "i" }), { loops: ["k", "i", "j"] }), { loop: "k", at: 4 });
    const rows = [...printProgram(last).text.matchAll(/for (\w+) in range\(6\)/g)].map((m) => m[1]!);
    const stored = applyPrimitive(merge, last, { first: rows.at(-2)!, second: "m" });
    expect(printProgram(stored).text).toMatch(/for k_\w+ in range\(1\):\n *for (\w+) in range\(6\):\n *for j\w* in range\(9\):\n *block matmul_\w+:[^]*for n in range\(9\):\n *block relu:\n *spatial v_m < 6 = \1,/);
    sameMeaning(last, stored);
  });

  test("prefetch: the next column of b, while the rows of a use this one", () => {
    const ordered = applyPrimitive(reorder, product(), { loops: ["j", "i", "k"] });
    const after = applyPrimitive(prefetch, ordered, { block: "matmul", buffer: "b", loop: "k" });
    expect(body(after).slice(3, 6)).toEqual(["    for k in range(5):", "      prefetch 1 lines of b at 1 + j + i * 16 + k * 16", "      block matmul:"]);
    sameMeaning(ordered, after);
    expect(() => applyPrimitive(prefetch, product(), { block: "matmul", buffer: "a", loop: "i" })).toThrow('condition "reduce-loop"');
    expect(() => applyPrimitive(prefetch, product(), { block: "matmul", buffer: "b", loop: "k" })).toThrow('condition "next-panel"');
    // Rows that are written out use the column at once.
    const rows = applyPrimitive(unroll, applyPrimitive(reorder, product(), { loops: ["j", "k", "i"] }), { loop: "i" });
    const asked = applyPrimitive(prefetch, rows, { block: "matmul", buffer: "b", loop: "k" });
    expect(body(asked).slice(1, 5)).toEqual(["for j in range(9):", "  for k in range(5):", "    prefetch 1 lines of b at 1 + j + k * 16", "    for i in unrolled(6):"]);
    sameMeaning(rows, asked);
  });

  test("decompose-reduction", () => {
    const after = applyPrimitive(decomposeReduction, product(), { block: "matmul", loop: "k" });
    expect(body(after).slice(1, 10)).toEqual([
      "for i in range(6):",
      "  for j in range(9):",
      "    block matmul_init:",
      "      spatial v_i_1 < 6 = i, v_j_1 < 9 = j",
      "      t[v_i_1, v_j_1] = 0.0",
      "    for k in range(5):",
      "      block matmul:",
      "        spatial v_i < 6 = i, v_j < 9 = j",
      "        reduce v_k < 5 = k",
    ]);
    sameMeaning(product(), after);
  });

  test("cache-write", () => {
    const after = applyPrimitive(cacheWrite, product(), { block: "matmul", at: "i" });
    expect(body(after).slice(1, 15)).toEqual([
      "for i in range(6):",
      "  local matmul_acc: float32[9]",
      "  for j in range(9):",
      "    for k in range(5):",
      "      block matmul:",
      "        spatial v_i < 6 = i, v_j < 9 = j",
      "        reduce v_k < 5 = k",
      "        init:",
      "          matmul_acc[j] = 0.0",
      "        matmul_acc[j] = matmul_acc[j] + a[v_i, v_k] * b[v_k, v_j]",
      "  for j_1 in range(9):",
      "    block matmul_write:",
      "      spatial v_i_1 < 6 = i, v_j_1 < 9 = j_1",
      "      t[v_i_1, v_j_1] = matmul_acc[j_1]",
    ]);
    sameMeaning(product(), after);
  });

  test("cache-write: a part of a sum goes on from what the part before left", () => {
    const parts = applyPrimitive(reorder, applyPrimitive(split, product(6, 9, 6), { loop: "k", factor: 3 }), { loops: ["k_o", "i", "j"] });
    const started = applyPrimitive(decomposeReduction, parts, { block: "matmul", loop: "k_o" });
    const after = applyPrimitive(cacheWrite, started, { block: "matmul", at: "j" });
    expect(body(after).slice(6)).toEqual(expect.arrayContaining([
      "for k_o in range(2):",
      "      local matmul_acc: float32[]",
      "      block matmul_read:",
      "        matmul_acc[] = t[v_i_2, v_j_2]",
      "      for k_i in range(3):",
      "          matmul_acc[] = matmul_acc[] + a[v_i, v_k] * b[v_k, v_j]",
      "      block matmul_write:",
      "        t[v_i_3, v_j_3] = matmul_acc[]",
    ]));
    sameMeaning(product(6, 9, 6), after);
  });

  test("reverse-compute-inline: the epilogue moves into the store of the accumulators", () => {
    const cached = applyPrimitive(cacheWrite, product(), { block: "matmul", at: "i" });
    const after = applyPrimitive(reverseComputeInline, cached, { block: "relu", buffer: "t" });
    expect(body(after).slice(-3)).toEqual(["    block matmul_write_relu:", "      spatial v_i_1 < 6 = i, v_j_1 < 9 = j_1", "      y[v_i_1, v_j_1] = max(matmul_acc[j_1], 0.0)"]);
    expect(loops(after)).not.toContain("local t: float32[6, 9]");
    sameMeaning(product(), after);
  });

  test("compute-inline", () => {
    const after = applyPrimitive(computeInline, chain(), { block: "increment" });
    expect(body(after)).toEqual([
      "for b0 in range(4):",
      "  for b1 in range(6):",
      "    block scale:",
      "      spatial v_b0 < 4 = b0, v_b1 < 6 = b1",
      "      y[v_b0, v_b1] = (x[v_b0, v_b1] + 1.0) * x[v_b0, v_b1]",
    ]);
    sameMeaning(chain(), after);
  });

  test("marks", () => {
    const p = applyPrimitive(reorder, product(), { loops: ["k", "j"] });
    const after = applyPrimitive(parallel, applyPrimitive(vectorize, applyPrimitive(unroll, p, { loop: "k" }), { loop: "j" }), { loop: "i" });
    expect(loops(after).slice(1, 4)).toEqual(["for i in parallel(6):", "for k in unrolled(5):", "for j in vectorized(9):"]);
    sameMeaning(product(), after);
  });

  /** a 3 x 3 convolution of 2 channels to 5 with a weight w[o, i, kh, kw] */
  const convolution = (): TensorProgram => {
    const x = buffer("x", "float32", [2, 6, 6], "input");
    const w = buffer("w", "float32", [5, 2, 3, 3], "weight");
    const y = buffer("y", "float32", [5, 4, 4], "output");
    const axes = [{ name: "o", extent: 5 }, { name: "h", extent: 4 }, { name: "v", extent: 4 }, ...["i", "kh", "kw"].map((name, at) => ({ name, extent: at === 0 ? 2 : 3, kind: "reduce" as const }))];
    return makeProgram("convolution", [x, w, y], nest("conv", axes,
      ([o, h, v, i, kh, kw]) => store(y, [o!, h!, v!], add(load(y, [o!, h!, v!]), mul(load(x, [i!, add(h!, kh!), add(v!, kw!)]), load(w, [o!, i!, kh!, kw!])))),
      ([o, h, v]) => store(y, [o!, h!, v!], number("float32", 0)),
    ));
  };

  test("pack: channels of a weight in groups of 4, the last one filled up with zeros", () => {
    const tiled = applyPrimitive(split, convolution(), { loop: "o", factor: 4 });
    const after = applyPrimitive(pack, tiled, { block: "conv", buffer: "w", layout: ["0/4", "1", "2", "3", "0%4"] });
    expect(printProgram(after).text.split("\n")[0]).toBe("program convolution(input x: float32[2, 6, 6], weight w: float32[2, 2, 3, 3, 4] packed [0/4, 1, 2, 3, 0%4] of [5, 2, 3, 3], output y: float32[5, 4, 4]):");
    expect(body(after).at(-1)!.trim()).toBe("y[v_o, v_h, v_v] = y[v_o, v_h, v_v] + x[v_i, v_h + v_kh, v_v + v_kw] * w[v_o // 4, v_i, v_kh, v_kw, v_o % 4]");
    sameMeaning(convolution(), after);
    const packed = packTensor(fromNumbers("float32", [5, 3], Array.from({ length: 15 }, (_, i) => i)), ["1", "0/2", "0%2"].map((t) => parseLayoutPart(t)!));
    expect([packed.dims, Array.from(packed.data as Float32Array)]).toEqual([[3, 3, 2], [0, 3, 6, 9, 12, 0, 1, 4, 7, 10, 13, 0, 2, 5, 8, 11, 14, 0]]);
  });

  test("bind: neighbouring nests of the same workers need not wait for each other", () => {
    const workers = (program: TensorProgram, loops: readonly string[]): TensorProgram => loops.reduce((p, loop) => applyPrimitive(bind, p, { loop, axis: "worker" }), program);
    const after = workers(product(), ["i", "m"]);
    expect(loops(after)).toEqual(["local t: float32[6, 9]", "for i in worker(6):", "for j in range(9):", "for k in range(5):", "for m in worker(6):", "for n in range(9):"]);
    sameMeaning(product(), after);
    const stages = (program: TensorProgram): number => printKernel(hoistScratch(program, 0), { name: "k", threads: true }).stages;
    expect(stages(after)).toBe(1);
    // The second nest reads columns that other workers made: they wait.
    const across = applyPrimitive(reorder, product(6, 6), { loops: ["n", "m"] });
    expect(stages(workers(across, ["i", "n"]))).toBe(2);
    // Parallel loops of the same iterations are shared alike.
    expect(stages(["i", "m"].reduce((p, loop) => applyPrimitive(parallel, p, { loop }), product()))).toBe(1);
  });

  test("bind: a loop of just one vector", () => {
    const p = applyPrimitive(reorder, product(6, 8), { loops: ["k", "j"] });
    const after = applyPrimitive(bind, p, { loop: "j", axis: "lane" });
    expect(loops(after)).toContain("for j in vectorized(8):");
    sameMeaning(product(6, 8), after);
  });

  test("every step is recorded with its texts", () => {
    const schedule = new Schedule(product()).apply(split, { loop: "i", factor: 2 }).apply(unroll, { loop: "i_i" });
    expect(schedule.steps.map(describeStep)).toEqual(["split(loop=i, factor=2)", "unroll(loop=i_i)"]);
    const { before, after } = stepTexts(schedule.steps[1]!);
    expect(before).toContain("for i_i in range(2)");
    expect(after).toContain("for i_i in unrolled(2)");
  });
});

describe("what is not legal is refused by the name of its condition", () => {
  /** a running sum: each element reads its neighbour */
  const scan = (): TensorProgram => {
    const y = buffer("y", "float32", [8], "output");
    const x = buffer("x", "float32", [8], "input");
    return makeProgram("scan", [x, y], [
      ...nest("first", [{ name: "z", extent: 8 }], ([z]) => store(y, [z!], number("float32", 0))),
      ...nest("scan", [{ name: "r", extent: 2 }, { name: "i", extent: 7 }], ([, i]) => store(y, [add(i!, 1)], add(load(y, [i!]), load(x, [i!])))),
    ]);
  };
  const shared = (): TensorProgram => {
    const y = buffer("y", "float32", [4], "output");
    const t = buffer("t", "float32", [1], "local");
    const i = variable("i");
    return makeProgram("shared", [y], [{ kind: "allocate", buffer: t }, loop(i, 4, [store(t, [{ kind: "integer", value: 0 }], number("float32", 1)), store(y, [i], load(t, [{ kind: "integer", value: 0 }]))])]);
  };
  /** y = the elements of 2 x from the last to the first */
  const mirrored = (): TensorProgram => {
    const x = buffer("x", "float32", [8], "input");
    const y = buffer("y", "float32", [8], "output");
    const t = buffer("t", "float32", [8], "local");
    return makeProgram("mirrored", [x, y], [
      { kind: "allocate", buffer: t },
      ...nest("twice", [{ name: "i", extent: 8 }], ([i]) => store(t, [i!], mul(load(x, [i!]), number("float32", 2)))),
      ...nest("turned", [{ name: "o", extent: 8 }], ([o]) => store(y, [o!], load(t, [sub(integer(7), o!)]))),
    ]);
  };
  test.each<[string, SchedulePrimitive<never>, TensorProgram, ScheduleArguments]>([
    ["neighbours", merge, product(), { first: "m", second: "i" }],
    ["neighbours", merge, product(), { first: "j", second: "n" }],
    ["neighbours", merge, product(), { first: "i", second: "i" }],
    ["same-form", merge, applyPrimitive(split, product(), { loop: "m", factor: 3 }), { first: "i", second: "m_o" }],
    ["same-form", merge, applyPrimitive(unroll, product(), { loop: "m" }), { first: "i", second: "m" }],
    ["no-carried-dependence", merge, mirrored(), { first: "i", second: "o" }],
    ["factor-positive", split, product(), { loop: "i", factor: 0 }],
    ["serial-loop", split, applyPrimitive(unroll, product(), { loop: "k" }), { loop: "k", factor: 2 }],
    ["directly-nested", fuse, product(), { outer: "i", inner: "k" }],
    ["same-kind", fuse, product(), { outer: "j", inner: "k" }],
    ["perfect-nest", reorder, product(), { loops: ["i", "n"] }],
    ["no-carried-dependence", reorder, scan(), { loops: ["i", "r"] }],
    ["inside", partition, product(), { loop: "i", at: 6 }],
    ["innermost", vectorize, product(), { loop: "j" }],
    ["spatial", vectorize, product(), { loop: "k" }],
    ["no-carried-dependence", vectorize, scan(), { loop: "i" }],
    ["spatial", parallel, applyPrimitive(reorder, product(), { loops: ["k", "j", "i"] }), { loop: "k" }],
    ["own-locals", parallel, shared(), { loop: "i" }],
    ["axis", bind, product(), { loop: "i", axis: "block" }],
    ["outermost", bind, product(), { loop: "j", axis: "worker" }],
    ["no-carried-dependence", bind, scan(), { loop: "i", axis: "worker" }],
    ["one-vector", bind, product(), { loop: "j", axis: "lane" }],
    ["innermost", bind, product(6, 8), { loop: "j", axis: "lane" }],
    ["reads-constant", pack, product(), { block: "matmul", buffer: "a", layout: ["1", "0"] }],
    ["whole-layout", pack, weighted(), { block: "matmul", buffer: "b", layout: ["1/4", "0", "1%8"] }],
    ["whole-layout", pack, weighted(), { block: "matmul", buffer: "b", layout: ["1", "0", "2"] }],
    ["not-packed", pack, applyPrimitive(pack, weighted(), { block: "matmul", buffer: "b", layout: ["1", "0"] }), { block: "matmul", buffer: "b", layout: ["1", "0"] }],
    ["short-loop", unroll, wide(), { loop: "i" }],
    ["reduction-inside", decomposeReduction, applyPrimitive(reorder, product(), { loops: ["k", "j"] }), { block: "matmul", loop: "j" }],
    ["begins-here", decomposeReduction, applyPrimitive(partition, product(), { loop: "k", at: 2 }), { block: "matmul_1", loop: "k_1" }],
    ["has-init", decomposeReduction, product(), { block: "relu", loop: "n" }],
    ["reduction-inside", cacheWrite, product(), { block: "matmul", at: "k" }],
    ["unguarded", cacheWrite, applyPrimitive(split, product(), { loop: "j", factor: 4 }), { block: "matmul", at: "i" }],
    ["elementwise", computeInline, product(), { block: "matmul" }],
    ["local-buffer", computeInline, product(), { block: "relu" }],
    ["stored-once", reverseComputeInline, product(), { block: "relu", buffer: "t" }],
    ["reads-in-place", reverseComputeInline, product(), { block: "relu", buffer: "q" }],
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

  test("each named condition is documented", () => {
    for (const p of schedulePrimitives) for (const c of p.conditions) expect(c.doc).toMatch(/^[A-Z].*\.$/s);
  });
});

/** a * b with a constant b */
function weighted(): TensorProgram {
  const program = product();
  const b = program.parameters[1]!;
  const weight = { ...b, scope: "weight" as const };
  return { ...program, parameters: program.parameters.map((p) => (p === b ? weight : p)), body: withBuffers(program.body, new Map([[b, weight]])) };
}

function wide(): TensorProgram {
  const y = buffer("y", "float32", [100], "output");
  return makeProgram("wide", [y], nest("fill", [{ name: "i", extent: 100 }], ([i]) => store(y, [i!], number("float32", 1))));
}
