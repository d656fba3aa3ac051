import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { needs, sharedFolder } from "../../../app/tooling/need.ts";
import { wasmTarget } from "../../src/backends/wasm/index.ts";
import { lowerGraph, operatorLowering } from "../../src/bundle/lower-graph.ts";
import type { Graph } from "../../src/ir/graph.ts";
import { Timeline } from "../../src/ir/timeline.ts";
import { runPipeline } from "../../src/passes/run-pipeline.ts";
import { GraphwrightError } from "../../src/support/diagnostic.ts";
import { silentTask } from "../../src/support/task.ts";
import { buffer, makeProgram, store, tableBuffer, when } from "../../src/tensor/build.ts";
import { binary, cast, integer, load, number, truth, unary } from "../../src/tensor/expression.ts";
import { parseProgram } from "../../src/tensor/parser.ts";
import { printExpression, printProgram } from "../../src/tensor/printer.ts";
import type { Expression, TensorProgram } from "../../src/tensor/program.ts";
import { portableTarget } from "../../src/tensor/target.ts";
import { verifyProgram } from "../../src/tensor/verifier.ts";
import { lightFile } from "../fixtures/light.ts";
import { open } from "../bundle/on-disk.ts";
import { roundTrip } from "./round-trip.ts";

/** A relu over rows that a size gives, with a table, a guard and a reduction in two lines of axes. */
const everything = `program everything(input x: float32[n <= 8, 4], weight w: int8[2, 4, 4] packed [0/4, 1, 0%4] of [6, 4], output y: float32[n <= 8], size n <= 8):
  table steps: int64[2] = [0, -3]
  local sums: float32[8]
  for i in parallel(n <= 8):
    prefetch 2 lines of x at (i + 1) * 4
    for k in unrolled(4):
      block sum:
        spatial row < 8 = i
        reduce term < 4 = k
        spatial again < 8 = i
        init:
          sums[row] = 0.0
        sums[row] = sums[row] + x[row, term] * float32(w[0, term, 1])
    if i < n - 1 and not(isnan(sums[i])) or true:
      y[i] = select(sums[i] > 0.0, -sums[i] / 3.5e-7, -(2.0))
    else:
      y[i] = cast(float32, 3) + max(float32(steps[0] * int64(-7)), inf)
  for last in range(2):
    pass
`;

describe("what is printed is read", () => {
  test("every form of the grammar", () => {
    expect(printProgram(parseProgram(everything)).text).toBe(everything);
    roundTrip(parseProgram(everything));
  });

  test("comments, empty lines, lines that go on inside brackets, other indentation", () => {
    const text = `
# relu of four elements
program relu(
    input x: float32[4],   # what is given
    output y: float32[4]):

   for i in range(4):      # each element
         y[i] = max(
           x[i],
 0.0)
`;
    expect(printProgram(parseProgram(text)).text).toBe("program relu(input x: float32[4], output y: float32[4]):\n  for i in range(4):\n    y[i] = max(x[i], 0.0)\n");
  });

  const x = buffer("x", "float32", [4], "input");
  const first = load(x, [integer(0)]);
  test.each<[string, Expression]>([
    ["-(2.0)", unary("neg", number("float32", 2))],
    ["-2.0", number("float32", -2)],
    ["--2.0", unary("neg", number("float32", -2))],
    ["cast(float64, 2.0)", cast("float64", number("float32", 2))],
    ["float64(2)", number("float64", 2)],
    ["cast(float32, 7)", cast("float32", integer(7))],
    ["float64(0.1)", number("float64", 0.1)],
    ["0.1", number("float32", 0.1)],
    ["100000000000000000000.0", number("float32", 1e20)],
    ["1e+30", number("float32", 1e30)],
    ["-0.0", number("float32", -0)],
    ["float64(-0)", number("float64", -0)],
    ["nan", number("float32", NaN)],
    ["int64(-inf)", number("int64", -Infinity)],
    ["int64(9007199254740993)", number("int64", 2n ** 53n + 1n)],
    ["int64(-9223372036854775808)", number("int64", -(2 ** 63))],
    ["uint64(18446744073709551615)", number("uint64", 2n ** 64n - 1n)],
    ["true", truth(true)],
    ["x[0] - (x[0] - x[0])", binary("sub", first, binary("sub", first, first))],
    ["x[0] - x[0] - x[0]", binary("sub", binary("sub", first, first), first)],
    ["(x[0] < 1.0 or x[0] > 2.0) and not(true)", binary("and", binary("or", binary("lt", first, number("float32", 1)), binary("gt", first, number("float32", 2))), unary("not", truth(true)))],
    ["-(x[0] + 1.0) * x[0]", binary("mul", unary("neg", binary("add", first, number("float32", 1))), first)],
    ["floor(x[0]) % 3.0", binary("floormod", unary("floor", first), number("float32", 3))],
  ])("%s", (text, e) => {
    expect(printExpression(e)).toBe(text);
    // Conditions of equal types take any expression.
    roundTrip({ name: "one", parameters: [x], body: [when({ kind: "binary", op: "eq", left: e, right: e }, [])] });
  });

  test("names that are no words, and names that are words of the language", () => {
    const names = ["if", "spatial", "true", "a-b", "1st", "select", "float32"];
    const buffers = names.map((name) => buffer(name, "float32", [2], "input"));
    const y = buffer("pass", "float32", [2], "output");
    roundTrip({ name: "the program", parameters: [...buffers, y], body: buffers.map((b) => store(y, [integer(0)], load(b, [integer(1)]))) });
  });

  test("a table keeps its numbers", () => {
    const table = tableBuffer("t", "float32", [4], [0.1, 1 / 3, -0, 1e-40]);
    const exact = tableBuffer("u", "float64", [2], [0.1, 1e300]);
    const y = buffer("y", "float32", [4], "output");
    roundTrip(makeProgram("tables", [y], [{ kind: "allocate", buffer: table }, { kind: "allocate", buffer: exact }, store(y, [integer(1)], load(table, [integer(0)]))]));
  });
});

/** Every program of a graph's steps, in every state of its schedule. */
async function roundTripSteps(graph: Graph, name: string, target = portableTarget): Promise<number> {
  const { steps } = await lowerGraph(graph, silentTask, operatorLowering, target);
  const seen = new Set<string>();
  for (const step of steps)
    for (const program of new Set<TensorProgram>([...step.schedule.map((s) => s.before), step.program])) {
      const { text } = printProgram(program);
      if (seen.has(text)) continue;
      seen.add(text);
      roundTrip(program, `${name} ${step.node.name}`);
    }
  return seen.size;
}

describe("programs of networks, in every state of their schedules", () => {
  test("digits", async () => {
    const graph = open(join(import.meta.dirname, "../../../examples/digits/digits.onnx"));
    const timeline = new Timeline(graph);
    await runPipeline(timeline, "default");
    expect(await roundTripSteps(timeline.head.graph, "digits, optimized", wasmTarget)).toBeGreaterThan(20);
  }, 60_000);

  if (process.env.GRAPHWRIGHT_ALL_NETWORKS)
    needs("shared").each((["bvlc_alexnet", "densenet121", "inception_v1", "inception_v2", "resnet50", "shufflenet", "squeezenet", "vgg19", "zfnet512"] as const).map((name) => [name] as const))("%s", async (name) => {
      const graph = open(lightFile(sharedFolder(), name));
      expect(await roundTripSteps(graph, name)).toBeGreaterThan(20);
      const timeline = new Timeline(graph);
      await runPipeline(timeline, "default");
      expect(await roundTripSteps(timeline.head.graph, `${name}, optimized`)).toBeGreaterThan(20);
    }, 900_000);
});

describe("errors say where, what was expected and what to do", () => {
  const program = (...lines: string[]): string => ["program p(input x: float32[4, 6], input q: int8[4], output y: float32[4], size n <= 4):", ...lines].join("\n");
  test.each<[string, number, number, string, string]>([
    ["", 1, 1, "expected program, found the end", "A program starts with its head"],
    ["graph main()", 1, 1, "expected program, found graph", "starts with its head"],
    ["program p(x: float32[4]):", 1, 11, "expected input, weight, output, scratch or size, found x", "A parameter is written as"],
    ["program p(input x: float31[4]):", 1, 20, "expected an element type, found float31", "float32"],
    ["program p(input x: float32[m <= 4]):", 1, 28, "there is no loop, axis or size m here", ""],
    ["program p(input x: float32[n], size n <= 4):", 1, 29, "expected <=, found ]", "n <= 8"],
    ["program p(weight w: float32[2, 4] packed [0/4, 0%4] of [9]):", 1, 21, "[9] laid out as [0/4, 0%4] is [3, 4], not [2, 4]", ""],
    ["program p(weight w: float32[9, 1] packed [0, 0] of [9]):", 1, 35, "does not hold each element at one place", ""],
    ["program p(input x: float32[4], output x: float32[4]):", 1, 39, "the name x is taken in line 1", "another one"],
    [program(), 1, 88, "expected the lines of the program, indented, found the end", '"pass"'],
    [program("  for i in range(4)", "    y[i] = 1.0"), 2, 20, "expected :, found the end of the line", ""],
    [program("  for i in vector(4):"), 2, 12, "expected the kind of the loop, range, unrolled, vectorized, parallel, worker, dot, transposed, found vector", ""],
    [program("  for i in range(n):"), 2, 19, "expected <=, found )", "range(n <= 8)"],
    [program("  for i in range(4):", "    y[j] = 1.0"), 3, 7, "there is no loop, axis or size j here", "Known here: n, i."],
    [program("  for i in range(4):", "    y[i] = 1.0", "  y[i] = 2.0"), 4, 5, "there is no loop, axis or size i here", "i of line 2 ends with the statement that made it"],
    [program("  for i in range(4):", "    y[i] = x[i]"), 3, 12, "x has 2 dimensions, and 1 index is given", ""],
    [program("  for i in range(4):", "    y[i] = x"), 3, 12, "there is no loop, axis or size x here", "write its element as x[...]"],
    [program("  for i in range(4):", "    y[i] = x(i)"), 3, 12, "there is no function x", "write its element as x[...]"],
    [program("  for i in range(4):", "    y[i] = x[i, 0] * 2"), 3, 20, "* takes two values of one type, these are float32 and index", "Write 2.0."],
    [program("  for i in range(4):", "    y[i] = q[i]"), 3, 12, "y holds float32, and the value is int8", "float32(...)"],
    [program("  for i in range(4):", "    y[i] = x[i, x[i, 0]]"), 3, 17, "an index is an integer, this is float32", "index(...)"],
    [program("  for i in range(4):", "    if x[i, 0]:", "      y[i] = 1.0"), 3, 8, "a condition is bool, this is float32", "x[i] > 0.0"],
    [program("  for i in range(4):", "    y[i] = min(x[i, 0])"), 3, 12, "min takes 2 arguments, 1 is given", ""],
    [program("  for i in range(4):", "    y[i] = x[i, 0] x[i, 1]"), 3, 20, "expected the end of the line, found x", ""],
    [program("  for i in range(4):", "      y[i] = 1.0", "    y[i] = 2.0"), 4, 5, "the line is indented by 4 spaces, like no line around it", "0 or 2"],
    [program("  for i in range(4):", "\ty[i] = 1.0"), 3, 1, "unexpected tab", "spaces"],
    [program("  y[0] = 1.0", "    y[1] = 1.0"), 3, 5, "expected a statement, found a deeper line", "deeper than the one above"],
    [program("  table t: float32[3] = [1, 2]", "  y[0] = 1.0"), 2, 25, "float32[3] takes 3 values, 2 are given", ""],
    [program("  y[0] = 1.0", "else:", "  pass"), 3, 1, "expected the end, found else", "one program"],
    [program("  block b:", "    spatial v = 3", "    y[v] = 1.0"), 3, 15, "expected <, found =", "spatial v < 8 = i"],
    [program("  y[0] = float32(int64(9223372036854775808))"), 2, 24, "int64 goes from -9223372036854775808 to 9223372036854775807", ""],
    [program("  y[9007199254740993] = 1.0"), 2, 5, "an index is at most 2^53", "int64(...)"],
    [program("  table t: int64[1] = [9007199254740993]", "  y[0] = 1.0"), 2, 24, "a table holds whole numbers up to 2^53", ""],
    [program("  y[0] = 1.0 ? 2"), 2, 14, 'unexpected "?"', ""],
  ])("%#: %s", (text, line, column, message, hint) => {
    let error: unknown;
    try {
      parseProgram(text);
    } catch (e) {
      error = e;
    }
    expect(error).toBeInstanceOf(GraphwrightError);
    const { diagnostic } = error as GraphwrightError;
    expect(diagnostic.code).toBe("program-syntax");
    expect(diagnostic.message).toContain(message);
    expect(diagnostic.where).toEqual({ line, column });
    expect(diagnostic.hint ?? "").toContain(hint);
  });

  test("the example of the documentation is sound", () => {
    const page = readFileSync(join(import.meta.dirname, "../../../docs/tensor-programs.md"), "utf8");
    const examples = [...page.matchAll(/```\n(program \w+\([\s\S]*?)```/g)].map((m) => m[1]!);
    expect(examples.length).toBeGreaterThan(0);
    for (const text of examples) {
      expect(printProgram(parseProgram(text)).text).toBe(text);
      expect(verifyProgram(parseProgram(text))).toEqual([]);
    }
  });
});
