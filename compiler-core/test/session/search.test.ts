import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { exportOnnx, fileBytes } from "../../src/backends/onnx/index.ts";
import { parseGraph } from "../../src/ir/parser.ts";
import { typeRules } from "../../src/ops/index.ts";
import { createSession, MemoryBlob, silentTask } from "../../src/session/index.ts";
import { parseSearch } from "../../src/session/search.ts";

const textModel = (text: string): MemoryBlob => new MemoryBlob("text.onnx", fileBytes(exportOnnx(parseGraph(text, { rules: typeRules })).files[0]!));
const small = `graph @main(%x: float32[1, 4, 8, 8]) -> (%y: float32[1, 256], %i: int64[1, 4]) {
  %p = MaxPool(%x) { kernel_shape = [2, 2], pads = [1, 1, 1, 1], strides = [1, 1] }
  %q = MaxPool(%x) { kernel_shape = [3, 3], pads = [1, 1, 1, 1], strides = [1, 1] }
  %s = Softmax(%q) { axis = 1 }
  %d = Softmax(%q)
  %a = Add(%s, %d)
  %half = constant float32[] [0.5]
  %h = Mul(%a, %half)
  %y = Flatten(%h)
  %zero = constant int64[1] [0]
  %sh = Shape(%x)
  %i = Unsqueeze(%sh, %zero)
  return %y, %i
}`;

async function opened(source: MemoryBlob) {
  const session = createSession();
  const { model } = await session.open({ source }, silentTask);
  return { session, model, find: (query: string, step = 0, base?: number) => session.search({ model, step, query, ...(base === undefined ? {} : { base }) }, silentTask) };
}

describe("search", () => {
  test("a query -> its terms", () => {
    expect(parseSearch('conv -is:fused kernel_shape=3,3 name:"my layer" onnx::Conv_3 -0.5')).toEqual([
      { negated: false, value: "conv" },
      { negated: true, key: "is", value: "fused" },
      { negated: false, key: "kernel_shape", value: "3,3" },
      { negated: false, key: "name", value: "my layer" },
      { negated: false, value: "onnx::Conv_3" },
      { negated: false, value: "-0.5" },
    ]);
    expect(parseSearch('  "open')).toEqual([{ negated: false, value: "open" }]);
  });

  test("terms -> the values of the nodes that hold them", async () => {
    const { find } = await opened(textModel(small));
    const values = async (query: string): Promise<string[]> => (await find(query)).nodes.map(({ name }) => name).sort();
    for (const [query, expected] of [
      ["op:maxpool", ["p", "q"]],
      ["kernel_shape=3,3", ["q"]],
      ["kernel_shape:[3, 3]".replace(" ", ""), ["q"]],
      ["kernel_shape=3x3", ["q"]],
      ["op:Softmax axis=1", ["s"]],
      // Its default counts.
      ["op:Softmax axis=-1", ["d"]],
      ["shape:1,4,9,9", ["p"]],
      ["shape:1,4,9,*", ["p"]],
      ["shape:...,256", ["y"]],
      ["type:i64", ["i", "sh"]],
      ["constant:0.5", ["h"]],
      ["has:constant", ["h", "i"]],
      ["is:input", ["x"]],
      ["op:MaxPool -kernel_shape=3,3", ["p"]],
      ["soft axis=*", ["d", "s"]],
      ["nothing-like-this", []],
    ] as const) expect([query, await values(query)]).toEqual([query, expected]);
    expect((await find("")).count).toBe(10);
  });

  test("what cannot match is said, and what may follow is offered with how many have it", async () => {
    const { find } = await opened(textModel(small));
    expect((await find("is:shiny")).problems).toEqual([expect.objectContaining({ kind: "is", term: "shiny" })]);
    expect((await find("kernel=3")).problems).toEqual([{ kind: "attribute", term: "kernel", known: [], meant: ["kernel_shape="] }]);
    expect((await find("rewrite:none")).problems).toEqual([{ kind: "rewrite", term: "none", known: [], meant: [] }]);
    expect((await find("is:fuse")).problems).toEqual([expect.objectContaining({ kind: "is", meant: ["is:fused"] })]);
    expect((await find("op:MaxPol")).problems).toEqual([expect.objectContaining({ kind: "op", term: "MaxPol", meant: ["op:MaxPool"] })]);
    expect((await find("op:Mul")).problems).toEqual([]);
    expect((await find("kern")).suggestions).toEqual([{ text: "kernel_shape=", count: 2 }]);
    expect((await find("op:M")).suggestions).toEqual([{ text: "op:MaxPool", count: 2 }, { text: "op:Mul", count: 1 }]);
    expect((await find("kernel_shape=")).suggestions).toEqual([{ text: "kernel_shape=2,2", count: 1 }, { text: "kernel_shape=3,3", count: 1 }]);
    expect((await find("soft -is:fu")).suggestions).toEqual([{ text: "-is:fused" }]);
  });

  test("nodes that a message of the import names are found, and tell it where they are drawn and inspected", async () => {
    const { session, model, find } = await opened(textModel(`graph @main(%x: float32[1, 3, 8, 8], %w: float32[8, 4, 3, 3]) -> (%y: float32[1, 8, 6, 6]) {
      %r = Relu(%x)
      %c = Conv(%r, %w)
      %y = Softmax(%c)
      return %y
    }`));
    const { nodes } = await find("has:error");
    expect(nodes.map(({ name }) => name)).toEqual(["c"]);
    const table = await session.graphTable({ model, step: 0 }, silentTask);
    expect(table.problems).toEqual([{ row: table.ids.indexOf(nodes[0]!.id), message: expect.stringContaining("3 input channels do not fit filters of 4 channels") }]);
    expect((await session.node({ model, step: 0, node: nodes[0]!.id }, silentTask)).problems).toHaveLength(1);
    expect((await find("has:error op:Softmax")).count).toBe(0);
  });

  test("after a pipeline: nodes by the rewrite that made them, and what was added and removed", async () => {
    const { session, model, find } = await opened(new MemoryBlob("digits.onnx", readFileSync("examples/digits/digits.onnx")));
    expect((await find("rewrite:batch-norm-into-conv")).count).toBe(0);
    expect((await find("op:BatchNormalization")).count).toBe(6);
    const { timeline } = await session.runPipeline({ model, pipeline: "default", check: true }, silentTask);
    const [step, base] = [timeline.head, timeline.branch[0]!];
    const folded = await find("rewrite:batch-norm-into-conv", step);
    expect(folded.count).toBeGreaterThan(0);
    expect(folded.nodes.every(({ op }) => op.includes("Conv") || op.includes("Gemm"))).toBe(true);
    expect((await find("op:BatchNormalization", step)).count).toBe(0);
    expect((await find("op:BatchNormalization is:removed", step, base)).nodes.every(({ mark }) => mark === "removed")).toBe(true);
    expect((await find("is:fused op:Relu", step)).count).toBeGreaterThan(0);
    expect((await find("has:error", step)).count).toBe(0);
    // Pages join.
    const whole = await session.search({ model, step, query: "" }, silentTask);
    const second = await session.search({ model, step, query: "", offset: 5, limit: 3 }, silentTask);
    expect(second.nodes).toEqual(whole.nodes.slice(5, 8));
  });
});
