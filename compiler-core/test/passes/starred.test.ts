/**
 * The rewrites that other tools get wrong, each at the place where they do, and beside it. The default pipeline runs on
 * the model as a file has it; ONNX Runtime, its own optimizations off, says whether the outputs are still the same.
 */
import { describe, expect, test } from "vitest";
import { fromNumbers, makeTensor, type Tensor } from "../../src/ir/tensor.ts";
import { modelOf, optimize } from "./judge.ts";
import { type Case, holds } from "./judged-cases.ts";

const f = (dims: readonly number[], values: ArrayLike<number>): Tensor => fromNumbers("float32", dims, values);

holds("dropout elimination", [
  {
    title: "training_mode is true: zeros are drawn",
    inputs: "%x: float32[4, 64]",
    outputs: "%y: float32[4, 64]",
    body: "%r = constant float32[] [0.5] %t = constant bool[] [1] %d = Dropout(%x, %r, %t) {seed = 7} %y = Add(%d, %x)",
    spares: ["eliminate-dropout"],
  },
  {
    title: "training_mode is an input of the graph",
    inputs: "%x: float32[4, 64], %t: bool[]",
    outputs: "%y: float32[4, 64]",
    body: "%r = constant float32[] [0.5] %d = Dropout(%x, %r, %t) {seed = 7} %y = Relu(%d)",
    spares: ["eliminate-dropout"],
  },
  {
    title: "training_mode may be overridden by the caller",
    inputs: "%x: float32[4, 64], %t: bool[] = constant bool[] [0]",
    outputs: "%y: float32[4, 64]",
    body: "%r = constant float32[] [0.5] %d = Dropout(%x, %r, %t) {seed = 7} %y = Relu(%d)",
    spares: ["eliminate-dropout"],
    feeds: [{ x: f([4, 64], new Float64Array(256).fill(1)), t: makeTensor("bool", [], Uint8Array.of(1)) }],
  },
  {
    title: "the mask is used",
    inputs: "%x: float32[4, 8]",
    outputs: "%y: float32[4, 8], %m: float32[4, 8]",
    body: "%d, %k = Dropout(%x) %y = Relu(%d) %m = Cast(%k) {to = 1}",
  },
  { title: "in inference mode", inputs: "%x: float32[4, 8]", outputs: "%y: float32[4, 8]", body: "%r = constant float32[] [0.5] %t = constant bool[] [0] %d = Dropout(%x, %r, %t) %y = Relu(%d)", fires: ["eliminate-dropout"] },
  { title: "the output is the graph's, the input too", inputs: "%x: float32[4, 8]", outputs: "%y: float32[4, 8]", body: "%y = Dropout(%x)", spares: ["eliminate-dropout"] },
  { title: "as operator set 7 has it", opset: 7, inputs: "%x: float32[4, 8]", outputs: "%y: float32[4, 8]", body: "%d = Dropout(%x) %y = Relu(%d)", fires: ["eliminate-dropout"] },
]);

holds("common subexpression elimination", [
  {
    title: "Clip with a lower bound and Clip with an upper bound",
    inputs: "%x: float32[N, 8]",
    outputs: "%y: float32[N, 8], %z: float32[N, 8]",
    body: "%c = constant float32[] [0.25] %y = Clip(%x, _, %c) %z = Clip(%x, %c)",
    spares: ["common-subexpression-elimination"],
  },
  {
    title: "the same Clip twice",
    inputs: "%x: float32[N, 8]",
    outputs: "%y: float32[N, 8]",
    body: "%c = constant float32[] [0.25] %a = Clip(%x, %c, _) %b = Clip(%x, %c) %e = Clip(%x, %c) %s = Add(%a, %b) %y = Mul(%s, %e)",
    fires: ["common-subexpression-elimination"],
  },
  {
    title: "attributes that differ in the last bit",
    inputs: "%x: float32[N, 8]",
    outputs: "%y: float32[N, 8], %z: float32[N, 8]",
    body: "%y = LeakyRelu(%x) {alpha = 0.5} %z = LeakyRelu(%x) {alpha = 0.50000006}",
    spares: ["common-subexpression-elimination"],
  },
  {
    title: "the default value of an attribute, written and not",
    inputs: "%x: float32[N, 8]",
    outputs: "%y: float32[N, 8]",
    body: "%a = Softmax(%x) {axis = -1} %b = Softmax(%x) %y = Sub(%a, %b)",
  },
  {
    title: "operands in the other order",
    inputs: "%x: float32[N, 8], %w: float32[N, 8]",
    outputs: "%y: float32[N, 8], %z: float32[N, 8]",
    body: "%y = Sub(%x, %w) %z = Sub(%w, %x)",
    spares: ["common-subexpression-elimination"],
  },
  {
    title: "two outputs of the graph that are the same",
    inputs: "%x: float32[N, 8]",
    outputs: "%y: float32[N, 8], %z: float32[N, 8]",
    body: "%y = Relu(%x) %z = Relu(%x)",
    spares: ["common-subexpression-elimination"],
  },
  {
    title: "branches that differ only in a constant",
    inputs: "%x: float32[4], %c: bool[]",
    outputs: "%y: float32[4]",
    body: `%a = If(%c) then_branch () { %k = constant float32[] [1] %t = Add(%x, %k) return %t } else_branch () { %e = Neg(%x) return %e }
      %b = If(%c) then_branch () { %k = constant float32[] [2] %t = Add(%x, %k) return %t } else_branch () { %e = Neg(%x) return %e } %y = Sub(%a, %b)`,
    spares: ["common-subexpression-elimination"],
  },
  {
    title: "branches that capture different values",
    inputs: "%x: float32[4], %w: float32[4], %c: bool[]",
    outputs: "%y: float32[4]",
    body: `%a = If(%c) then_branch () { %t = Neg(%x) return %t } else_branch () { %e = Abs(%x) return %e }
      %b = If(%c) then_branch () { %t = Neg(%w) return %t } else_branch () { %e = Abs(%w) return %e } %y = Sub(%a, %b)`,
    spares: ["common-subexpression-elimination"],
  },
  {
    title: "MaxPool with and without indices",
    inputs: "%x: float32[1, 1, 4, 4]",
    outputs: "%y: float32[1, 1, 2, 2], %i: int64[1, 1, 2, 2]",
    body: "%a = MaxPool(%x) {kernel_shape = [2, 2], strides = [2, 2]} %b, %i = MaxPool(%x) {kernel_shape = [2, 2], strides = [2, 2]} %y = Add(%a, %b)",
  },
  {
    title: "equal bits of another type",
    inputs: "%x: float32[2]",
    outputs: "%y: int32[2], %z: float32[2]",
    body: "%a = constant int32[1] [0] %b = constant float32[1] [0] %i = Cast(%x) {to = 6} %y = Add(%i, %a) %z = Sub(%b, %x)",
    feeds: [{ x: f([2], [1.5, -2]) }, { x: f([2], [3, 4]) }, { x: f([2], [0, -0]) }],
  },
  {
    title: "constants that differ in the sign of zero",
    inputs: "%x: float32[4]",
    outputs: "%y: float32[4], %z: float32[4]",
    body: "%a = constant float32[] [0] %b = constant float32[] [-0] %p = Mul(%x, %a) %q = Mul(%x, %b) %y = Reciprocal(%p) %z = Reciprocal(%q)",
  },
]);

describe("common subexpression elimination of random numbers", () => {
  test.each(["RandomNormalLike", "RandomUniformLike", "Bernoulli"])("two %s stay two", async (op) => {
    const { graph } = modelOf(`graph @main(%x: float32[4, 8]) -> (%y: float32[4, 8]) { %h = HardSigmoid(%x) %a = ${op}(%h) %b = ${op}(%h) %y = Sub(%a, %b) return %y }`);
    const { graph: after, applied } = await optimize(graph);
    expect(applied["common-subexpression-elimination"]).toBeUndefined();
    expect([...after].filter((n) => n.kind === "operator" && n.op === op)).toHaveLength(2);
  });

  test("a number that is drawn is not folded", async () => {
    const { graph } = modelOf("graph @main(%x: float32[4]) -> (%y: float32[4]) { %r = RandomNormal() {shape = [4]} %y = Add(%x, %r) return %y }");
    expect([...(await optimize(graph)).graph].some((n) => n.kind === "operator" && n.op === "RandomNormal")).toBe(true);
  });
});

holds("constant folding", [
  {
    title: "an initializer that the caller may override",
    inputs: "%x: float32[4], %w: float32[4] = constant float32[4] [1, 2, 3, 4]",
    outputs: "%y: float32[4]",
    body: "%k = constant float32[] [3] %v = Mul(%w, %k) %y = Add(%x, %v)",
    spares: ["constant-folding"],
    feeds: [{ x: f([4], [1, 1, 1, 1]), w: f([4], [9, 8, 7, 6]) }],
  },
  {
    title: "a convolution's weight that the caller may override",
    inputs: "%x: float32[1, 2, 3, 3], %w: float32[2, 2, 1, 1] = constant float32[2, 2, 1, 1] [1, 2, 3, 4]",
    outputs: "%y: float32[1, 2, 3, 3]",
    body: "%s = constant float32[2] [2, 3] %b = constant float32[2] [1, 1] %c = Conv(%x, %w) %y = BatchNormalization(%c, %s, %b, %b, %s)",
    spares: ["batch-norm-into-conv"],
  },
  {
    title: "a large ConstantOfShape stays, a small one is folded",
    inputs: "%x: float32[1]",
    outputs: "%y: float32[512, 1024], %z: float32[4]",
    body: "%s = constant int64[2] [512, 1024] %big = ConstantOfShape(%s) {value = tensor float32[1] [2]} %t = constant int64[1] [4] %small = ConstantOfShape(%t) {value = tensor float32[1] [3]} %y = Add(%big, %x) %z = Add(%small, %x)",
    fires: ["constant-folding"],
  },
  {
    title: "a condition that the caller may override",
    inputs: "%x: float32[4], %c: bool[] = constant bool[] [1]",
    outputs: "%y: float32[4]",
    body: "%a = If(%c) then_branch () { %t = Neg(%x) return %t } else_branch () { %e = Abs(%x) return %e } %y = Sub(%a, %x)",
    spares: ["inline-constant-if"],
  },
  {
    title: "integer division and remainder of negative numbers",
    inputs: "%x: int64[4]",
    outputs: "%y: int64[4]",
    body: "%a = constant int64[4] [-7, 7, -7, 7] %b = constant int64[4] [2, -2, -2, 2] %q = Div(%a, %b) %m = Mod(%a, %b) %s = Add(%q, %m) %y = Add(%s, %x)",
    fires: ["constant-folding"],
  },
  {
    title: "integers that wrap around",
    inputs: "%x: int32[2]",
    outputs: "%y: int32[2]",
    body: "%a = constant int32[2] [2147483647, -2147483648] %b = constant int32[2] [1, -1] %s = Add(%a, %b) %y = Add(%s, %x)",
    fires: ["constant-folding"],
  },
  {
    title: "an output of the graph that is a constant",
    inputs: "%x: float32[2]",
    outputs: "%y: float32[2], %z: float32[2]",
    body: "%a = constant float32[2] [1, 2] %z = Neg(%a) %y = Add(%x, %z)",
  },
]);

holds("shape subgraph folding", [
  {
    title: "two unknown dimensions are not equal",
    inputs: "%x: float32[?, ?], %w: float32[?, ?]",
    outputs: "%y: float32[?, ?]",
    body: "%s = Shape(%w) %r = Reshape(%x, %s) %y = Relu(%r)",
    feeds: [{ x: f([2, 6], new Float64Array(12).fill(1)), w: f([3, 4], new Float64Array(12)) }, { x: f([4, 1], [1, 2, 3, 4]), w: f([1, 4], [0, 0, 0, 0]) }],
    spares: ["eliminate-no-op-shape"],
  },
  {
    title: "an unknown dimension is not expanded away",
    inputs: "%x: float32[?, 4], %w: float32[?, 4]",
    outputs: "%y: float32[?, 4]",
    body: "%s = Shape(%w) %r = Expand(%x, %s) %y = Relu(%r)",
    feeds: [{ x: f([1, 4], [1, 2, 3, 4]), w: f([3, 4], new Float64Array(12)) }],
    spares: ["eliminate-no-op-shape"],
  },
  {
    title: "symbols of different names are not equal",
    inputs: "%x: float32[N, 4], %w: float32[M, 4]",
    outputs: "%y: float32[?, 4]",
    body: "%s = Shape(%w) %r = Expand(%x, %s) %y = Relu(%r)",
    feeds: [{ x: f([1, 4], [1, 2, 3, 4]), w: f([3, 4], new Float64Array(12)) }],
    spares: ["eliminate-no-op-shape"],
  },
  {
    title: "symbols of one name are equal",
    inputs: "%x: float32[N, 4], %w: float32[N, 4]",
    outputs: "%y: float32[N, 4]",
    body: "%s = Shape(%w) %r = Expand(%x, %s) %y = Relu(%r)",
    fires: ["eliminate-no-op-shape"],
  },
  {
    title: "a dynamic dimension stays dynamic through flattening by shape arithmetic",
    inputs: "%x: float32[N, 3, 4, 4]",
    outputs: "%y: float32[N, 48]",
    body: "%s = Shape(%x) %z = constant int64[] [0] %n = Gather(%s, %z) %a = constant int64[1] [0] %u = Unsqueeze(%n, %a) %m = constant int64[1] [-1] %t = Concat(%u, %m) {axis = 0} %y = Reshape(%x, %t)",
  },
  {
    title: "an empty batch",
    inputs: "%x: float32[N, 3, 4]",
    outputs: "%y: float32[N, 12]",
    body: "%s = Shape(%x) {start = 0, end = 1} %m = constant int64[1] [12] %t = Concat(%s, %m) {axis = 0} %y = Reshape(%x, %t) {allowzero = 1}",
    feeds: [{ x: f([0, 3, 4], []) }],
  },
  {
    title: "the shape of a value whose own shape depends on numbers",
    inputs: "%x: float32[8]",
    outputs: "%y: int64[2]",
    body: "%r = Relu(%x) %n = NonZero(%r) %y = Shape(%n)",
  },
]);

const batchNorm = (channels: number, seed: number): string => `%bs = constant float32[${channels}] uniform(${seed}, 0.5, 1.5) %bb = constant float32[${channels}] random(${seed + 1}) %bm = constant float32[${channels}] random(${seed + 2}) %bv = constant float32[${channels}] uniform(${seed + 3}, 0.5, 1.5)`;

holds("batch normalization into transposed convolution", [
  {
    title: "depthwise",
    inputs: "%x: float32[N, 4, 3, 3]",
    outputs: "%y: float32[N, 4, ?, ?]",
    body: `%w = constant float32[4, 1, 2, 2] random(1) ${batchNorm(4, 2)} %c = ConvTranspose(%x, %w) {group = 4, strides = [2, 2]} %y = BatchNormalization(%c, %bs, %bb, %bm, %bv)`,
    fires: ["batch-norm-into-conv-transpose"],
  },
  {
    title: "two groups, more outputs than inputs, a bias and output padding",
    inputs: "%x: float32[N, 4, 3, 3]",
    outputs: "%y: float32[N, 6, ?, ?]",
    body: `%w = constant float32[4, 3, 3, 3] random(1) %b = constant float32[6] random(9) ${batchNorm(6, 2)} %c = ConvTranspose(%x, %w, %b) {group = 2, strides = [2, 2], pads = [1, 1, 1, 1], output_padding = [1, 1]} %y = BatchNormalization(%c, %bs, %bb, %bm, %bv)`,
    fires: ["batch-norm-into-conv-transpose"],
  },
  {
    title: "as many inputs as outputs",
    inputs: "%x: float32[N, 4, 5]",
    outputs: "%y: float32[N, 4, ?]",
    body: `%w = constant float32[4, 4, 3] random(1) ${batchNorm(4, 2)} %c = ConvTranspose(%x, %w) %y = BatchNormalization(%c, %bs, %bb, %bm, %bv)`,
    fires: ["batch-norm-into-conv-transpose"],
  },
  {
    title: "channels of the groups scaled by a Mul",
    inputs: "%x: float32[N, 4, 3, 3]",
    outputs: "%y: float32[N, 4, ?, ?]",
    body: "%w = constant float32[4, 2, 2, 2] random(1) %k = constant float32[1, 4, 1, 1] random(2) %c = ConvTranspose(%x, %w) {group = 2} %y = Mul(%c, %k)",
  },
  {
    title: "statistics of the batch: training mode",
    inputs: "%x: float32[2, 4, 3, 3]",
    outputs: "%y: float32[2, 4, 3, 3]",
    body: `%w = constant float32[4, 4, 1, 1] random(1) ${batchNorm(4, 2)} %c = ConvTranspose(%x, %w) %y, %m, %v = BatchNormalization(%c, %bs, %bb, %bm, %bv) {training_mode = 1}`,
    spares: ["batch-norm-into-conv-transpose"],
  },
]);

holds("batch normalization into Gemm and MatMul", [
  {
    title: "a square product, turned before it is normalized",
    inputs: "%x: float32[4, 4]",
    outputs: "%y: float32[4, 4]",
    body: `%w = constant float32[4, 4] random(1) ${batchNorm(4, 2)} %p = MatMul(%x, %w) %t = Transpose(%p) {perm = [1, 0]} %y = BatchNormalization(%t, %bs, %bb, %bm, %bv)`,
  },
  {
    title: "a square Gemm, turned before it is normalized",
    inputs: "%x: float32[4, 4]",
    outputs: "%y: float32[4, 4]",
    body: `%w = constant float32[4, 4] random(1) %b = constant float32[4] random(9) ${batchNorm(4, 2)} %p = Gemm(%x, %w, %b) {transB = 1} %t = Transpose(%p) {perm = [1, 0]} %y = BatchNormalization(%t, %bs, %bb, %bm, %bv)`,
  },
  {
    title: "reshaped so that rows are channels",
    inputs: "%x: float32[4, 4]",
    outputs: "%y: float32[1, 4, 4]",
    body: `%w = constant float32[4, 4] random(1) %s = constant int64[3] [1, 4, 4] ${batchNorm(4, 2)} %p = MatMul(%x, %w) %t = Reshape(%p, %s) %y = BatchNormalization(%t, %bs, %bb, %bm, %bv)`,
  },
  {
    title: "a product of rank 3 is normalized over its rows",
    inputs: "%x: float32[2, 4, 4]",
    outputs: "%y: float32[2, 4, 4]",
    body: `%w = constant float32[4, 4] random(1) ${batchNorm(4, 2)} %p = MatMul(%x, %w) %y = BatchNormalization(%p, %bs, %bb, %bm, %bv)`,
    spares: ["affine-into-gemm"],
  },
  {
    title: "directly",
    inputs: "%x: float32[N, 3]",
    outputs: "%y: float32[N, 4]",
    body: `%w = constant float32[3, 4] random(1) ${batchNorm(4, 2)} %p = MatMul(%x, %w) %y = BatchNormalization(%p, %bs, %bb, %bm, %bv)`,
    fires: ["affine-into-gemm"],
  },
  {
    title: "a Gemm with alpha, beta and a turned factor",
    inputs: "%x: float32[3, N]",
    outputs: "%y: float32[N, 4]",
    body: `%w = constant float32[4, 3] random(1) %b = constant float32[1, 4] random(9) ${batchNorm(4, 2)} %p = Gemm(%x, %w, %b) {alpha = 0.5, beta = 3.0, transA = 1, transB = 1} %y = BatchNormalization(%p, %bs, %bb, %bm, %bv)`,
    fires: ["affine-into-gemm"],
  },
  {
    title: "a bias that varies from row to row",
    inputs: "%x: float32[4, 4]",
    outputs: "%y: float32[4, 4]",
    body: `%w = constant float32[4, 4] random(1) %b = constant float32[4, 1] random(9) ${batchNorm(4, 2)} %p = Gemm(%x, %w, %b) %y = BatchNormalization(%p, %bs, %bb, %bm, %bv)`,
    spares: ["affine-into-gemm"],
  },
  {
    title: "a scale for each row of a square product",
    inputs: "%x: float32[4, 4]",
    outputs: "%y: float32[4, 4]",
    body: "%w = constant float32[4, 4] random(1) %k = constant float32[4, 1] random(2) %p = MatMul(%x, %w) %y = Mul(%p, %k)",
    spares: ["affine-into-gemm"],
  },
  {
    title: "a sum that widens the product",
    inputs: "%x: float32[1, 4]",
    outputs: "%y: float32[3, 4]",
    body: "%w = constant float32[4, 4] random(1) %k = constant float32[3, 4] random(2) %p = MatMul(%x, %w) %y = Add(%p, %k)",
    spares: ["matmul-add-to-gemm", "affine-into-gemm"],
  },
]);

const convolution = "%w = constant float32[4, 4, 1, 1] random(1) %b = constant float32[4] random(2) %c = Conv(%x, %w, %b)";
holds("multiply and add into convolution", [
  ...(["Mul", "Add", "Sub", "Div"] as const).flatMap((op): Case[] => [
    { title: `${op}: the constant lies along the width, as wide as there are channels`, inputs: "%x: float32[N, 4, 4, 4]", outputs: "%y: float32[N, 4, 4, 4]", body: `${convolution} %k = constant float32[4] uniform(3, 0.5, 2) %y = ${op}(%c, %k)`, spares: ["affine-into-conv"] },
    { title: `${op}: the constant lies along the height`, inputs: "%x: float32[N, 4, 4, 4]", outputs: "%y: float32[N, 4, 4, 4]", body: `${convolution} %k = constant float32[4, 1] uniform(3, 0.5, 2) %y = ${op}(%c, %k)`, spares: ["affine-into-conv"] },
    { title: `${op}: the constant lies along the channels`, inputs: "%x: float32[N, 4, 4, 4]", outputs: "%y: float32[N, 4, 4, 4]", body: `${convolution} %k = constant float32[4, 1, 1] uniform(3, 0.5, 2) %y = ${op}(%c, %k)`, fires: ["affine-into-conv"] },
    { title: `${op}: the constant lies along the batch`, inputs: "%x: float32[4, 4, 2, 2]", outputs: "%y: float32[4, 4, 2, 2]", body: `${convolution} %k = constant float32[4, 1, 1, 1] uniform(3, 0.5, 2) %y = ${op}(%c, %k)`, spares: ["affine-into-conv"] },
    { title: `${op}: the constant has more axes than the value`, inputs: "%x: float32[1, 4, 4, 4]", outputs: "%y: float32[1, 1, 4, 4, 4]", body: `${convolution} %k = constant float32[1, 1, 1, 1, 1] uniform(3, 0.5, 2) %y = ${op}(%c, %k)`, spares: ["affine-into-conv"] },
  ]),
  { title: "the constant is the minuend", inputs: "%x: float32[N, 4, 4, 4]", outputs: "%y: float32[N, 4, 4, 4]", body: `${convolution} %k = constant float32[4, 1, 1] random(3) %y = Sub(%k, %c)` },
  { title: "the constant is divided by the value", inputs: "%x: float32[N, 4, 4, 4]", outputs: "%y: float32[N, 4, 4, 4]", body: `${convolution} %k = constant float32[4, 1, 1] random(3) %y = Div(%k, %c)`, spares: ["affine-into-conv"] },
  { title: "one channel, widened to four by the constant", inputs: "%x: float32[N, 4, 4, 4]", outputs: "%y: float32[N, 4, 4, 4]", body: "%w = constant float32[1, 4, 1, 1] random(1) %c = Conv(%x, %w) %k = constant float32[4, 1, 1] random(3) %y = Mul(%c, %k)", spares: ["affine-into-conv"] },
  { title: "one dimension: the constant lies along the length", inputs: "%x: float32[N, 4, 4]", outputs: "%y: float32[N, 4, 4]", body: "%w = constant float32[4, 4, 1] random(1) %c = Conv(%x, %w) %k = constant float32[4] random(3) %y = Mul(%c, %k)", spares: ["affine-into-conv"] },
  { title: "the convolution's output is an output of the graph", inputs: "%x: float32[N, 4, 4, 4]", outputs: "%c: float32[N, 4, 4, 4], %y: float32[N, 4, 4, 4]", body: `${convolution} %k = constant float32[4, 1, 1] random(3) %y = Mul(%c, %k)`, spares: ["affine-into-conv"] },
  {
    title: "a branch captures the convolution's output",
    inputs: "%x: float32[1, 4, 4, 4], %t: bool[]",
    outputs: "%y: float32[1, 4, 4, 4]",
    body: `${convolution} %k = constant float32[4, 1, 1] random(3) %m = Mul(%c, %k) %y = If(%t) then_branch () { %p = Neg(%c) return %p } else_branch () { %q = Abs(%m) return %q }`,
    spares: ["affine-into-conv"],
  },
  { title: "scaled before a padded convolution", inputs: "%x: float32[N, 4, 4, 4]", outputs: "%y: float32[N, 4, 4, 4]", body: "%w = constant float32[4, 4, 3, 3] random(1) %k = constant float32[4, 1, 1] random(3) %m = Mul(%x, %k) %y = Conv(%m, %w) {pads = [1, 1, 1, 1]}" },
  { title: "shifted before a padded convolution", inputs: "%x: float32[N, 4, 4, 4]", outputs: "%y: float32[N, 4, 4, 4]", body: "%w = constant float32[4, 4, 3, 3] random(1) %k = constant float32[4, 1, 1] random(3) %m = Add(%x, %k) %y = Conv(%m, %w) {pads = [1, 1, 1, 1]}" },
  { title: "scaled along the width before a convolution, as wide as there are channels", inputs: "%x: float32[N, 4, 4, 4]", outputs: "%y: float32[N, 4, 4, 4]", body: "%w = constant float32[4, 4, 3, 3] random(1) %k = constant float32[4] random(3) %m = Mul(%x, %k) %y = Conv(%m, %w) {pads = [1, 1, 1, 1]}", spares: ["multiply-before-conv"] },
  { title: "scaled before a grouped convolution", inputs: "%x: float32[N, 4, 4, 4]", outputs: "%y: float32[N, 6, 4, 4]", body: "%w = constant float32[6, 2, 3, 3] random(1) %k = constant float32[4, 1, 1] random(3) %m = Mul(%x, %k) %y = Conv(%m, %w) {pads = [1, 1, 1, 1], group = 2}" },
]);

const weight = "%w = constant float32[2, 2, 3, 3] random(1)";
const padded = (pads: string, more = "", attributes = ""): string => `${weight} %pads = constant int64[${pads.split(",").length}] [${pads}] %p = Pad(%x, %pads${more}) ${attributes}`;
const image: Pick<Case, "inputs" | "outputs"> = { inputs: "%x: float32[N, 2, 6, 6]", outputs: "%y: float32[N, 2, ?, ?]" };
holds("pad into convolution", [
  { title: "zeros around the image", ...image, body: `${padded("0, 0, 1, 2, 0, 0, 0, 1")} %y = Conv(%p, %w) {pads = [1, 0, 0, 1]}`, fires: ["pad-into-conv"] },
  { title: "a negative amount crops", ...image, body: `${padded("0, 0, -1, 0, 0, 0, 0, -1")} %y = Conv(%p, %w) {pads = [1, 1, 1, 1]}`, spares: ["pad-into-conv"] },
  { title: "the axes are named", opset: 18, ...image, body: `${padded("1, 2", ", _, %axes").replace("%p =", "%axes = constant int64[1] [3] %p =")} %y = Conv(%p, %w)`, fires: ["pad-into-conv"] },
  { title: "the axes are named, out of order and negative", opset: 18, ...image, body: `${padded("1, 0, 2, 3", ", _, %axes").replace("%p =", "%axes = constant int64[2] [-1, -2] %p =")} %y = Conv(%p, %w)`, fires: ["pad-into-conv"] },
  { title: "the axes are the batch and the channels", opset: 18, inputs: "%x: float32[1, 1, 6, 6]", outputs: "%y: float32[?, 2, ?, ?]", body: `${padded("0, 0, 1, 1", ", _, %axes").replace("%p =", "%axes = constant int64[2] [0, 1] %p =")} %y = Conv(%p, %w)`, spares: ["pad-into-conv"] },
  { title: "channels are padded", inputs: "%x: float32[N, 1, 6, 6]", outputs: "%y: float32[N, 2, ?, ?]", body: `${padded("0, 0, 1, 1, 0, 1, 1, 1")} %y = Conv(%p, %w)`, spares: ["pad-into-conv"] },
  { title: "the value is not zero", ...image, body: `${padded("0, 0, 1, 1, 0, 0, 1, 1", ", %v").replace("%p =", "%v = constant float32[] [2] %p =")} %y = Conv(%p, %w)`, spares: ["pad-into-conv"] },
  { title: "the value is not zero, as the attribute of operator set 10", opset: 10, ...image, body: `${padded("0, 0, 1, 1, 0, 0, 1, 1", ", %v").replace("%p =", "%v = constant float32[] [2] %p =")} %y = Conv(%p, %w)`, spares: ["pad-into-conv"] },
  { title: "the value is zero, as the attribute of operator set 10", opset: 10, ...image, body: `${padded("0, 0, 1, 1, 0, 0, 1, 1")} %y = Conv(%p, %w)`, fires: ["pad-into-conv"] },
  { title: "the value is an input", inputs: "%x: float32[N, 2, 6, 6], %v: float32[]", outputs: "%y: float32[N, 2, ?, ?]", body: `${padded("0, 0, 1, 1, 0, 0, 1, 1", ", %v")} %y = Conv(%p, %w)`, spares: ["pad-into-conv"] },
  ...["reflect", "edge"].map((mode): Case => ({ title: `mode ${mode}`, ...image, body: `${padded("0, 0, 1, 1, 0, 0, 1, 1", "", `{mode = "${mode}"}`)} %y = Conv(%p, %w)`, spares: ["pad-into-conv"] })),
  ...["SAME_UPPER", "SAME_LOWER", "VALID"].map((auto): Case => ({ title: `auto_pad ${auto}`, ...image, body: `${padded("0, 0, 1, 0, 0, 0, 0, 0")} %y = Conv(%p, %w) {auto_pad = "${auto}", strides = [2, 2]}`, spares: auto === "VALID" ? [] : ["pad-into-conv"] })),
  { title: "the padded image is used elsewhere", inputs: "%x: float32[N, 2, 6, 6]", outputs: "%y: float32[N, 2, ?, ?], %z: float32[N, 2, ?, ?]", body: `${padded("0, 0, 1, 1, 0, 0, 1, 1")} %y = Conv(%p, %w) %z = Neg(%p)`, spares: ["pad-into-conv"] },
]);

const poolPads = (value: string): string => `%pads = constant int64[8] [0, 0, 1, 1, 0, 0, 1, 1] %v = constant float32[] [${value}] %p = Pad(%q, %pads, %v)`;
holds("pad into max pooling", [
  { title: "zeros win over negative numbers", ...image, body: `%q = Neg(%x) ${poolPads("0")} %y = MaxPool(%p) {kernel_shape = [3, 3]}`, spares: ["pad-into-max-pool"] },
  { title: "zeros without a value given", ...image, body: "%pads = constant int64[8] [0, 0, 1, 1, 0, 0, 1, 1] %p = Pad(%x, %pads) %y = MaxPool(%p) {kernel_shape = [2, 2], strides = [2, 2]}", spares: ["pad-into-max-pool"] },
  { title: "zeros around a Relu", ...image, body: `%q = Relu(%x) ${poolPads("0")} %y = MaxPool(%p) {kernel_shape = [3, 3], strides = [2, 2]}`, fires: ["pad-into-max-pool"] },
  { title: "zeros around a LeakyRelu", ...image, body: `%q = LeakyRelu(%x) ${poolPads("0")} %y = MaxPool(%p) {kernel_shape = [3, 3]}`, spares: ["pad-into-max-pool"] },
  { title: "zeros around a Clip whose upper bound lies below zero", ...image, body: `%one = constant float32[] [1] %minus = constant float32[] [-3] %q = Clip(%x, %one, %minus) ${poolPads("0")} %y = MaxPool(%p) {kernel_shape = [3, 3]}`, spares: ["pad-into-max-pool"] },
  { title: "zeros around a Relu that is shifted", ...image, body: `%r = Relu(%x) %two = constant float32[] [2] %q = Sub(%r, %two) ${poolPads("0")} %y = MaxPool(%p) {kernel_shape = [3, 3]}`, spares: ["pad-into-max-pool"] },
  { title: "a value between", ...image, body: `%q = Relu(%x) ${poolPads("0.5")} %y = MaxPool(%p) {kernel_shape = [3, 3]}`, spares: ["pad-into-max-pool"] },
  { title: "a very small number is not minus infinity", ...image, body: `%k = constant float32[] [1e30] %q = Mul(%x, %k) ${poolPads("-10000")} %y = MaxPool(%p) {kernel_shape = [2, 2], strides = [2, 2]}`, spares: ["pad-into-max-pool"] },
  { title: "minus infinity", ...image, body: `%q = Neg(%x) ${poolPads("-inf")} %y = MaxPool(%p) {kernel_shape = [3, 3]}`, fires: ["pad-into-max-pool"] },
  { title: "minus infinity, where windows lie in the padding alone", ...image, body: `%q = Neg(%x) ${poolPads("-inf")} %y = MaxPool(%p) {kernel_shape = [1, 1]}`, spares: ["pad-into-max-pool"] },
  { title: "the positions of the largest are used", inputs: "%x: float32[1, 2, 6, 6]", outputs: "%y: float32[1, 2, ?, ?], %i: int64[1, 2, ?, ?]", body: `%q = Relu(%x) ${poolPads("0")} %y, %i = MaxPool(%p) {kernel_shape = [3, 3]}`, spares: ["pad-into-max-pool"] },
  { title: "ceil_mode", ...image, body: `%q = Relu(%x) ${poolPads("0")} %y = MaxPool(%p) {kernel_shape = [3, 3], strides = [2, 2], ceil_mode = 1}` },
  { title: "8-bit integers below zero", inputs: "%x: int8[1, 2, 6, 6]", outputs: "%y: int8[1, 2, ?, ?]", body: "%pads = constant int64[8] [0, 0, 1, 1, 0, 0, 1, 1] %v = constant int8[] [0] %p = Pad(%x, %pads, %v) %y = MaxPool(%p) {kernel_shape = [3, 3]}", spares: ["pad-into-max-pool"] },
], { special: false });

const averaged = (attributes: string, pads = "0, 0, 1, 1, 0, 0, 1, 1"): string => `%pads = constant int64[8] [${pads}] %p = Pad(%x, %pads) %y = AveragePool(%p) {kernel_shape = [3, 3]${attributes}}`;
holds("pad into average pooling", [
  { title: "no padding of its own", ...image, body: averaged(""), fires: ["pad-into-average-pool"] },
  { title: "its own padding counts", ...image, body: averaged(", pads = [1, 1, 1, 1], count_include_pad = 1"), },
  { title: "its own padding does not count", ...image, body: averaged(", pads = [1, 1, 1, 1]"), spares: ["pad-into-average-pool"] },
  { title: "its own padding does not count, on one side", ...image, body: averaged(", pads = [0, 0, 0, 1], count_include_pad = 0"), spares: ["pad-into-average-pool"] },
  { title: "ceil_mode", ...image, body: averaged(", strides = [2, 2], ceil_mode = 1, count_include_pad = 1") },
  { title: "ceil_mode with padding of its own", ...image, body: averaged(", strides = [2, 2], ceil_mode = 1, pads = [1, 0, 1, 0]") },
  { title: "auto_pad", ...image, body: averaged(', auto_pad = "SAME_UPPER", strides = [2, 2]'), spares: ["pad-into-average-pool"] },
  { title: "a negative amount", ...image, body: averaged("", "0, 0, -1, 1, 0, 0, 1, -1"), spares: ["pad-into-average-pool"] },
  { title: "a value that is not zero", ...image, body: averaged("").replace("%p = Pad(%x, %pads)", "%v = constant float32[] [1] %p = Pad(%x, %pads, %v)"), spares: ["pad-into-average-pool"] },
]);

holds("multiplication by a reciprocal", [
  { title: "of integers: 1 / 3 is 0", inputs: "%x: int32[3], %z: int32[3]", outputs: "%y: int32[3]", body: "%one = constant int32[] [1] %r = Div(%one, %x) %y = Mul(%r, %z)", spares: ["reciprocal-multiply"], feeds: [{ x: fromNumbers("int32", [3], [2, 3, 4]), z: fromNumbers("int32", [3], [7, 8, 9]) }, { x: fromNumbers("int32", [3], [1, -1, 5]), z: fromNumbers("int32", [3], [7, 8, 9]) }, { x: fromNumbers("int32", [3], [-2, -3, 9]), z: fromNumbers("int32", [3], [-7, 8, 3]) }] },
  { title: "of integers, with the product the other way round", inputs: "%x: int64[3], %z: int64[3]", outputs: "%y: int64[3]", body: "%one = constant int64[1] [1] %k = constant int64[] [2] %a = Mul(%x, %x) %b = Add(%a, %k) %r = Div(%one, %b) %y = Mul(%z, %r)", spares: ["reciprocal-multiply"] },
  { title: "of floats", inputs: "%x: float32[N, 3], %z: float32[3]", outputs: "%y: float32[N, 3]", body: "%one = constant float32[] [1] %r = Div(%one, %x) %y = Mul(%r, %z)", fires: ["reciprocal-multiply"] },
  { title: "the 1 has more axes", inputs: "%x: float32[3], %z: float32[3]", outputs: "%y: float32[1, 3]", body: "%one = constant float32[1, 1] [1] %r = Div(%one, %x) %y = Mul(%r, %z)", spares: ["reciprocal-multiply"] },
  { title: "the 1 is not one everywhere", inputs: "%x: float32[3], %z: float32[3]", outputs: "%y: float32[3]", body: "%one = constant float32[3] [1, 1, 2] %r = Div(%one, %x) %y = Mul(%r, %z)", spares: ["reciprocal-multiply"] },
  { title: "squared", inputs: "%x: float32[3]", outputs: "%y: float32[3]", body: "%r = Reciprocal(%x) %y = Mul(%r, %r)", spares: ["reciprocal-multiply"] },
]);

const huge = f([2, 4], [100, 99, 101, 200, -200, -150, -300, -151]);
holds("position of the largest of a monotone function", [
  ...["Exp", "Sigmoid", "Tanh", "Erf", "Softplus", "Relu", "Ceil"].map((op): Case => ({ title: `${op} saturates or makes ties`, inputs: "%x: float32[N, 4]", outputs: "%y: int64[N]", body: `%e = ${op}(%x) %y = ArgMax(%e) {axis = 1, keepdims = 0}`, feeds: [{ x: huge }] })),
  ...["ArgMax", "ArgMin"].map((op): Case => ({ title: `${op} of a Softmax with ties`, inputs: "%x: float32[N, 4]", outputs: "%y: int64[N]", body: `%e = Softmax(%x) %y = ${op}(%e) {axis = 1, keepdims = 0}`, feeds: [{ x: huge }, { x: f([1, 4], [1, 1 + 2 ** -23, 1, 0]) }] })),
  ...["ArgMax", "ArgMin"].map((op): Case => ({ title: `${op} of a LogSoftmax, where the shift rounds`, inputs: "%x: float32[N, 4]", outputs: "%y: int64[N]", body: `%e = LogSoftmax(%x) %y = ${op}(%e) {axis = 1, keepdims = 0, select_last_index = 1}`, feeds: [{ x: f([1, 4], [1e-9, 2e-9, 3e-9, 5]) }] })),
  { title: "Log of negative numbers", inputs: "%x: float32[N, 4]", outputs: "%y: int64[N]", body: "%e = Log(%x) %y = ArgMax(%e) {axis = 1, keepdims = 0}", feeds: [{ x: f([1, 4], [-1, 2, -3, 1]) }] },
  { title: "Sqrt makes ties", inputs: "%x: float32[N, 4]", outputs: "%y: int64[N]", body: "%e = Sqrt(%x) %y = ArgMax(%e) {axis = 1, keepdims = 0}", feeds: [{ x: f([1, 4], [1, 1 + 2 ** -23, 1, 0]) }] },
  { title: "Neg turns the order round", inputs: "%x: float32[N, 4]", outputs: "%y: int64[N]", body: "%e = Neg(%x) %y = ArgMax(%e) {axis = 1, keepdims = 0}" },
  { title: "a factor of two that overflows", inputs: "%x: float32[N, 4]", outputs: "%y: int64[N]", body: "%k = constant float32[] [2] %e = Mul(%x, %k) %y = ArgMax(%e) {axis = 1, keepdims = 0}", feeds: [{ x: f([1, 4], [2e38, 3e38, 1, 0]) }] },
]);

holds("reshape of a reshape", [
  { title: "the outer target copies a dimension of the shape between", inputs: "%x: float32[2, 6]", outputs: "%y: float32[3, 4]", body: "%s = constant int64[2] [3, 4] %t = constant int64[2] [0, -1] %a = Reshape(%x, %s) %y = Reshape(%a, %t)" },
  { title: "the outer target copies the second dimension", inputs: "%x: float32[N, 2, 6]", outputs: "%y: float32[?, ?]", body: "%s = constant int64[2] [-1, 3] %t = constant int64[2] [-1, 0] %a = Reshape(%x, %s) %y = Reshape(%a, %t)" },
  { title: "the shape between is flat", inputs: "%x: float32[N, 3, 4]", outputs: "%y: float32[N, 12]", body: "%t = constant int64[2] [0, 12] %a = Flatten(%x) %y = Reshape(%a, %t)" },
  { title: "allowzero: 0 is a size", opset: 14, inputs: "%x: float32[0, 6]", outputs: "%y: float32[0, 3]", body: "%s = constant int64[2] [3, 0] %t = constant int64[2] [0, 3] %a = Reshape(%x, %s) {allowzero = 1} %y = Reshape(%a, %t) {allowzero = 1}", feeds: [{ x: f([0, 6], []) }] },
  { title: "allowzero inside, a copied dimension outside", opset: 14, inputs: "%x: float32[0, 6]", outputs: "%y: float32[?, ?, ?]", body: "%s = constant int64[2] [4, 0] %t = constant int64[3] [0, 2, 0] %a = Reshape(%x, %s) {allowzero = 1} %b = Transpose(%a) {perm = [0, 1]} %u = constant int64[1] [1] %c = Unsqueeze(%b, %u) %e = constant int64[3] [4, 2, 0] %d = Expand(%c, %e) %y = Reshape(%d, %t)", feeds: [{ x: f([0, 6], []) }] },
  { title: "several unknown dimensions", inputs: "%x: float32[?, ?, 4]", outputs: "%y: float32[?, ?, 2]", body: "%s = constant int64[3] [0, -1, 8] %t = constant int64[3] [0, -1, 2] %a = Reshape(%x, %s) %y = Reshape(%a, %t)", feeds: [{ x: f([2, 2, 4], Float64Array.from({ length: 16 }, (_, i) => i)) }, { x: f([1, 6, 4], Float64Array.from({ length: 24 }, (_, i) => i)) }, { x: f([3, 2, 4], Float64Array.from({ length: 24 }, (_, i) => i)) }] },
  { title: "a target that says all", inputs: "%x: float32[N, 12]", outputs: "%y: float32[?, 6]", body: "%s = constant int64[3] [0, 3, 4] %t = constant int64[2] [-1, 6] %a = Reshape(%x, %s) %y = Reshape(%a, %t)", fires: ["reshape-of-reshape"] },
  { title: "squeezed, then a copied dimension", inputs: "%x: float32[1, 3, 4]", outputs: "%y: float32[3, 2, 2]", body: "%z = constant int64[1] [0] %t = constant int64[3] [0, 2, 2] %a = Squeeze(%x, %z) %y = Reshape(%a, %t)" },
]);

const k = (name: string, ...values: number[]): string => `%${name} = constant int64[${values.length}] [${values.join(", ")}]`;
holds("slice of a slice", [
  { title: "axes 3 and -1 are the same", inputs: "%x: float32[1, 2, 3, 8]", outputs: "%y: float32[1, 2, 3, ?]", body: `${k("a", 1)} ${k("b", 6)} ${k("c", 3)} ${k("d", 3)} ${k("e", -1)} %s = Slice(%x, %a, %b, %c) %y = Slice(%s, %a, %d, %e)`, fires: ["slice-of-slice"] },
  { title: "axes 1 and -3 are the same", inputs: "%x: float32[2, 6, 3, 8]", outputs: "%y: float32[2, ?, 3, 8]", body: `${k("a", 1)} ${k("b", 6)} ${k("c", 1)} ${k("d", 3)} ${k("e", -3)} %s = Slice(%x, %a, %b, %c) %y = Slice(%s, %a, %d, %e)`, fires: ["slice-of-slice"] },
  { title: "axis 2 and axis -1", inputs: "%x: float32[1, 2, 5, 8]", outputs: "%y: float32[1, 2, ?, ?]", body: `${k("a", 1)} ${k("b", 6)} ${k("c", 2)} ${k("d", 3)} ${k("e", -1)} %s = Slice(%x, %a, %b, %c) %y = Slice(%s, %a, %d, %e)`, fires: ["slice-of-slice"] },
  { title: "no axes given: the first ones", inputs: "%x: float32[6, 8]", outputs: "%y: float32[?, ?]", body: `${k("a", 1)} ${k("b", 6)} ${k("d", 3)} ${k("e", -2)} %s = Slice(%x, %a, %b) %y = Slice(%s, %a, %d, %e)`, fires: ["slice-of-slice"] },
  { title: "backwards, and to the very end", inputs: "%x: float32[6, 8]", outputs: "%y: float32[?, ?]", body: `${k("a", -1)} %b = constant int64[1] [-9223372036854775807] ${k("z", 0)} ${k("m", -2)} ${k("f", 2)} %g = constant int64[1] [9223372036854775807] ${k("o", 1)} %s = Slice(%x, %a, %b, %z, %m) %y = Slice(%s, %f, %g, %o)` },
  { title: "backwards twice along one axis", inputs: "%x: float32[6, 8]", outputs: "%y: float32[?, 8]", body: `${k("a", -1)} ${k("b", -100)} ${k("z", 0)} ${k("m", -1)} %s = Slice(%x, %a, %b, %z, %m) %y = Slice(%s, %a, %b, %z, %m)`, spares: ["slice-of-slice"] },
  { title: "an empty cut", inputs: "%x: float32[6, 8]", outputs: "%y: float32[?, ?]", body: `${k("a", 4)} ${k("b", 2)} ${k("z", 0)} ${k("o", 1)} %s = Slice(%x, %a, %b, %z) %y = Slice(%s, %a, %b, %o)` },
  { title: "a dynamic axis", inputs: "%x: float32[N, 8]", outputs: "%y: float32[?, ?]", body: `${k("a", 1)} ${k("b", -1)} ${k("z", 0)} ${k("o", -1)} %s = Slice(%x, %a, %b, %z) %y = Slice(%s, %a, %b, %o)` },
]);

/** x normalized over `axes`, then scaled and shifted. */
const layerNorm = (axes: string, more: { keep?: number; scale?: string; bias?: string; epsilon?: string; exponent?: string; second?: string; numerator?: string } = {}): string => {
  const count = axes.split(",").length;
  return `%ax = constant int64[${count}] [${axes}] %ax2 = constant int64[${(more.second ?? axes).split(",").length}] [${more.second ?? axes}] %two = constant float32[] [${more.exponent ?? "2"}] %eps = constant ${more.epsilon ?? "float32[] [1e-5]"}
    %scale = constant ${more.scale ?? "float32[4] random(1)"} %bias = constant ${more.bias ?? "float32[4] random(2)"}
    %m = ReduceMean(%x, %ax) {keepdims = ${more.keep ?? 1}} %d = Sub(%x, %m) %sq = Pow(%d, %two) %v = ReduceMean(%sq, %ax2) {keepdims = 1} %ve = Add(%v, %eps) %sd = Sqrt(%ve)
    ${more.numerator ?? ""} %n = Div(${more.numerator ? "%num" : "%d"}, %sd) %ns = Mul(%n, %scale) %y = Add(%ns, %bias)`;
};
const cube: Pick<Case, "inputs" | "outputs" | "opset"> = { opset: 18, inputs: "%x: float32[4, 4, 4]", outputs: "%y: float32[4, 4, 4]" };
const fusesNorm = ["layer-normalization-fusion"];
holds("layer normalization", [
  { title: "over the last axis", ...cube, body: layerNorm("-1"), fires: fusesNorm },
  { title: "over the last axis of a dynamic value", opset: 18, inputs: "%x: float32[N, M, 4]", outputs: "%y: float32[N, M, 4]", body: layerNorm("2"), fires: fusesNorm },
  { title: "as operator set 13 has it: raised", opset: 13, inputs: "%x: float32[N, 4, 4]", outputs: "%y: float32[N, 4, 4]", body: layerNorm("-1"), fires: fusesNorm },
  { title: "over the last two axes", ...cube, body: layerNorm("1, 2", { scale: "float32[4, 4] random(1)", bias: "float32[4, 4] random(2)" }), fires: fusesNorm },
  { title: "keepdims is 0, and the shapes still broadcast", ...cube, body: layerNorm("-1", { keep: 0 }), spares: fusesNorm },
  { title: "over an axis in the middle", ...cube, body: layerNorm("1"), spares: fusesNorm },
  { title: "over the first and the last axis", ...cube, body: layerNorm("0, 2"), spares: fusesNorm },
  { title: "mean and variance over different axes", ...cube, body: layerNorm("2", { second: "1" }), spares: fusesNorm },
  { title: "the exponent is 3", ...cube, body: layerNorm("-1", { exponent: "3" }), spares: fusesNorm },
  { title: "the scale widens the value", opset: 18, inputs: "%x: float32[4, 4]", outputs: "%y: float32[3, 4, 4]", body: layerNorm("-1", { scale: "float32[3, 1, 4] random(1)" }) },
  { title: "the scale varies over the rows", ...cube, body: layerNorm("-1", { scale: "float32[4, 1] random(1)" }) },
  { title: "the shift varies over the rows", ...cube, body: layerNorm("-1", { bias: "float32[4, 4] random(1)" }) },
  { title: "the shift widens the value", opset: 18, inputs: "%x: float32[1, 4]", outputs: "%y: float32[3, 4]", body: layerNorm("-1", { bias: "float32[3, 4] random(1)" }) },
  { title: "epsilon varies", ...cube, body: layerNorm("-1", { epsilon: "float32[4, 1] uniform(1, 0.1, 2)" }), spares: fusesNorm },
  { title: "epsilon widens the value", opset: 18, inputs: "%x: float32[4, 4]", outputs: "%y: float32[1, 4, 4]", body: layerNorm("-1", { epsilon: "float32[1, 1, 1] [1e-5]" }) },
  { title: "the difference is the wrong way round", ...cube, body: layerNorm("-1", { numerator: "%num = Sub(%m, %x)" }), spares: fusesNorm },
  { title: "another value is divided", ...cube, body: layerNorm("-1", { numerator: "%num = Mul(%x, %two)" }), spares: fusesNorm },
  { title: "the normalized value is used elsewhere", opset: 18, inputs: "%x: float32[4, 4, 4]", outputs: "%y: float32[4, 4, 4], %n: float32[4, 4, 4]", body: layerNorm("-1") },
  { title: "the mean is an output", opset: 18, inputs: "%x: float32[4, 4, 4]", outputs: "%y: float32[4, 4, 4], %m: float32[4, 4, 1]", body: layerNorm("-1") },
  { title: "the scale may be overridden", opset: 18, inputs: "%x: float32[4, 4], %g: float32[4] = constant float32[4] random(5)", outputs: "%y: float32[4, 4]", body: layerNorm("-1").replace("Mul(%n, %scale)", "Mul(%n, %g)") },
  { title: "the scale is an input of any shape", opset: 18, inputs: "%x: float32[2, 4], %g: float32[?, 4]", outputs: "%y: float32[?, 4]", body: layerNorm("-1").replace("Mul(%n, %scale)", "Mul(%n, %g)"), feeds: [{ x: f([2, 4], [1, 2, 3, 4, 5, 6, 7, 9]), g: f([2, 4], [1, 2, 3, 4, 5, 6, 7, 8]) }, { x: f([2, 4], [1, 2, 3, 4, 5, 6, 7, 9]), g: f([1, 4], [1, 2, 3, 4]) }] },
  { title: "the square is a product of two different values", ...cube, body: layerNorm("-1").replace("Pow(%d, %two)", "Mul(%d, %x)"), spares: fusesNorm },
  { title: "64-bit numbers", opset: 18, inputs: "%x: float64[4, 4]", outputs: "%y: float64[4, 4]", body: layerNorm("-1").replaceAll("float32", "float64") },
]);

/** x over its root mean square along `axes`, then scaled. */
const rmsNorm = (axes: string, more: { source?: string; scale?: string; epsilon?: string; keep?: number; of?: string } = {}): string =>
  `%ax = constant int64[${axes.split(",").length}] [${axes}] %two = constant float32[] [2] %eps = constant ${more.epsilon ?? "float32[] [1e-6]"} %scale = constant ${more.scale ?? "float32[4] random(1)"} ${more.source ?? ""}
    %sq = Pow(${more.of ?? "%x"}, %two) %v = ReduceMean(%sq, %ax) {keepdims = ${more.keep ?? 1}} %ve = Add(%v, %eps) %sd = Sqrt(%ve) %i = Reciprocal(%sd) %n = Mul(${more.of ?? "%x"}, %i) %y = Mul(%n, %scale)`;
holds("RMS normalization, and sums before it", [
  ...[18, 23].flatMap((opset): Case[] => [
    { title: `over the last axis (operator set ${opset})`, ...cube, opset, body: rmsNorm("-1"), ...(opset === 23 ? { fires: ["rms-normalization-fusion"] } : {}) },
    { title: `over an axis in the middle (operator set ${opset})`, ...cube, opset, body: rmsNorm("1") },
    { title: `keepdims is 0 (operator set ${opset})`, ...cube, opset, body: rmsNorm("-1", { keep: 0 }) },
    { title: `the scale widens the value (operator set ${opset})`, opset, inputs: "%x: float32[4, 4]", outputs: "%y: float32[3, 4, 4]", body: rmsNorm("-1", { scale: "float32[3, 1, 4] random(1)" }) },
    { title: `the scale varies over the rows (operator set ${opset})`, ...cube, opset, body: rmsNorm("-1", { scale: "float32[4, 4] random(1)" }) },
    { title: `epsilon varies (operator set ${opset})`, ...cube, opset, body: rmsNorm("-1", { epsilon: "float32[4, 1] uniform(1, 0.1, 2)" }) },
    { title: `the sum before it is used elsewhere (operator set ${opset})`, opset, inputs: "%x: float32[N, 4], %r: float32[N, 4]", outputs: "%y: float32[N, 4], %z: float32[N, 4]", body: `${rmsNorm("-1", { source: "%s = Add(%x, %r)", of: "%s" })} %z = Neg(%s)` },
    { title: `the sum before it is an output (operator set ${opset})`, opset, inputs: "%x: float32[N, 4], %r: float32[N, 4]", outputs: "%y: float32[N, 4], %s: float32[N, 4]", body: rmsNorm("-1", { source: "%s = Add(%x, %r)", of: "%s" }) },
    { title: `the sum before a layer normalization is an output (operator set ${opset})`, opset, inputs: "%x0: float32[N, 4], %r: float32[N, 4]", outputs: "%y: float32[N, 4], %x: float32[N, 4]", body: `%x = Add(%x0, %r) ${layerNorm("-1")}`, fires: fusesNorm },
    { title: `the sum before it widens one operand (operator set ${opset})`, opset, inputs: "%x: float32[1, 4], %r: float32[3, 4]", outputs: "%y: float32[3, 4]", body: rmsNorm("-1", { source: "%s = Add(%x, %r)", of: "%s" }) },
  ]),
]);

holds("values that are outputs, under several names or captured", [
  { title: "an input is an output", inputs: "%x: float32[4]", outputs: "%y: float32[4], %z: float32[4]", body: "%y = Identity(%x) %a = Identity(%x) %z = Relu(%a)" },
  { title: "one value, two outputs", inputs: "%x: float32[4]", outputs: "%y: float32[4], %z: float32[4]", body: "%r = Relu(%x) %y = Identity(%r) %z = Identity(%r)" },
  { title: "a chain of copies, each an output", inputs: "%x: float32[4]", outputs: "%a: float32[4], %b: float32[4], %c: float32[4]", body: "%a = Relu(%x) %b = Identity(%a) %c = Identity(%b)" },
  { title: "a constant is an output twice", inputs: "%x: float32[2]", outputs: "%a: float32[2], %b: float32[2], %y: float32[2]", body: "%k = constant float32[2] [1, 2] %a = Identity(%k) %b = Identity(%k) %y = Add(%x, %k)" },
  {
    title: "branches that give captured values",
    inputs: "%x: float32[4], %w: float32[4], %c: bool[]",
    outputs: "%y: float32[4]",
    body: "%i = Identity(%x) %j = Relu(%w) %y = If(%c) then_branch () { %t = Identity(%i) return %t } else_branch () { %e = Identity(%j) return %e }",
  },
  {
    title: "a constant condition, whose branch gives a captured value and a constant",
    inputs: "%x: float32[4]",
    outputs: "%y: float32[4], %z: float32[2]",
    body: "%c = constant bool[] [1] %y, %z = If(%c) then_branch () { %t = Identity(%x) %k = constant float32[2] [1, 2] return %t, %k } else_branch () { %e = Neg(%x) %l = constant float32[2] [3, 4] return %e, %l }",
  },
  {
    title: "a name inside a branch that the graph has too",
    inputs: "%x: float32[4]",
    outputs: "%y: float32[4]",
    body: "%c = constant bool[] [0] %a = Relu(%x) %b = If(%c) then_branch () { %t = Neg(%a) return %t } else_branch () { %a2 = Abs(%x) %e = Add(%a2, %a) return %e } %y = Mul(%a, %b)",
  },
  {
    title: "a loop whose body captures a value",
    inputs: "%x: float32[4], %w: float32[4]",
    outputs: "%y: float32[4]",
    body: "%n = constant int64[] [3] %t = constant bool[] [1] %v = Identity(%w) %y = Loop(%n, %t, %x) body (%i: int64[], %cond: bool[], %acc: float32[4]) { %next = Add(%acc, %v) %go = Identity(%cond) return %go, %next }",
  },
  { title: "transposed there and back to an output", inputs: "%x: float32[2, 3]", outputs: "%y: float32[2, 3], %t: float32[3, 2]", body: "%r = Relu(%x) %t = Transpose(%r) %y = Transpose(%t)" },
]);

const heads = (mask: string, more: { scale?: string; axis?: string; turn?: string } = {}): string =>
  `%c = constant float32[] [${more.scale ?? "0.5"}] %t = Transpose(%k) {perm = [${more.turn ?? "0, 1, 3, 2"}]} %p = MatMul(%q, %t) %s = Mul(%p, %c) ${mask === "" ? "" : `${mask} %a = Add(%s, %m)`} %w = Softmax(%${mask === "" ? "s" : "a"}) {axis = ${more.axis ?? "-1"}} %y = MatMul(%w, %v)`;
const split: Pick<Case, "inputs" | "outputs" | "opset"> = { opset: 23, inputs: "%q: float32[N, 2, 4, 4], %k: float32[N, 2, 4, 4], %v: float32[N, 2, 4, 4]", outputs: "%y: float32[N, 2, 4, 4]" };
const fusesAttention = ["attention-fusion"];
holds("attention", [
  { title: "without a mask", ...split, body: heads(""), fires: fusesAttention },
  { title: "with a mask for each head and query", ...split, body: heads("%m = constant float32[1, 2, 4, 4] random(3)"), fires: fusesAttention },
  { title: "with a mask for each query and key", ...split, body: heads("%m = constant float32[4, 4] random(3)"), fires: fusesAttention },
  { title: "a mask of one column: Attention would hide the other keys", ...split, body: heads("%m = constant float32[4, 1] random(3)"), spares: fusesAttention },
  { title: "a mask of minus infinity: whole rows may be hidden", ...split, inputs: `${split.inputs}, %keep: bool[N, 1, 4, 4]`, body: heads("%z = constant float32[] [0] %o = constant float32[] [-inf] %m = Where(%keep, %z, %o)"), spares: fusesAttention },
  { title: "a mask that widens the batch", ...split, inputs: split.inputs.replaceAll("N", "1"), outputs: "%y: float32[3, 2, 4, 4]", body: heads("%m = constant float32[3, 1, 4, 4] random(3)"), spares: fusesAttention },
  { title: "softmax along the queries", ...split, body: heads("", { axis: "2" }), spares: fusesAttention },
  { title: "keys turned by other axes, all as long", ...split, inputs: split.inputs.replaceAll("2, 4, 4", "4, 4, 4"), outputs: "%y: float32[N, 4, 4, 4]", body: heads("", { turn: "0, 3, 2, 1" }), spares: fusesAttention },
  { title: "a negative scale", ...split, body: heads("", { scale: "-0.5" }), spares: fusesAttention },
  { title: "one head of keys for all", ...split, inputs: "%q: float32[N, 2, 4, 4], %k: float32[N, 1, 4, 4], %v: float32[N, 1, 4, 4]", body: heads(""), spares: fusesAttention },
  { title: "the weights are an output", ...split, outputs: "%y: float32[N, 2, 4, 4], %w: float32[N, 2, 4, 4]", body: heads(""), spares: fusesAttention },
], { special: false });

holds("quantization", [
  { title: "dequantized and quantized alike", opset: 13, inputs: "%x: uint8[N, 8]", outputs: "%y: uint8[N, 8]", body: "%s = constant float32[] [0.1] %z = constant uint8[] [128] %t = Transpose(%x) {perm = [0, 1]} %r = Reshape(%t, %shape) %d = DequantizeLinear(%r, %s, %z) %y = QuantizeLinear(%d, %s, %z)".replace("%r =", "%shape = constant int64[3] [0, 2, 4] %r =").replace("uint8[N, 8]", "uint8[N, 2, 4]"), fires: ["quantize-of-dequantize"] },
  { title: "another zero point", opset: 13, inputs: "%x: uint8[N, 8]", outputs: "%y: uint8[N, 8]", body: "%s = constant float32[] [0.1] %z = constant uint8[] [128] %o = constant uint8[] [127] %d = DequantizeLinear(%x, %s, %z) %y = QuantizeLinear(%d, %s, %o)", spares: ["quantize-of-dequantize"] },
  { title: "quantized and dequantized: it rounds", opset: 13, inputs: "%x: float32[N, 8]", outputs: "%y: float32[N, 8]", body: "%s = constant float32[] [0.1] %z = constant uint8[] [128] %q = QuantizeLinear(%x, %s, %z) %y = DequantizeLinear(%q, %s, %z)" },
  { title: "a scale for each row, then for each column", opset: 13, inputs: "%x: int8[4, 4]", outputs: "%y: int8[4, 4]", body: "%s = constant float32[4] [0.1, 0.2, 0.3, 0.4] %z = constant int8[4] [0, 0, 0, 0] %d = DequantizeLinear(%x, %s, %z) {axis = 0} %y = QuantizeLinear(%d, %s, %z) {axis = 1}", spares: ["quantize-of-dequantize"] },
], { special: false });

const times = (gate: string, more = ""): string => `%a = constant float32[] [3] %low = constant float32[] [0] %b = constant float32[] [6] ${more} ${gate}`;
holds("activations spelled out", [
  { title: "HardSwish", inputs: "%x: float32[N, 8]", outputs: "%y: float32[N, 8]", body: times("%s = Add(%x, %a) %c = Clip(%s, %low, %b) %m = Mul(%x, %c) %y = Div(%m, %b)"), fires: ["hard-swish-fusion"] },
  { title: "HardSwish with another shift", inputs: "%x: float32[N, 8]", outputs: "%y: float32[N, 8]", body: times("%s = Add(%x, %e) %c = Clip(%s, %low, %b) %m = Mul(%x, %c) %y = Div(%m, %b)", "%e = constant float32[] [3.001]"), spares: ["hard-swish-fusion"] },
  { title: "HardSwish with a shift that widens the value", inputs: "%x: float32[8]", outputs: "%y: float32[1, 8]", body: times("%s = Add(%x, %e) %c = Clip(%s, %low, %b) %m = Mul(%x, %c) %y = Div(%m, %b)", "%e = constant float32[1, 1] [3]"), spares: ["hard-swish-fusion"] },
  { title: "HardSwish with a gate of another value", inputs: "%x: float32[N, 8], %z: float32[N, 8]", outputs: "%y: float32[N, 8]", body: times("%s = Add(%z, %a) %c = Clip(%s, %low, %b) %m = Mul(%x, %c) %y = Div(%m, %b)"), spares: ["hard-swish-fusion"] },
  { title: "GELU", inputs: "%x: float32[N, 8]", outputs: "%y: float32[N, 8]", body: "%r = constant float32[] [1.41421354] %o = constant float32[] [1] %h = constant float32[] [0.5] %d = Div(%x, %r) %e = Erf(%d) %s = Add(%e, %o) %m = Mul(%x, %s) %y = Mul(%m, %h)", fires: ["gelu-fusion"] },
  { title: "GELU with 1.4142 for the root of 2", inputs: "%x: float32[N, 8]", outputs: "%y: float32[N, 8]", body: "%r = constant float32[] [1.4142] %o = constant float32[] [1] %h = constant float32[] [0.5] %d = Div(%x, %r) %e = Erf(%d) %s = Add(%e, %o) %m = Mul(%x, %s) %y = Mul(%m, %h)", spares: ["gelu-fusion"] },
  { title: "Softplus without a shift overflows, and stays", inputs: "%x: float32[N, 8]", outputs: "%y: float32[N, 8]", body: "%o = constant float32[] [1] %e = Exp(%x) %s = Add(%e, %o) %y = Log(%s)" },
  { title: "softmax without a shift overflows, and stays", inputs: "%x: float32[N, 8]", outputs: "%y: float32[N, 8]", opset: 18, body: "%a = constant int64[1] [-1] %e = Exp(%x) %s = ReduceSum(%e, %a) %y = Div(%e, %s)", spares: ["softmax-fusion"] },
  { title: "softmax over two axes", inputs: "%x: float32[N, 4, 4]", outputs: "%y: float32[N, 4, 4]", opset: 18, body: "%a = constant int64[2] [1, 2] %m = ReduceMax(%x, %a) %d = Sub(%x, %m) %e = Exp(%d) %s = ReduceSum(%e, %a) %y = Div(%e, %s)", spares: ["softmax-fusion"] },
  { title: "softmax whose sum runs over another axis", inputs: "%x: float32[4, 4]", outputs: "%y: float32[4, 4]", opset: 18, body: "%a = constant int64[1] [1] %b = constant int64[1] [0] %m = ReduceMax(%x, %a) %d = Sub(%x, %m) %e = Exp(%d) %s = ReduceSum(%e, %b) %y = Div(%e, %s)", spares: ["softmax-fusion"] },
  { title: "softmax", inputs: "%x: float32[N, 4]", outputs: "%y: float32[N, 4]", opset: 18, body: "%a = constant int64[1] [1] %m = ReduceMax(%x, %a) %d = Sub(%x, %m) %e = Exp(%d) %s = ReduceSum(%e, %a) %y = Div(%e, %s)", fires: ["softmax-fusion"] },
], { special: false });
