/**
 * What random models have found, each as the smallest model that showed it. The rewrite must leave these as they are;
 * and in every way in which a model can be optimized, ours and ONNX Runtime's outputs stay equal.
 */
import { describe, expect, test } from "vitest";
import { evaluateModel } from "../../src/evaluate/index.ts";
import { parseGraph } from "../../src/ir/parser.ts";
import { fromNumbers, type Tensor, toNumbers } from "../../src/ir/tensor.ts";
import { isTensor, typeRules } from "../../src/ops/index.ts";
import { findMatches } from "../../src/passes/driver/driver.ts";
import { findRewrite } from "../../src/passes/index.ts";
import { describeFault, examine } from "../fixtures/random-model/examine.ts";
import { modelOf } from "./judge.ts";

interface Found {
  readonly title: string;
  readonly rewrite: string;
  readonly text: string;
  readonly opset?: number;
  /** sizes of the inputs by name */
  readonly inputs: Readonly<Record<string, readonly number[]>>;
}

const found: readonly Found[] = [
  {
    title: "a factor for two channels gives one channel a second: the Conv would get one",
    rewrite: "multiply-before-conv",
    text: "graph @main(%x: float32[1, 1, 2]) -> (%y: float32[1, 4, 2]) { %k = constant float32[1, 2, 1] [2, 3] %w = constant float32[4, 1, 1] [1, 2, 3, 4] %m = Mul(%x, %k) %y = Conv(%m, %w) {group = 2} return %y }",
    inputs: { x: [1, 1, 2] },
  },
  {
    title: "a factor of higher rank makes an image of a matrix",
    rewrite: "multiply-before-conv",
    text: "graph @main(%x: float32[3, 4]) -> (%y: float32[1, 2, 4]) { %k = constant float32[1, 1, 1] [2] %w = constant float32[2, 3, 1] random(1) %m = Mul(%x, %k) %y = Conv(%m, %w) return %y }",
    inputs: { x: [3, 4] },
  },
  {
    title: "a scale gives the value the channels that the normalization has",
    rewrite: "affine-chain-merging",
    text: "graph @main(%x: float32[N, 1, 3, 3]) -> (%y: float32[N, 2, 3, 3]) { %k = constant float32[2, 1, 1] [2, 3] %s = constant float32[2] [1, 2] %v = constant float32[2] [3, 4] %m = Mul(%x, %k) %y = BatchNormalization(%m, %s, %s, %s, %v) return %y }",
    inputs: { x: [2, 1, 3, 3] },
  },
  {
    title: "the 1 over the root has an axis more than the value",
    rewrite: "rms-normalization-fusion",
    opset: 23,
    text: "graph @main(%x: float32[4]) -> (%y: float32[1, 4]) { %a = constant int64[1] [-1] %e = constant float32[1] [0.00001] %one = constant float32[1, 1] [1] %q = Mul(%x, %x) %m = ReduceMean(%q, %a) %s = Add(%m, %e) %r = Sqrt(%s) %i = Div(%one, %r) %y = Mul(%x, %i) return %y }",
    inputs: { x: [4] },
  },
  {
    title: "the exponent under the root has an axis more than the value",
    rewrite: "layer-normalization-fusion",
    text: "graph @main(%x: float32[3, 4]) -> (%y: float32[3, 3, 4]) { %a = constant int64[1] [-1] %e = constant float32[] [0.00001] %two = constant float32[1, 1, 1] [2] %m = ReduceMean(%x, %a) %c = Sub(%x, %m) %q = Pow(%c, %two) %v = ReduceMean(%q, %a) %s = Add(%v, %e) %r = Sqrt(%s) %d = Div(%c, %r) %k = constant float32[3, 1, 1] [1, 2, 3] %y = Mul(%d, %k) return %y }",
    opset: 18,
    inputs: { x: [3, 4] },
  },
  {
    title: "ONNX Runtime has no HardSigmoid and no HardSwish of doubles, and it has what spells them out",
    rewrite: "hard-swish-fusion",
    text: "graph @main(%x: float64[N, 4]) -> (%y: float64[N, 4]) { %a = constant float64[] [3] %low = constant float64[] [0] %b = constant float64[] [6] %s = Add(%x, %a) %c = Clip(%s, %low, %b) %m = Mul(%x, %c) %y = Div(%m, %b) return %y }",
    inputs: { x: [2, 4] },
  },
];

describe("cases that random models have found", () => {
  test.each(found.map((each) => [each.rewrite, each.title, each] as const))("%s: %s", async (name, _title, { text, opset = 17, inputs }) => {
    const { graph } = modelOf(text, opset);
    expect(findMatches(graph, findRewrite(name))).toEqual([]);
    const feeds = new Map(
      Object.entries(inputs).map(([input, dims]): [string, Tensor] => {
        const type = graph.type({ node: graph.root.parameters.find((id) => graph.node(id).outputs[0]!.name === input)!, output: 0 });
        return [input, fromNumbers(type.kind === "tensor" ? type.element! : "float32", dims, Float64Array.from({ length: dims.reduce((a, b) => a * b, 1) }, (_, i) => Math.sin(i + 1) * 2))];
      }),
    );
    const { fault, judged } = await examine({ graph, feeds, random: false }, 1);
    expect(fault && describeFault(fault)).toBeUndefined();
    expect(judged).toBeGreaterThan(0);
  });
});

/** Where evaluation was wrong. */
const evaluated: readonly { readonly title: string; readonly text: string; readonly inputs: Readonly<Record<string, Tensor>>; readonly gives: readonly number[] }[] = [
  {
    title: "Slice: a start before the first element, backwards, is the first element",
    text: "graph @main(%x: float32[2]) -> (%y) { %s = constant int64[1] [-5] %e = constant int64[1] [-9] %a = constant int64[1] [0] %m = constant int64[1] [-1] %y = Slice(%x, %s, %e, %a, %m) return %y }",
    inputs: { x: fromNumbers("float32", [2], [3, 4]) },
    gives: [3],
  },
  {
    title: "MaxRoiPool: the entry of the batch is a whole number, cut off",
    text: "graph @main(%x: float32[1, 1, 2, 2], %r: float32[1, 5]) -> (%y) { %y = MaxRoiPool(%x, %r) {pooled_shape = [1, 1]} return %y }",
    inputs: { x: fromNumbers("float32", [1, 1, 2, 2], [1, 2, 3, 4]), r: fromNumbers("float32", [1, 5], [0.9, 0, 0, 1, 1]) },
    gives: [4],
  },
];

describe("evaluation that random models have found wrong", () => {
  test.each(evaluated.map((each) => [each.title, each] as const))("%s", (_title, { text, inputs, gives }) => {
    const [value] = evaluateModel(parseGraph(text, { rules: typeRules }), new Map(Object.entries(inputs))).values();
    expect(value && isTensor(value) && Array.from(toNumbers(value))).toEqual(gives);
  });
});
