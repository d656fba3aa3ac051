import { describe, expect, test } from "vitest";
import { parseGraph } from "../../src/ir/parser.ts";
import { Rewriter } from "../../src/ir/rewriter.ts";
import { fromNumbers, makeTensor } from "../../src/ir/tensor.ts";
import { typeRules } from "../../src/ops/index.ts";
import { checkModels, checkStep } from "../../src/passes/check.ts";
import { compareTensors, unitInLastPlace } from "../../src/passes/check/compare.ts";
import { sizesOf } from "../../src/passes/check/draw.ts";
import { parseDim } from "../../src/ir/dim.ts";

const parse = (text: string) => parseGraph(text, { rules: typeRules });
const unary = (op: string, text = "") => parse(`graph @main(%x: float32[N, 4]) -> (%y: float32[N, 4]) { %y = ${op}(%x) ${text} return %y }`);

describe("comparison", () => {
  test("NaN equals NaN, infinities equal themselves, zeros differ only in sign", () => {
    const a = fromNumbers("float32", [4], [NaN, Infinity, 0, 1]);
    expect(compareTensors(a, fromNumbers("float32", [4], [NaN, Infinity, 0, 1]))).toMatchObject({ identical: true });
    expect(compareTensors(a, fromNumbers("float32", [4], [NaN, Infinity, -0, 1]))).toMatchObject({ identical: false, zeroSigns: true, maxAbs: 0 });
    expect(compareTensors(a, fromNumbers("float32", [4], [1, Infinity, 0, 1]))).toMatchObject({ mismatch: "NaN became 1" });
    expect(compareTensors(a, fromNumbers("float32", [4], [NaN, -Infinity, 0, 1]))).toMatchObject({ mismatch: "Infinity became -Infinity" });
    expect(compareTensors(a, fromNumbers("float32", [2, 2], [NaN, Infinity, 0, 1])).mismatch).toContain("float32[2, 2]");
  });

  test("units in the last place follow the element type", () => {
    expect(unitInLastPlace("float32", 1)).toBe(2 ** -23);
    expect(unitInLastPlace("float16", 1)).toBe(2 ** -10);
    expect(unitInLastPlace("float64", 1e-320)).toBe(2 ** -1074);
    const next = Math.fround(1 + 2 ** -23);
    expect(compareTensors(fromNumbers("float32", [2], [1, 5]), fromNumbers("float32", [2], [next, 5]))).toMatchObject({ maxUlp: 1, maxAbs: 2 ** -23, worst: { index: [0], a: 1, b: next } });
  });

  test("int64 is compared exactly beyond 2^53", () => {
    const [a, b] = [2n ** 60n, 2n ** 60n + 1n].map((v) => makeTensor("int64", [1], BigInt64Array.of(v)));
    expect(compareTensors(a!, b!).identical).toBe(false);
  });

  test("sizes of symbols agree with one another and change from run to run", () => {
    const [first, second] = [sizesOf(0), sizesOf(1)];
    const n = first(parseDim("N"));
    const m = first(parseDim("M"));
    expect(n).not.toBe(m);
    expect(first(parseDim("2*N + M"))).toBe(2 * (n as number) + (m as number));
    expect(second(parseDim("N"))).toBe(1);
    expect(second(parseDim("M"))).toBe(1);
  });
});

describe("models", () => {
  test("the same model is identical to itself", async () => {
    expect(await checkModels(unary("Relu"), unary("Relu"))).toMatchObject({ verdict: "identical", runs: 3, maxAbs: 0 });
  });

  test("a difference below zero is seen", async () => {
    const report = await checkModels(unary("Relu"), unary("Identity"));
    expect(report.verdict).toBe("different");
    expect(report.worst!.output).toBe("y");
    expect(report.worst!.a).toBe(0);
    expect(report.worst!.b).toBeLessThan(0);
  });

  test("another order of additions is rounding, a lost bias is not", async () => {
    const model = (body: string) => parse(`graph @main(%x: float32[N, 64]) -> (%y: float32[N, 8]) { %w = constant float32[64, 8] random(1) %b = constant float32[8] random(2) ${body} return %y }`);
    const a = model("%p = MatMul(%x, %w) %y = Add(%p, %b)");
    const b = model("%h = constant float32[] [2] %v = Div(%w, %h) %x2 = Mul(%x, %h) %q = Add(%x2, %x) %s = Sub(%q, %x) %y = Gemm(%s, %v, %b)");
    expect((await checkModels(a, b)).verdict).toBe("rounding");
    expect((await checkModels(a, model("%y = MatMul(%x, %w)"))).verdict).toBe("different");
  });

  test("other inputs or outputs are another model", async () => {
    const other = parse("graph @main(%x: float32[N, 4]) -> (%z: float32[N, 4]) { %z = Relu(%x) return %z }");
    expect(await checkModels(unary("Relu"), other)).toMatchObject({ verdict: "different", note: expect.stringContaining("outputs differ") });
  });

  test("what cannot be evaluated is not checked, with the reason", async () => {
    expect(await checkModels(unary("my.Op"), unary("my.Op"))).toMatchObject({ verdict: "not-checked", note: expect.stringContaining("my.Op") });
  });
});

describe("steps", () => {
  test("only the rewritten region is evaluated", () => {
    // The operator before the region cannot be evaluated; the region can.
    const before = parse("graph @main(%x: float32[N, 4]) -> (%y: float32[N, 4]) { %a: float32[N, 4] = my.Op(%x) %y = Relu(%a) return %y }");
    const change = (op: string) => {
      const rewriter = new Rewriter(before, typeRules);
      const root = before.root.outputs[0]!.value.node;
      const id = rewriter.addNode({ op, inputs: before.node(root).inputs, outputs: ["y"] });
      rewriter.replaceUses({ node: root, output: 0 }, { node: id, output: 0 });
      rewriter.remove(root);
      return rewriter.commit({ pass: "test", rewrite: "test", site: "y", matched: [root] });
    };
    const same = change("Relu");
    expect(checkStep(before, same.graph, same.delta)).toMatchObject({ verdict: "identical", runs: 4 });
    const wrong = change("Neg");
    expect(checkStep(before, wrong.graph, wrong.delta).verdict).toBe("different");
  });

  test("a change in place is seen", () => {
    const before = unary("LeakyRelu", "{alpha = 0.5}");
    const rewriter = new Rewriter(before, typeRules);
    const root = before.root.outputs[0]!.value.node;
    rewriter.update(root, { attributes: { alpha: { kind: "float", value: 0.25 } } });
    const { graph, delta } = rewriter.commit({ pass: "test", rewrite: "test", site: "y", matched: [root] });
    const report = checkStep(before, graph, delta);
    expect(report.verdict).toBe("different");
    expect(report.worst!.a / report.worst!.b).toBeCloseTo(2);
  });

  test("large spatial sizes are made smaller, and it is said", () => {
    const before = parse("graph @main(%x: float32[1, 8, 224, 224]) -> (%y: float32[1, 8, 112, 112]) { %w = constant float32[8, 8, 3, 3] random(1) %c = Conv(%x, %w) {pads = [1, 1, 1, 1], strides = [2, 2]} %y = Identity(%c) return %y }");
    const rewriter = new Rewriter(before, typeRules);
    const root = before.root.outputs[0]!.value.node;
    rewriter.replaceUses({ node: root, output: 0 }, before.node(root).inputs[0]!);
    rewriter.remove(root);
    const { graph, delta } = rewriter.commit({ pass: "test", rewrite: "test", site: "y", matched: [root, before.node(root).inputs[0]!.node] });
    expect(checkStep(before, graph, delta)).toMatchObject({ verdict: "identical", note: "at smaller spatial sizes" });
  });
});
