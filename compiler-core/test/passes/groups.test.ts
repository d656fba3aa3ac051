/** Fused groups, exported with their bodies in place, judged by ONNX Runtime; and the strict pipeline, bit by bit. */
import { holds } from "./judged-cases.ts";

const attends = ["attention-group"];
const apart = { inputs: "%q: float32[N, 4, 5, 8], %k: float32[N, 4, 6, 8], %v: float32[N, 4, 6, 8]", outputs: "%y: float32[N, 4, 5, 8]" };
const scale = "%c = constant float32[] [0.35]";
const turned = "%t = Transpose(%k) {perm = [0, 1, 3, 2]}";
const end = "%w = Softmax(%a) {axis = -1} %y = MatMul(%w, %v)";
const least = "%none = constant float32[] [-3.4028235e38]";

holds("attention as a group", [
  { title: "divided by the root of the size, masked by Where", ...apart, inputs: `${apart.inputs}, %keep: bool[N, 1, 5, 6]`, body: `%c = constant float32[] [2.83] ${least} ${turned} %p = MatMul(%q, %t) %s = Div(%p, %c) %a = Where(%keep, %s, %none) ${end}`, fires: attends },
  { title: "Where with the mask turned round", ...apart, inputs: `${apart.inputs}, %hide: bool[N, 1, 5, 6]`, body: `${scale} ${least} ${turned} %p = MatMul(%q, %t) %s = Mul(%p, %c) %a = Where(%hide, %none, %s) ${end}`, fires: attends },
  { title: "keys turned straight from [batch, length, heads, size]", ...apart, inputs: "%q: float32[N, 4, 5, 8], %k: float32[N, 6, 4, 8], %v: float32[N, 4, 6, 8]", body: `${scale} %t = Transpose(%k) {perm = [0, 2, 3, 1]} %p = MatMul(%q, %t) %a = Mul(%c, %p) ${end}`, fires: attends },
  { title: "three axes, a mask of three", inputs: "%q: float32[N, 5, 8], %k: float32[N, 6, 8], %v: float32[N, 6, 8], %m: float32[N, 5, 6]", outputs: "%y: float32[N, 5, 8]", body: `${scale} %t = Transpose(%k) {perm = [0, 2, 1]} %p = MatMul(%q, %t) %s = Mul(%p, %c) %a = Add(%s, %m) ${end}`, fires: attends },
  { title: "a causal mask, two sums", ...apart, inputs: apart.inputs.replaceAll("6, 8", "5, 8"), body: `${scale} %ones = constant float32[5, 5] splat(-10000) %one = constant int64[] [1] %m = Trilu(%ones, %one) {upper = 1} ${turned} %p = MatMul(%q, %t) %s = Mul(%p, %c) %b = Add(%s, %m) %r = constant float32[1, 4, 5, 5] random(4) %a = Add(%r, %b) ${end}`, fires: attends },
  { title: "two heads of keys and values for four of queries", ...apart, inputs: "%q: float32[2, 4, 5, 8], %k: float32[2, 2, 6, 8], %v: float32[2, 2, 6, 8]", outputs: "%y: float32[2, 4, 5, 8]", body: `${scale} %ax = constant int64[1] [2] %e = constant int64[5] [2, 2, 2, 6, 8] %f = constant int64[4] [2, 4, 6, 8] %k1 = Unsqueeze(%k, %ax) %k2 = Expand(%k1, %e) %k3 = Reshape(%k2, %f) %v1 = Unsqueeze(%v, %ax) %v2 = Expand(%v1, %e) %v3 = Reshape(%v2, %f) %t = Transpose(%k3) {perm = [0, 1, 3, 2]} %p = MatMul(%q, %t) %a = Mul(%p, %c) %w = Softmax(%a) {axis = -1} %y = MatMul(%w, %v3)`, fires: attends },
  { title: "heads brought apart and together", inputs: "%q: float32[N, 5, 32], %k: float32[N, 6, 32], %v: float32[N, 6, 32]", outputs: "%y: float32[N, 5, 32]", body: `${scale} %h = constant int64[4] [0, 0, 4, 8] %f = constant int64[3] [0, 0, 32] %q1 = Reshape(%q, %h) %k1 = Reshape(%k, %h) %v1 = Reshape(%v, %h) %q2 = Transpose(%q1) {perm = [0, 2, 1, 3]} %k2 = Transpose(%k1) {perm = [0, 2, 3, 1]} %v2 = Transpose(%v1) {perm = [0, 2, 1, 3]} %p = MatMul(%q2, %k2) %a = Mul(%p, %c) %w = Softmax(%a) %o = MatMul(%w, %v2) %o1 = Transpose(%o) {perm = [0, 2, 1, 3]} %y = Reshape(%o1, %f)`, fires: attends },
  { title: "rows without a key give zeros", ...apart, inputs: `${apart.inputs}, %m: float32[N, 1, 5, 6]`, body: `${scale} %z = constant float32[] [0] ${turned} %p = MatMul(%q, %t) %s = Mul(%p, %c) %a = Add(%s, %m) %w = Softmax(%a) {axis = -1} %n = IsNaN(%w) %g = Where(%n, %z, %w) %y = MatMul(%g, %v)`, fires: attends },
  { title: "the weights are an output", ...apart, outputs: "%y: float32[N, 4, 5, 8], %w: float32[N, 4, 5, 6]", body: `${scale} ${turned} %p = MatMul(%q, %t) %a = Mul(%p, %c) ${end}`, spares: attends },
  { title: "a softmax along the queries", ...apart, body: `${scale} ${turned} %p = MatMul(%q, %t) %a = Mul(%p, %c) %w = Softmax(%a) {axis = 2} %y = MatMul(%w, %v)`, spares: attends },
], { special: false });

const turns = ["rotary-embedding-group"];
const bounds = "%zero = constant int64[1] [0] %four = constant int64[1] [4] %one = constant int64[1] [1] %two = constant int64[1] [2] %end = constant int64[1] [99] %last = constant int64[1] [-1]";
const head = { inputs: "%x: float32[2, 3, 5, 8], %cos: float32[2, 1, 5, 8], %sin: float32[2, 1, 5, 8]", outputs: "%y: float32[2, 3, 5, 8]" };
const sum = "%p = Mul(%x, %cos) %q = Mul(%t, %sin) %y = Add(%p, %q)";
holds("rotary embeddings as a group", [
  { title: "halves", ...head, body: `${bounds} %a = Slice(%x, %zero, %four, %last) %b = Slice(%x, %four, %end, %last) %m = Neg(%b) %t = Concat(%m, %a) {axis = -1} ${sum}`, fires: turns },
  { title: "neighbours", ...head, body: `${bounds} %sh = constant int64[4] [2, 3, 5, 8] %a = Slice(%x, %zero, %end, %last, %two) %b = Slice(%x, %one, %end, %last, %two) %m = Neg(%b) %m1 = Unsqueeze(%m, %last) %a1 = Unsqueeze(%a, %last) %s = Concat(%m1, %a1) {axis = -1} %t = Reshape(%s, %sh) ${sum}`, fires: turns },
  { title: "angles for one feature of each pair", ...head, inputs: head.inputs.replaceAll("1, 5, 8", "1, 5, 4"), body: `${bounds} %a = Slice(%x, %zero, %four, %last) %b = Slice(%x, %four, %end, %last) %ac = Mul(%a, %cos) %bs = Mul(%b, %sin) %bc = Mul(%b, %cos) %as = Mul(%a, %sin) %u = Sub(%ac, %bs) %v = Add(%bc, %as) %y = Concat(%u, %v) {axis = -1}`, fires: turns },
  { title: "the halves are not turned but swapped", ...head, body: `${bounds} %a = Slice(%x, %zero, %four, %last) %b = Slice(%x, %four, %end, %last) %m = Neg(%a) %t = Concat(%b, %m) {axis = -1} ${sum}`, spares: turns },
], { special: false });

const norm = "%g = constant float32[8] random(1) %n = constant float32[8] random(2)";
holds("sums, epilogues and chains as groups", [
  { title: "a residual sum that goes on", inputs: "%x: float32[N, 4, 8], %r: float32[N, 4, 8]", outputs: "%y: float32[N, 4, 8], %z: float32[N, 4, 8]", body: `${norm} %s = Add(%x, %r) %y = LayerNormalization(%s, %g, %n) %z = Tanh(%s)`, fires: ["skip-normalization-group"] },
  { title: "a residual sum that is an output", inputs: "%x: float32[N, 4, 8], %r: float32[N, 4, 8]", outputs: "%y: float32[N, 4, 8], %s: float32[N, 4, 8]", body: `${norm} %s = Add(%x, %r) %y = LayerNormalization(%s, %g, %n)`, fires: ["skip-normalization-group"] },
  { title: "a bias, a residual and an RMS normalization spelled out", inputs: "%x: float32[N, 4, 8], %r: float32[N, 4, 8]", outputs: "%y: float32[N, 4, 8]", opset: 18, body: `${norm} %ax = constant int64[1] [-1] %two = constant float32[] [2] %e = constant float32[] [1e-6] %b = Add(%x, %n) %s = Add(%b, %r) %q = Pow(%s, %two) %v = ReduceMean(%q, %ax) %w = Add(%v, %e) %o = Sqrt(%w) %d = Div(%s, %o) %y = Mul(%d, %g)`, fires: ["skip-normalization-group"] },
  { title: "a sum that widens both", inputs: "%x: float32[4, 1, 8], %r: float32[1, 4, 8]", outputs: "%y: float32[4, 4, 8]", body: `${norm} %s = Add(%x, %r) %y = LayerNormalization(%s, %g, %n)`, spares: ["skip-normalization-group"] },
  { title: "after a ConvTranspose", inputs: "%x: float32[1, 2, 4, 4], %r: float32[1, 3, 8, 8]", outputs: "%y: float32[1, 3, 8, 8]", body: "%w = constant float32[2, 3, 2, 2] random(1) %c = ConvTranspose(%x, %w) {strides = [2, 2]} %s = Add(%r, %c) %y = Relu(%s)", fires: ["epilogue-fusion"] },
  { title: "after poolings", inputs: "%x: float32[1, 2, 8, 8]", outputs: "%y: float32[1, 2, 4, 4]", body: "%a = AveragePool(%x) {kernel_shape = [2, 2], strides = [2, 2]} %b = Tanh(%a) %m = MaxPool(%x) {kernel_shape = [2, 2], strides = [2, 2]} %y = Mul(%m, %b)", fires: ["epilogue-fusion"] },
  { title: "two products meet, each after a bias", inputs: "%x: float32[N, 4]", outputs: "%y: float32[N, 4]", body: "%w = constant float32[4, 4] random(1) %v = constant float32[4, 4] random(2) %b = constant float32[4] random(3) %a = Gemm(%x, %w, %b) %c = Sigmoid(%a) %d = Gemm(%x, %v, %b) %e = Tanh(%d) %y = Mul(%c, %e)", fires: ["epilogue-fusion"] },
  { title: "MaxPool with indices", inputs: "%x: float32[1, 1, 4, 4]", outputs: "%y: float32[1, 1, 2, 2], %i: int64[1, 1, 2, 2]", body: "%m, %i = MaxPool(%x) {kernel_shape = [2, 2], strides = [2, 2]} %y = Relu(%m)", spares: ["epilogue-fusion"] },
  { title: "a diamond of chains", inputs: "%x: float32[N, 8], %z: float32[8]", outputs: "%y: float32[N, 8]", body: "%a = Sub(%x, %z) %b = Tanh(%a) %c = Exp(%b) %d = Sigmoid(%a) %e = Div(%d, %c) %f = Max(%e, %b) %y = Mul(%f, %x)", fires: ["elementwise-group"] },
], { special: false });

const plus = "%one = constant float32[] [1] %zero = constant float32[] [0]";
holds("Softplus spelled out", [
  { title: "the form that does not overflow", inputs: "%x: float32[N, 8]", outputs: "%y: float32[N, 8]", body: `${plus} %a = Abs(%x) %m = Neg(%a) %e = Exp(%m) %s = Add(%one, %e) %l = Log(%s) %r = Max(%zero, %x) %y = Add(%l, %r)`, fires: ["softplus-fusion"] },
  { title: "the form that overflows", inputs: "%x: float32[N, 8]", outputs: "%y: float32[N, 8]", body: `${plus} %e = Exp(%x) %s = Add(%one, %e) %y = Log(%s)`, spares: ["softplus-fusion"] },
  { title: "the sizes of another value", inputs: "%x: float32[N, 8], %z: float32[N, 8]", outputs: "%y: float32[N, 8]", body: `${plus} %a = Abs(%z) %m = Neg(%a) %e = Exp(%m) %s = Add(%one, %e) %l = Log(%s) %r = Relu(%x) %y = Add(%l, %r)`, spares: ["softplus-fusion"] },
], { special: false });

holds("the strict pipeline, bit by bit", [
  { title: "a block of a network", inputs: "%x: float32[2, 3, 8, 8]", outputs: "%y: float32[2, 4]", body: "%w = constant float32[4, 3, 3, 3] random(1) %s = constant float32[4] random(2) %b = constant float32[4] random(3) %m = constant float32[4] random(4) %v = constant float32[4] uniform(5, 0.5, 2) %one = constant float32[] [1] %ax = constant int64[2] [2, 3] %p = constant int64[8] [0, 0, 1, 1, 0, 0, 1, 1] %i = Identity(%x) %q = Pad(%i, %p) %c = Conv(%q, %w) %n = BatchNormalization(%c, %s, %b, %m, %v) %u = Mul(%n, %one) %r = Relu(%u) %t = Transpose(%r) {perm = [0, 2, 3, 1]} %k = Sigmoid(%t) %o = Transpose(%k) {perm = [0, 3, 1, 2]} %y = ReduceMean(%o, %ax) {keepdims = 0}", opset: 18, spares: ["batch-norm-into-conv"], fires: ["sink-transposes"] },
  { title: "attention and a normalization", ...apart, body: `%g = constant float32[8] random(1) ${scale} ${turned} %p = MatMul(%q, %t) %a = Mul(%p, %c) %w = Softmax(%a) %o = MatMul(%w, %v) %s = Add(%o, %q) %y = LayerNormalization(%s, %g)`, fires: attends },
], { special: false, pipeline: "strict", tolerance: 0 });
