import { expect, test } from "vitest";
import { needs } from "../../../app/tooling/need.ts";
import { exportOnnx, fileBytes } from "../../src/backends/onnx/index.ts";
import { parseGraph } from "../../src/ir/parser.ts";
import { typeRules } from "../../src/ops/index.ts";
import { createSession } from "../../src/session/index.ts";
import { generateWasm, loadWasm, lowerGraph } from "../../src/bundle/index.ts";
import { evaluateGraph } from "../../src/evaluate/index.ts";
import { fromNumbers, type Tensor, tensorBytes, tensorFromBytes, toNumbers } from "../../src/ir/tensor.ts";
import { planMemory } from "../../src/bundle/memory-plan.ts";
import { nodeProgram } from "../../src/session/program-view.ts";
import { MemoryBlob } from "../../src/support/blob.ts";
import { silentTask } from "../../src/support/task.ts";
import { selfTestOf } from "./on-disk.ts";

test("of two outputs that nothing reads, one takes over the input of both", () => {
  const values = ["x", "a", "b"].map((key) => ({ key, bytes: 64 }));
  const plan = planMemory({ values, inputs: ["x"], outputs: [], steps: [{ reads: ["x"], writes: ["a", "b"], scratch: [], inPlace: [["x", "a"], ["x", "b"]], views: [] }] });
  expect(plan.locations.get("a")).toEqual(plan.locations.get("x"));
  expect(plan.locations.get("b")).not.toEqual(plan.locations.get("a"));
});

test.each([[0, true], [1, false], [7, true]])("as WebAssembly with %i turns inside and %s, in one run and step by step", async (turns, way) => {
  const graph = parseGraph(decided, { rules: typeRules });
  const code = await generateWasm(graph, "m", { modelName: "m", relaxed: [false] }, silentTask);
  const { model } = code;
  const inputs = [fromNumbers("float32", [5, 3], Array.from({ length: 15 }, (_, i) => Math.sin(i))), fromNumbers("int64", [], [turns]), fromNumbers("bool", [1], [way ? 1 : 0]), fromNumbers("int64", [1], [3])];
  const expected = evaluateGraph(graph, new Map(graph.root.parameters.map((id, i) => [id, inputs[i]!]))) as Tensor[];
  // In memory that held something else before.
  const { bytes, functions, runSteps, setInputs } = await loadWasm(code, code.modules[0]!, 0x7f);
  setInputs(inputs.map(tensorBytes));
  for (const run of [() => functions["run"]!(), () => runSteps((step) => functions[`step_${step}`]!()), () => functions["run"]!()]) {
    run();
    for (const [i, o] of model.outputs.entries()) {
      const actual = toNumbers(tensorFromBytes(o.element, o.dims, bytes.slice(o.address, o.address + o.bytes)));
      for (const [k, want] of [...toNumbers(expected[i]!)].entries()) expect(actual[k], `${o.name}[${k}]`).toBeCloseTo(want, 5);
    }
  }
});

test("whether another turn follows may be a carried value: it counts as it was before the turn changed it", async () => {
  const graph = parseGraph(
    `graph @main(%x: float32[4], %ask: bool[]) -> (%again: bool[], %y: float32[4]) {
      %n = constant int64[] [10]
      %limit = constant float32[] [50]
      %again, %y = Loop(%n, _, %ask, %x) body (%i: int64[], %go: bool[], %f: bool[], %s: float32[4]) {
        %t = Add(%s, %s)
        %sum = ReduceSum(%t) {keepdims = 0}
        %small = Less(%sum, %limit)
        return %f, %small, %t
      }
      return %again, %y
    }`,
    { rules: typeRules },
  );
  const code = await generateWasm(graph, "m", { modelName: "m", relaxed: [false] }, silentTask);
  const { bytes, functions, setInputs } = await loadWasm(code, code.modules[0]!, 0x7f);
  const run = (ask: boolean): number[][] => {
    setInputs([fromNumbers("float32", [4], [1, 2, 3, 4]), fromNumbers("bool", [], [Number(ask)])].map(tensorBytes));
    functions["run"]!();
    return code.model.outputs.map((o) => [...toNumbers(tensorFromBytes(o.element, o.dims, bytes.slice(o.address, o.address + o.bytes)))]);
  };
  // Sums are 20, 40, 80, 160: the flag falls in the third turn, and the fourth is the last that sees it standing.
  expect(run(true)).toEqual([[0], [16, 32, 48, 64]]);
  expect(run(false)).toEqual([[1], [2, 4, 6, 8]]);
});

test("the programs of a node with bodies are shown one after the other, each under what it runs by", async () => {
  const graph = parseGraph(decided, { rules: typeRules });
  const shown = async (op: string): Promise<string[]> => {
    const node = [...graph].find((n) => n.kind === "operator" && n.op === op && n.region === 0)!;
    return (await nodeProgram(graph, node.id)).program.split("\n").filter((line) => line.includes("#"));
  };
  expect(await shown("Loop")).toEqual([
    "# y: start (Loop)",
    "# body of y: again and again while y goes on is true",
    "  # v: start (Loop)",
    "  # body of v: again and again while v goes on is true",
    "    # w (Mul)",
    "    # r (ReduceSum)",
    "    # more (Greater)",
    "    # q2 (Add)",
    "    # v: next turn (Loop)",
    "    # v: count turns (Loop)",
    "  # y: hold (Loop)",
    "  # y: next turn (Loop)",
    "  # y: count turns (Loop)",
  ]);
  expect((await shown("If")).filter((line) => line.startsWith("# "))).toEqual(["# then_branch of z: if c is true", "# else_branch of z: if c is false"]);
});

test.each([
  ["a state that grows", `%n = constant int64[] [3] %y = Loop(%n, _, %x) body (%i: int64[], %g: bool[], %s: float32[?]) { %t = Concat(%s, %x) {axis = 0} return %g, %t } %z = ReduceSum(%y) {keepdims = 0}`, "the carried value s is float32[4] before a turn and float32"],
  ["branches of two shapes", `%w = constant int64[1] [0] %v = If(%c) then_branch () { %t = Relu(%x) return %t } else_branch () { %e = ReduceMax(%x, %w) {keepdims = 1} return %e } %z = ReduceSum(%v) {keepdims = 0}`, "v is float32[4] in then_branch and float32[1] in else_branch"],
  ["rows that data count", `%n = constant int64[] [9] %y, %rows = Loop(%n, _, %x) body (%i: int64[], %g: bool[], %s: float32[4]) { %t = Add(%s, %s) %m = ReduceMax(%t) {keepdims = 0} %u = constant float32[] [8] %go = Less(%m, %u) return %go, %t, %t } %z = ReduceSum(%rows) {keepdims = 0}`, "its scan output rows is float32[?, 4]"],
  ["a loop without an end", `%y = Loop(_, _, %x) body (%i: int64[], %g: bool[], %s: float32[4]) { %t = Neg(%s) return %g, %t } %z = ReduceSum(%y) {keepdims = 0}`, "neither M nor its condition ever ends it"],
])("%s is refused by name", async (_, body, reason) => {
  const graph = parseGraph(`graph @main(%x: float32[4], %c: bool[]) -> (%z: float32[]) { ${body} return %z }`, { rules: typeRules });
  await expect(lowerGraph(graph, silentTask)).rejects.toThrow(reason);
});

/** A recurrence over a sequence, a loop that counts, and a branch chosen at run time. */
const recurrent = `graph @main(%x: float32[5, 3], %h: float32[3], %c: bool[]) -> (%last: float32[3], %all: float32[3, 5], %power: float32[4, 3], %chosen: float32[3]) {
  %w = constant float32[3, 3] [0.5, -0.25, 0.125, 0.25, 0.5, -0.5, -0.125, 0.25, 0.75]
  %last, %all = Scan(%h, %x) {num_scan_inputs = 1, scan_input_directions = [1], scan_output_axes = [1]} body (%s: float32[3], %v: float32[3]) {
    %m = MatMul(%s, %w)
    %a = Add(%m, %v)
    %t = Tanh(%a)
    return %t, %t
  }
  %n = constant int64[] [4]
  %p, %power = Loop(%n, _, %last) body (%i: int64[], %go: bool[], %q: float32[3]) {
    %f = Cast(%i) {to = 1}
    %r = Mul(%q, %f)
    %u = Add(%r, %q)
    return %go, %u, %u
  }
  %chosen = If(%c) then_branch () { %yes = Relu(%p) return %yes } else_branch () { %no = Sub(%h, %last) return %no }
  return %last, %all, %power, %chosen
}`;

/** What data decide: a branch that looks a place up, a loop that ends by its condition in one that counts, and a scan in a branch. */
const decided = `graph @main(%x: float32[5, 3], %n: int64[], %c: bool[1], %k: int64[1]) -> (%y: float32[3], %turns: int64[], %rows: float32[4, 3], %z: float32[3], %swapped: float32[3]) {
  %zero = constant int64[] [0]
  %one = constant int64[] [1]
  %four = constant int64[] [4]
  %h = ReduceMax(%x, %zero) {keepdims = 0}
  %y, %turns, %other, %rows = Loop(%four, _, %h, %zero, %h) body (%i: int64[], %go: bool[], %s: float32[3], %count: int64[], %t: float32[3]) {
    %v, %inner = Loop(%n, _, %s, %count) body (%j: int64[], %on: bool[], %p: float32[3], %q: int64[]) {
      %half = constant float32[] [0.75]
      %w = Mul(%p, %half)
      %r = ReduceSum(%w) {keepdims = 0}
      %limit = constant float32[] [0.25]
      %more = Greater(%r, %limit)
      %q2 = Add(%q, %one)
      return %more, %w, %q2
    }
    return %go, %t, %inner, %v, %v
  }
  %z = If(%c) then_branch () {
    %g = Gather(%x, %k) {axis = 0}
    %axes = constant int64[1] [0]
    %row = Squeeze(%g, %axes)
    return %row
  } else_branch () {
    %last, %all = Scan(%h, %x) {num_scan_inputs = 1} body (%s: float32[3], %v: float32[3]) { %d = Sub(%v, %s) return %d, %d }
    return %last
  }
  %swapped = Identity(%other)
  return %y, %turns, %rows, %z, %swapped
}`;

needs("gcc", "make").each([["unrolled and converted", recurrent], ["decided at run time", decided]])("a model with Scan, Loop and If, %s: its self-test agrees with the reference evaluation", async (_, text) => {
  const session = createSession();
  const bytes = fileBytes(exportOnnx(parseGraph(text, { rules: typeRules })).files[0]!);
  const { model } = await session.open({ source: new MemoryBlob("recurrent.onnx", bytes) }, silentTask);
  const built = await session.build({ model, step: 0, name: "recurrent", target: "c" }, silentTask);
  expect(selfTestOf(built, "-O2 -Wall -Wextra -Wpedantic -Werror")).toEqual({ code: 0, text: expect.stringContaining("passed: largest error") as string });
}, 120_000);
