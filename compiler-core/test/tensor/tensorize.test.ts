import { describe, expect, test } from "vitest";
import { needs } from "../../../app/tooling/need.ts";
import { printKernel } from "../../src/backends/c/print.ts";
import { wasmTarget } from "../../src/backends/wasm/index.ts";
import type { ElementType } from "../../src/ir/element-type.ts";
import { blockChannelsLowering, unblockChannelsLowering } from "../../src/ops/support/lower-blocked.ts";
import { transposeLowering } from "../../src/ops/support/lower-shape.ts";
import { GraphwrightError } from "../../src/support/diagnostic.ts";
import { Random } from "../../src/support/random.ts";
import { buffer, loop, makeProgram, mapStatements, nest, store, walkStatements } from "../../src/tensor/build.ts";
import { add, load, lt, mul, number, select, variable } from "../../src/tensor/expression.ts";
import { interpret } from "../../src/tensor/interpreter.ts";
import { scheduleParallel } from "../../src/tensor/parallel-rule.ts";
import { parseProgram } from "../../src/tensor/parser.ts";
import { printProgram } from "../../src/tensor/printer.ts";
import type { Expression, TensorProgram, Variable } from "../../src/tensor/program.ts";
import { scheduleByRule } from "../../src/tensor/rules.ts";
import { applyPrimitive, legalityOf } from "../../src/tensor/schedule/primitive.ts";
import { cacheWrite } from "../../src/tensor/schedule/cache-write.ts";
import { reorder } from "../../src/tensor/schedule/reorder.ts";
import { split } from "../../src/tensor/schedule/split.ts";
import { tensorize } from "../../src/tensor/schedule/tensorize.ts";
import { unroll } from "../../src/tensor/schedule/unroll.ts";
import { sizesOf, withSizes } from "../../src/tensor/sizes.ts";
import { avx2Target, avx512Target, neonTarget, portableTarget, type ScheduleTarget } from "../../src/tensor/target.ts";
import { tileSides } from "../../src/tensor/transposed-tile.ts";
import { verifyProgram } from "../../src/tensor/verifier.ts";
import { compilers, runInC, runnableTargets, sanitizingCompilers } from "./c-runner.ts";
import { type Case, inputsFor, programOf, worstDifference } from "./lowered.ts";
import { roundTrip } from "./round-trip.ts";
import { body, product, sameMeaning } from "./sample-programs.ts";
import { runInWasm } from "./wasm-runner.ts";

/** y[i, j] = what `value` makes of x and the loops i < rows and j < columns */
function copy(rows: number, columns: number, dims: readonly number[], value: (i: Variable, j: Variable) => readonly Expression[], element: ElementType = "float32"): TensorProgram {
  const x = buffer("x", element, dims, "input");
  const y = buffer("y", element, [rows, columns], "output");
  return makeProgram("copy", [x, y], nest("copy", [{ name: "i", extent: rows }, { name: "j", extent: columns }], ([i, j]) => store(y, [i!, j!], load(x, value(i!, j!)))));
}
const transposition = (rows: number, columns = rows, element?: ElementType): TensorProgram => copy(rows, columns, [columns, rows], (i, j) => [j, i], element);
const whole = { outer: "i", inner: "j" };

const hasTiles = (program: TensorProgram): boolean => printProgram(program).text.includes("in transposed(");

describe("tensorize", () => {
  test("two loops around a copy become a tile", () => {
    const plain = applyPrimitive(reorder, applyPrimitive(split, applyPrimitive(split, transposition(8, 12), { loop: "i", factor: 4 }), { loop: "j", factor: 4 }), { loops: ["j_o", "i_i"] });
    const after = applyPrimitive(tensorize, plain, { outer: "i_i", inner: "j_i" });
    expect(body(after)).toEqual([
      "for i_o in range(2):",
      "  for j_o in range(3):",
      "    for i_i in transposed(4):",
      "      for j_i in transposed(4):",
      "        block copy:",
      "          spatial v_i < 8 = i_o * 4 + i_i, v_j < 12 = j_o * 4 + j_i",
      "          y[v_i, v_j] = x[v_j, v_i]",
    ]);
    sameMeaning(transposition(8, 12), after);
    roundTrip(after);
    const { text, vectorHelpers } = printKernel(after, { name: "k", target: neonTarget });
    expect(text).toContain("gw_transpose_x4(x + j_o * 32 + i_o * 4, 8, y + i_o * 48 + j_o * 4, 12);");
    expect([...vectorHelpers]).toEqual(["gw_transpose_x4"]);
    // Without vectors the loops mean what they say.
    expect(printKernel(after, { name: "k", target: portableTarget }).text).toContain("y[i_o * 48 + i_i * 12 + j_o * 4 + j_i] = x[j_o * 32 + j_i * 8 + i_o * 4 + i_i];");
  });

  test("in either order of the loops, with rows apart and elements of any type", () => {
    for (const element of ["float32", "int32", "uint32"] as const) {
      const ordered = applyPrimitive(reorder, copy(8, 8, [8, 40], (i, j) => [j, add(i, 16)], element), { loops: ["j", "i"] });
      const after = applyPrimitive(tensorize, ordered, { outer: "j", inner: "i" });
      sameMeaning(ordered, after);
      expect(printKernel(after, { name: "k", target: avx2Target }).text).toContain("gw_transpose_x8(x + 16, 40, y, 8);");
    }
  });

  test("of narrower elements as many as fill 16 bytes", () => {
    for (const [side, element, helper] of [[16, "int8", "gw_transpose8_x16"], [16, "bool", "gw_transpose8_x16"], [8, "float16", "gw_transpose16_x8"], [8, "int16", "gw_transpose16_x8"]] as const) {
      const plain = transposition(side, side, element);
      const after = applyPrimitive(tensorize, plain, whole);
      sameMeaning(plain, after);
      for (const target of [neonTarget, avx512Target]) expect(printKernel(after, { name: "k", target }).text).toContain(`${helper}(x, ${side}, y, ${side});`);
    }
  });

  test("rows that are not there are zeros, and columns of which a vector holds more are left out", () => {
    const [x, y] = [buffer("x", "float32", [5, 8], "input"), buffer("y", "float32", [8, 8], "output")];
    const axes = [{ name: "i", extent: 8 }, { name: "j", extent: 8 }];
    const filled = makeProgram("filled", [x, y], nest("copy", axes, ([i, j]) => store(y, [i!, j!], select(lt(j!, 5), load(x, [j!, i!]), number("float32", 0)))));
    const after = applyPrimitive(tensorize, filled, whole);
    sameMeaning(filled, after);
    roundTrip(after);
    expect(printKernel(after, { name: "k", target: avx2Target }).text).toContain("gw_transpose_part_x8(x, 8, 5, y, 8, 8);");
    const narrow = copy(3, 8, [8, 8], (i, j) => [j, i]);
    const part = applyPrimitive(tensorize, narrow, whole);
    sameMeaning(narrow, part);
    expect(printKernel(part, { name: "k", target: avx2Target }).text).toContain("gw_transpose_part_x8(x, 8, 8, y, 8, 3);");
  });

  const carried = (): TensorProgram => {
    const y = buffer("y", "float32", [8, 8], "output");
    return makeProgram("carried", [y], [
      ...nest("first", [{ name: "a", extent: 8 }, { name: "b", extent: 8 }], ([a, b]) => store(y, [a!, b!], number("float32", 1))),
      ...nest("copy", [{ name: "i", extent: 8 }, { name: "j", extent: 8 }], ([i, j]) => store(y, [i!, j!], load(y, [j!, i!]))),
    ]);
  };
  /** a transposition where a condition holds, and a number elsewhere */
  const chosen = (condition: (i: Variable, j: Variable) => Expression, otherwise: number): TensorProgram => {
    const [x, y] = [buffer("x", "float32", [8, 8], "input"), buffer("y", "float32", [8, 8], "output")];
    return makeProgram("chosen", [x, y], nest("copy", [{ name: "i", extent: 8 }, { name: "j", extent: 8 }], ([i, j]) => store(y, [i!, j!], select(condition(i!, j!), load(x, [j!, i!]), number("float32", otherwise)))));
  };
  const overlapping = (): TensorProgram => {
    const x = buffer("x", "float32", [8, 8], "input");
    const y = buffer("y", "float32", [15], "output");
    return makeProgram("overlapping", [x, y], nest("copy", [{ name: "i", extent: 8 }, { name: "j", extent: 8 }], ([i, j]) => store(y, [add(i!, j!)], load(x, [j!, i!]))));
  };
  const computed = (): TensorProgram => {
    const x = buffer("x", "float32", [8, 8], "input");
    const y = buffer("y", "float32", [8, 8], "output");
    return makeProgram("computed", [x, y], nest("copy", [{ name: "i", extent: 8 }, { name: "j", extent: 8 }], ([i, j]) => store(y, [i!, j!], mul(load(x, [j!, i!]), number("float32", 2)))));
  };
  const gathered = (): TensorProgram => {
    const x = buffer("x", "float32", [8, 8], "input");
    const at = buffer("at", "int64", [8], "input");
    const y = buffer("y", "float32", [8, 8], "output");
    return makeProgram("gathered", [x, at, y], nest("copy", [{ name: "i", extent: 8 }, { name: "j", extent: 8 }], ([i, j]) => store(y, [i!, j!], load(x, [{ kind: "cast", element: "index", operand: load(at, [j!]) }, i!]))));
  };
  const ofSizes = (): TensorProgram => {
    const [i, j] = [variable("i"), variable("j")];
    const [x, y] = [buffer("x", "float32", [8, 8], "input"), buffer("y", "float32", [8, 8], "output")];
    return makeProgram("dynamic", [x, y], [loop(i, 8, [loop(j, 8, [store(y, [i, j], load(x, [j, i]))], "serial", { kind: "variable", name: "n", max: 8 })])]);
  };
  test.each<[string, TensorProgram, { outer: string; inner: string }]>([
    ["names", transposition(8), { outer: "k", inner: "j" }],
    ["directly-nested", transposition(8), { outer: "j", inner: "i" }],
    ["directly-nested", product(8, 8), { outer: "i", inner: "k" }],
    ["serial-loop", applyPrimitive(unroll, transposition(8), { loop: "j" }), whole],
    ["known-count", ofSizes(), whole],
    ["square", transposition(8, 4), whole],
    ["square", transposition(5), whole],
    ["square", transposition(32), whole],
    ["square", copy(3, 8, [8, 6], (i, j) => [j, i]), whole],
    ["square", copy(3, 8, [8, 12], (i, j) => [j, add(i, 5)]), whole],
    ["pure-copy", chosen((_i, j) => lt(j, 5), 1), whole],
    ["pure-copy", chosen((_i, j) => lt(j, 5), -0), whole],
    ["pure-copy", chosen((i, j) => lt(add(i, j), 9), 0), whole],
    ["pure-copy", chosen((i) => lt(i, 5), 0), whole],
    ["pure-copy", computed(), whole],
    ["pure-copy", carried(), whole],
    ["pure-copy", transposition(8, 8, "float64"), whole],
    ["square", transposition(8, 8, "int8"), whole],
    ["square", transposition(16, 16, "float16"), whole],
    ["pure-copy", product(4, 4, 4), { outer: "j", inner: "k" }],
    ["across", copy(8, 8, [8, 8], (i, j) => [i, j]), whole],
    ["across", copy(8, 8, [8, 16], (i, j) => [j, mul(i, 2)]), whole],
    ["across", gathered(), whole],
    ["own-elements", overlapping(), whole],
  ])("is refused: %s", (condition, program, args) => {
    const { conditions, program: after } = legalityOf(tensorize, program, args);
    expect(after).toBeUndefined();
    expect(conditions.filter((c) => c.state === "failed").map((c) => c.name)).toEqual([condition]);
    expect(() => applyPrimitive(tensorize, program, args)).toThrow(GraphwrightError);
  });

  test("no nest is put into a tile, and its loops are not split", () => {
    const tile = applyPrimitive(tensorize, transposition(8), whole);
    expect(() => applyPrimitive(cacheWrite, tile, { block: "copy", at: "i" })).toThrow('condition "takes-nests"');
    expect(() => applyPrimitive(split, tile, { loop: "j", factor: 4 })).toThrow('condition "serial-loop"');
  });

  test("loops that are no tile any more are loops again", () => {
    const plain = computed();
    const marked = makeProgram("marked", plain.parameters, mapStatements(plain.body, (s) => (s.kind === "for" ? { ...s, mode: "transposed" } : s)));
    expect(printKernel(marked, { name: "k", target: avx2Target }).text).toContain("y[i * 8 + j] = x[j * 8 + i] * 2.0f;");
  });
});

function blocked(r: Random) {
  const element = r.pick(["float32", "float32", "int32", "int8"] as const);
  return { element, n: 1 + r.below(2), c: 1 + r.below(60), h: 1 + r.below(6), w: 1 + r.below(element === "int8" ? 20 : 10), block: element === "int8" ? 16 : r.pick([4, 8, 16]) };
}

/** Random copies whose rows are not read as they are written. */
const generators: Readonly<Record<string, (r: Random) => Case & { readonly lowering: typeof transposeLowering }>> = {
  Transpose: (r) => {
    const element = r.pick(["float32", "int32", "uint32", "uint8", "float16"] as const);
    const dims = Array.from({ length: 2 + r.below(3) }, (_, d) => (d < 2 ? (element === "uint8" ? 14 : 4) + r.below(36) : 1 + r.below(9)));
    const perm = dims.map((_, d) => d);
    for (let i = perm.length - 1; i > 0; i--) {
      const j = r.below(i + 1);
      [perm[i], perm[j]] = [perm[j]!, perm[i]!];
    }
    const input = dims.map((_, d) => dims[perm[d]!]!);
    return { lowering: transposeLowering, op: "Transpose", inputs: [input], output: perm.map((p) => input[p]!), attributes: { perm }, element };
  },
  BlockChannels: (r) => {
    const { element, n, c, h, w, block } = blocked(r);
    return { lowering: blockChannelsLowering, op: "BlockChannels", inputs: [[n, c, h, w]], output: [n, Math.ceil(c / block), h, w, block], element };
  },
  UnblockChannels: (r) => {
    const { element, n, c, h, w, block } = blocked(r);
    return { lowering: unblockChannelsLowering, op: "UnblockChannels", inputs: [[n, Math.ceil(c / block), h, w, block]], output: [n, c, h, w], element };
  },
};

/** Copies whose lengths are sizes of the run. */
const dynamic = [
  `program transpose(input x: float32[n <= 40, 24], output y: float32[24, n <= 40], size n <= 40):
  for i in range(24):
    for j in range(n <= 40):
      block copy:
        spatial v_i < 24 = i, v_j < 40 = j
        y[v_i, v_j] = x[v_j, v_i]`,
  `program block(input x: float32[2, 20, n <= 5, m <= 40], output y: float32[2, 2, n <= 5, m <= 40, 16], size n <= 5, size m <= 40):
  for b in range(2):
    for cb in range(2):
      for h in range(n <= 5):
        for w in range(m <= 40):
          for ci in range(16):
            block copy:
              spatial v_b < 2 = b, v_cb < 2 = cb, v_h < 5 = h, v_w < 40 = w, v_ci < 16 = ci
              y[v_b, v_cb, v_h, v_w, v_ci] = select(v_cb * 16 + v_ci < 20, x[v_b, v_cb * 16 + v_ci, v_h, v_w], 0.0)`,
  `program unblock(input x: float32[2, n <= 5, m <= 40, 16], output y: float32[20, n <= 5, m <= 40], size n <= 5, size m <= 40):
  for c in range(20):
    for h in range(n <= 5):
      for w in range(m <= 40):
        block copy:
          spatial v_c < 20 = c, v_h < 5 = h, v_w < 40 = w
          y[v_c, v_h, v_w] = x[v_c // 16, v_h, v_w, v_c % 16]`,
].map(parseProgram);

interface Made {
  readonly name: string;
  readonly plain: TensorProgram;
  readonly program: TensorProgram;
}

function made(target: ScheduleTarget, seed: number, count: number): Made[] {
  return Object.entries(generators).flatMap(([op, generate]) => {
    const random = new Random(seed);
    return Array.from({ length: count }, (_, i): Made => {
      const { lowering, ...spec } = generate(random);
      const plain = programOf(lowering, spec);
      return { name: `${op} ${i} of [${spec.inputs[0]!.join(", ")}] to [${spec.output.join(", ")}] for ${target.name}`, plain, program: scheduleByRule(plain, target).program };
    });
  });
}

/** Copies of bits: exact. */
const agree = (c: Made, outputs: readonly { readonly data: ArrayLike<unknown> }[]): void => expect(worstDifference(outputs[0] as never, interpret(c.plain, inputsFor(c.plain))[0]!), c.name).toBe(0);

describe("copies across a layout, by rule", () => {
  test.each([avx512Target, avx2Target, neonTarget, wasmTarget])("$name: tiles, verified, mean what the plain nests mean", (target) => {
    const cases = made(target, 5, 24);
    for (const c of cases) {
      expect(verifyProgram(c.program), `${c.name}\n${printProgram(c.program).text}`).toEqual([]);
      agree(c, interpret(c.program, inputsFor(c.plain)));
      const shared = scheduleParallel(c.program, 1).program;
      expect(verifyProgram(shared), c.name).toEqual([]);
      const sides = tileSides(c.program.parameters[0]!.element, target.vectorLanes);
      walkStatements(c.program.body, (s, around) => {
        const outer = around.at(-1);
        if (s.kind === "for" && s.mode === "transposed" && outer?.kind === "for" && outer.mode === "transposed") expect(sides, c.name).toContain(Math.max(s.extent, outer.extent));
      });
    }
    // Most are long enough in both directions.
    expect(cases.filter((c) => hasTiles(c.program)).length).toBeGreaterThan(cases.length / 2);
  });

  test("a target without vectors has no tiles", () => expect(made(portableTarget, 5, 8).some((c) => hasTiles(c.program))).toBe(false));

  const inC = (target: ScheduleTarget, options: Parameters<typeof runInC>[1], count: number): void => {
    const cases = made(target, 17, count);
    for (const [i, outputs] of runInC(cases.map((c) => ({ program: c.program, inputs: inputsFor(c.plain) })), { ...options, target }).entries()) agree(cases[i]!, outputs);
  };
  for (const target of runnableTargets().filter((t) => t.vectorLanes > 1))
    needs("gcc").each(compilers.length > 0 ? compilers : ["gcc"])(`and so does their C for ${target.name}, by %s`, (compiler) => {
      inC(target, { compiler, flags: ["-O2"] }, 24);
      if (sanitizingCompilers.includes(compiler)) inC(target, { compiler, flags: ["-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"] }, 24);
    }, 300_000);
  needs("aarch64-linux-gnu-gcc", "qemu-aarch64-static")("and for AArch64, emulated", () => inC(neonTarget, { compiler: "aarch64-linux-gnu-gcc", flags: ["-O2", "-static"], emulator: "qemu-aarch64-static" }, 24), 300_000);
  const atSizes = (target: ScheduleTarget) =>
    dynamic.flatMap((plain) => {
      const { program } = scheduleByRule(plain, target);
      expect(verifyProgram(program), printProgram(program).text).toEqual([]);
      expect(hasTiles(program)).toBe(true);
      return [[1, 3], [5, 40], [3, 21], [2, 16]].map(([n, m]) => {
        const sizes = new Map(sizesOf(program).map((s) => [s, s.name === "n" && s.max === 5 ? n! : m!]));
        const own = withSizes(plain, sizes);
        return { program, sizes, inputs: inputsFor(own), expected: interpret(own, inputsFor(own))[0]!, name: `${plain.name} at ${n} x ${m} for ${target.name}` };
      });
    });
  needs("gcc")("where sizes of the run decide how long they are, in C and WebAssembly", async () => {
    for (const target of runnableTargets().filter((t) => t.vectorLanes > 1)) {
      const cases = atSizes(target);
      for (const [i, outputs] of runInC(cases, { target, flags: sanitizingCompilers.length > 0 ? ["-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"] : ["-O1"], compiler: sanitizingCompilers[0] ?? "gcc" }).entries()) expect(worstDifference(outputs[0]!, cases[i]!.expected), cases[i]!.name).toBe(0);
    }
    const cases = atSizes(wasmTarget);
    for (const [i, outputs] of (await runInWasm(cases)).entries()) expect(worstDifference(outputs[0]!, cases[i]!.expected), cases[i]!.name).toBe(0);
  }, 120_000);
  test("and their WebAssembly", async () => {
    const cases = made(wasmTarget, 17, 24);
    for (const [i, outputs] of (await runInWasm(cases.map((c) => ({ program: c.program, inputs: inputsFor(c.plain) })))).entries()) agree(cases[i]!, outputs);
  }, 120_000);
});
