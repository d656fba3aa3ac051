/** Chains of shape operators, casts and products: every way to write axes, bounds and targets. */
import { describe, expect, test } from "vitest";
import { evaluateModel } from "../../src/evaluate/index.ts";
import { parseGraph } from "../../src/ir/parser.ts";
import { fromNumbers, type Tensor, toNumbers } from "../../src/ir/tensor.ts";
import { typeRules, type Value } from "../../src/ops/index.ts";
import { applyEverywhere } from "../../src/passes/driver/driver.ts";
import { findRewrite } from "../../src/passes/index.ts";
import { Random } from "../../src/support/random.ts";
import { holds } from "./judged-cases.ts";

const parse = (text: string) => parseGraph(text, { rules: typeRules });
const counting = (dims: readonly number[]): Tensor => fromNumbers("float32", dims, Float64Array.from({ length: dims.reduce((a, b) => a * b, 1) }, (_, i) => i + 1));
const shown = (value: Value | undefined): string => {
  const tensor = value as Tensor;
  return `[${tensor.dims.join(", ")}] ${Array.from(toNumbers(tensor)).join(" ")}`;
};

describe("two slices as one", () => {
  const random = new Random(5);
  const bounds = [-99, -6, -5, -4, -2, -1, 0, 1, 2, 3, 5, 6, 99];
  const cut = (): string => `${random.pick(bounds)} ${random.pick(bounds)} ${random.pick([0, 0, 0, -2, 1, -1])} ${random.pick([1, 1, 1, 2, 3, -1, -2])}`;
  const cases = Array.from({ length: 250 }, () => [cut(), cut(), random.below(2) ? "5" : "N"] as const);

  test("keeps every element, forwards, backwards, empty, and of any size", () => {
    let merged = 0;
    for (const [first, second, size] of cases) {
      const [a, b] = [first, second].map((text) => text.split(" ").map(Number));
      const constants = [...a!, ...b!].map((value, i) => `%k${i} = constant int64[1] [${value}]`).join("\n");
      const graph = parse(`graph @main(%x: float32[${size}, 3]) -> (%y: float32[?, ?]) {\n${constants}\n%s = Slice(%x, %k0, %k1, %k2, %k3)\n%y = Slice(%s, %k4, %k5, %k6, %k7)\nreturn %y\n}`);
      const { graph: after, steps } = applyEverywhere(graph, findRewrite("slice-of-slice"));
      merged += steps.length;
      for (const rows of size === "N" ? [0, 1, 2, 5, 7] : [5]) {
        const inputs = new Map([["x", counting([rows, 3])]]);
        expect(shown(evaluateModel(after, inputs).get("y")), `${first}, ${second} of ${size}`).toBe(shown(evaluateModel(graph, inputs).get("y")));
      }
    }
    expect(merged).toBeGreaterThan(60);
  });
});

describe("a reshape of a reshape", () => {
  const shapes = ["-1", "0, -1", "0, 0, -1", "2, -1", "-1, 2", "0, 2, -1", "3, 0, -1", "6, 4", "0, 4, 3", "0, 3, 4", "2, 0, 0", "-1, 0"];
  const operators = ["Flatten(%s) {axis = 0}", "Flatten(%s)", "Flatten(%s) {axis = -1}", "Unsqueeze(%s, %u)", "Squeeze(%s)"];

  test("keeps the shape, whatever its zeros copy", () => {
    let merged = 0;
    for (const first of shapes)
      for (const second of [...shapes, ...operators])
        for (const rows of ["2", "N"]) {
          const count = (text: string): number => text.split(",").length;
          const last = second.includes("%") ? second : "Reshape(%s, %b)";
          const text = `graph @main(%x: float32[${rows}, 4, 3]) -> (%y: float32[*]) {\n%u = constant int64[2] [0, -1]\n%a = constant int64[${count(first)}] [${first}]\n${last.includes("%b") ? `%b = constant int64[${count(second)}] [${second}]\n` : ""}%s = Reshape(%x, %a)\n%y = ${last}\nreturn %y\n}`;
          const graph = parse(text);
          const { graph: after, steps } = applyEverywhere(graph, findRewrite("reshape-of-reshape"));
          merged += steps.length;
          for (const n of rows === "N" ? [1, 2, 3] : [2]) {
            const inputs = new Map([["x", counting([n, 4, 3])]]);
            let expected: string;
            try {
              expected = shown(evaluateModel(graph, inputs).get("y"));
            } catch {
              // Not every target fits every size.
              continue;
            }
            expect(shown(evaluateModel(after, inputs).get("y")), text).toBe(expected);
          }
        }
    expect(merged).toBeGreaterThan(150);
  });
});

const turn = (perm: string): string => `{perm = [${perm}]}`;
holds("transposes into products", [
  { title: "the right factor", inputs: "%x: float32[N, 4], %w: float32[3, 4]", outputs: "%y: float32[N, 3]", body: `%t = Transpose(%w) ${turn("1, 0")} %y = MatMul(%x, %t)`, fires: ["transpose-into-matmul"] },
  { title: "square, and transposed twice", inputs: "%x: float32[4, 4], %w: float32[4, 4]", outputs: "%y: float32[4, 4], %z: float32[4, 4]", body: `%t = Transpose(%w) %u = Transpose(%x) %y = MatMul(%u, %t) %z = MatMul(%t, %u)` },
  { title: "a matrix by its own transpose", inputs: "%x: float32[N, 4]", outputs: "%y: float32[N, N]", body: `%t = Transpose(%x) %y = MatMul(%x, %t)`, fires: ["transpose-into-matmul"] },
  { title: "batches, both", inputs: "%x: float32[2, 4, N], %w: float32[2, 3, 4]", outputs: "%y: float32[2, N, 3]", body: `%t = Transpose(%x) ${turn("0, 2, 1")} %u = Transpose(%w) ${turn("0, 2, 1")} %y = MatMul(%t, %u)`, fires: ["transpose-into-matmul"] },
  { title: "batches that are swapped, sizes alike", inputs: "%x: float32[4, 4, 4], %w: float32[4, 4, 4]", outputs: "%y: float32[4, 4, 4]", body: `%t = Transpose(%x) ${turn("1, 0, 2")} %u = Transpose(%w) ${turn("1, 0, 2")} %y = MatMul(%t, %u)`, spares: ["transpose-into-matmul"] },
  { title: "a batch by a matrix, both transposed", inputs: "%x: float32[2, 4, 4], %w: float32[4, 4]", outputs: "%y: float32[2, 4, 4]", body: `%t = Transpose(%x) ${turn("0, 2, 1")} %u = Transpose(%w) %y = MatMul(%t, %u)`, spares: ["transpose-into-matmul"] },
  { title: "a sum that widens a Gemm's product", inputs: "%x: float32[1, 4], %r: float32[3, 3]", outputs: "%y: float32[3, 3]", body: `%w = constant float32[4, 3] random(1) %p = Gemm(%x, %w) %y = Add(%p, %r)`, spares: ["matmul-add-to-gemm"] },
  { title: "a Gemm with alpha and a scaled bias that there is not", inputs: "%x: float32[4, 4], %r: float32[4, 4]", outputs: "%y: float32[4, 4]", body: `%w = constant float32[4, 4] random(1) %p = Gemm(%x, %w) {alpha = 0.5, beta = 3.0, transA = 1, transB = 1} %y = Add(%r, %p)`, fires: ["matmul-add-to-gemm"] },
], { special: false });

const between = (body: string): string => `%t = Transpose(%x) ${turn("0, 2, 3, 1")} ${body} %y = Transpose(%r) ${turn("0, 3, 1, 2")}`;
const square = { inputs: "%x: float32[2, 4, 4, 4]", outputs: "%y: float32[2, 4, 4, 4]" };
const sinks = ["sink-transposes"];
holds("transposes sunk and cancelled", [
  { title: "a constant of one axis, where all axes are as long", ...square, body: between("%k = constant float32[4] random(2) %r = Mul(%t, %k)"), fires: sinks },
  { title: "a constant of two axes", ...square, body: between("%k = constant float32[4, 4] random(2) %r = Sub(%k, %t)"), fires: sinks },
  { title: "a slope of PRelu", ...square, body: between("%k = constant float32[4, 1] random(2) %r = PRelu(%t, %k)"), fires: sinks },
  { title: "paddings with reflection, in the middle", ...square, outputs: "%y: float32[2, 4, 6, 5]", body: between('%k = constant int64[8] [0, 1, 1, 0, 0, 1, 0, 0] %r = Pad(%t, %k) {mode = "reflect"}'), fires: sinks },
  { title: "paddings of two axes only", opset: 18, ...square, outputs: "%y: float32[2, ?, ?, ?]", body: between("%k = constant int64[4] [1, 0, 2, 1] %v = constant float32[] [0.5] %ax = constant int64[2] [-1, 1] %r = Pad(%t, %k, %v, %ax)"), fires: sinks },
  { title: "a cut backwards along the channels", ...square, body: between("%a = constant int64[1] [-1] %b = constant int64[1] [-99] %r = Slice(%t, %a, %b, %a, %a)"), fires: sinks },
  { title: "the first axes cut, without naming them", ...square, outputs: "%y: float32[1, 4, 3, 4]", body: between("%a = constant int64[2] [1, 0] %b = constant int64[2] [2, 3] %r = Slice(%t, %a, %b)"), fires: sinks },
  { title: "split and joined the other way round", ...square, body: between("%a, %b = Split(%t) {axis = 3, num_outputs = 2} %r = Concat(%b, %a) {axis = -1}"), opset: 18, fires: sinks },
  { title: "quantized with a scale for each channel", ...square, opset: 19, body: between("%s = constant float32[4] [0.1, 0.2, 0.3, 0.4] %z = constant int8[4] [0, 1, 2, 3] %q = QuantizeLinear(%t, %s, %z) {axis = 3} %r = DequantizeLinear(%q, %s, %z) {axis = -1}"), fires: sinks },
  { title: "the largest channel", ...square, outputs: "%y: int64[2, 4, 4]", body: `%t = Transpose(%x) ${turn("0, 2, 3, 1")} %y = ArgMax(%t) {axis = 3, keepdims = 0}`, fires: sinks },
  { title: "the value between is an output", ...square, outputs: "%y: float32[2, 4, 4, 4], %r: float32[2, 4, 4, 4]", body: between("%r = Relu(%t)") },
  { title: "a bound of Clip is computed", ...square, inputs: "%x: float32[2, 4, 4, 4], %b: float32[]", body: between("%m = Neg(%b) %r = Clip(%t, %m, %b)") },
  { title: "a computed operand of fewer axes", ...square, inputs: "%x: float32[2, 4, 4, 4], %b: float32[4]", body: between("%r = Add(%t, %b)"), spares: sinks },
  { title: "a computed operand of all axes", ...square, inputs: "%x: float32[2, 4, 4, 4], %b: float32[2, 4, 4, 4]", body: between("%r = Add(%t, %b)"), fires: sinks },
  { title: "inside a branch", inputs: "%x: float32[2, 4, 4, 4], %c: bool[]", outputs: "%y: float32[2, 4, 4, 4]", body: `%y = If(%c) then_branch () { ${between("%k = constant float32[4] random(2) %r = Mul(%t, %k)").replaceAll("%y", "%o")} return %o } else_branch () { %e = Neg(%x) return %e }`, fires: sinks },
  { title: "a softmax over channels, and a mean over space", ...square, outputs: "%y: float32[2, 4]", opset: 18, body: `%ax = constant int64[2] [1, 2] %t = Transpose(%x) ${turn("0, 2, 3, 1")} %s = Softmax(%t) {axis = 3} %y = ReduceMean(%s, %ax) {keepdims = 0}`, fires: ["sink-transposes-through-sums"] },
]);
