/**
 * Rewrites that make exported models smaller, each where it applies and beside it, judged by ONNX Runtime with its own
 * optimizations off.
 */
import { holds } from "./judged-cases.ts";

const pair = "%zero = constant int64[1] [0] %three = constant int64[1] [3] %four = constant int64[1] [4] %six = constant int64[1] [6] %end = constant int64[1] [9223372036854775807] %one = constant int64[1] [1] %last = constant int64[1] [-1] %back = constant int64[1] [-3] %two = constant int64[1] [2]";
const split = ["slices-to-split"];
holds("slices to split", [
  { title: "halves, bounds counted from both ends", inputs: "%x: float32[N, 6]", outputs: "%y: float32[N, 6]", body: `${pair} %b = Slice(%x, %back, %end, %last) %a = Slice(%x, %zero, %back, %one) %n = Neg(%b) %y = Concat(%n, %a) {axis = 1}`, fires: split },
  { title: "three parts in another order than they are written in", inputs: "%x: float32[6, N]", outputs: "%y: float32[6, N]", body: `${pair} %c = Slice(%x, %four, %end, %zero) %a = Slice(%x, %zero, %three, %zero) %b = Slice(%x, %three, %four, %zero) %y = Concat(%c, %b, %a) {axis = 0}`, fires: split },
  { title: "as an attribute of operator set 11", opset: 11, inputs: "%x: float32[N, 6]", outputs: "%y: float32[N, 6]", body: `${pair} %b = Slice(%x, %three, %end, %last) %a = Slice(%x, %zero, %three, %last) %y = Concat(%b, %a) {axis = 1}`, fires: split },
  { title: "parts that are outputs keep their names", inputs: "%x: int32[6]", outputs: "%a: int32[3], %b: int32[3]", body: `${pair} %a = Slice(%x, %zero, %three) %b = Slice(%x, %three, %end)`, fires: split },
  { title: "an element is missing between them", inputs: "%x: float32[N, 6]", outputs: "%a: float32[N, 3], %b: float32[N, 2]", body: `${pair} %a = Slice(%x, %zero, %three, %one) %b = Slice(%x, %four, %end, %one)`, spares: split },
  { title: "rows and columns of a square", inputs: "%x: float32[6, 6]", outputs: "%a: float32[3, 6], %b: float32[6, 3]", body: `${pair} %a = Slice(%x, %zero, %three, %zero) %b = Slice(%x, %three, %end, %one)`, spares: split },
  { title: "the second half backwards", inputs: "%x: float32[N, 6]", outputs: "%a: float32[N, 3], %b: float32[N, 3]", body: `${pair} %a = Slice(%x, %zero, %three, %one) %b = Slice(%x, %last, %two, %one, %last)`, spares: split },
  { title: "an open size: the first part may be all", inputs: "%x: float32[N]", outputs: "%a: float32[?], %b: float32[?]", body: `${pair} %a = Slice(%x, %zero, %three) %b = Slice(%x, %three, %end)`, spares: split },
  { title: "an empty part", inputs: "%x: float32[N, 6]", outputs: "%a: float32[N, 6], %b: float32[N, 0]", body: `${pair} %a = Slice(%x, %zero, %six, %one) %b = Slice(%x, %six, %end, %one)`, spares: split },
]);

const join = ["concat-of-concat"];
holds("concat of concat", [
  { title: "axes counted from both ends", inputs: "%x: float32[N, 2, 3], %z: float32[N, 1, 3]", outputs: "%y: float32[N, 6, 3]", body: "%a = Concat(%x, %z) {axis = -2} %b = Concat(%z, %x) {axis = 1} %y = Concat(%b, %a) {axis = 1}", fires: join },
  { title: "the same value twice", inputs: "%x: float32[2, N]", outputs: "%y: float32[8, N]", body: "%a = Concat(%x, %x) {axis = 0} %y = Concat(%a, %a) {axis = 0}", spares: join },
  { title: "rows of columns", inputs: "%x: float32[2, 2]", outputs: "%y: float32[4, 4]", body: "%a = Concat(%x, %x) {axis = 1} %n = Neg(%x) %b = Concat(%n, %x) {axis = 1} %y = Concat(%a, %b) {axis = 0}", spares: join },
  { title: "the inner value is an output", inputs: "%x: float32[2, N], %z: float32[1, N]", outputs: "%y: float32[4, N], %a: float32[3, N]", body: "%a = Concat(%x, %z) {axis = 0} %y = Concat(%z, %a) {axis = 0}", spares: join },
]);

const flattened = ["gemm-of-flattened"];
const weight = "%w = constant float32[4, 3] random(1) %b = constant float32[3] random(2) %rows = constant int64[2] [-1, 4]";
const target = "%s = Shape(%x) %i = constant int64[1] [0] %j = constant int64[1] [2] %lead = Slice(%s, %i, %j) %n = constant int64[1] [3] %t = Concat(%lead, %n) {axis = 0}";
holds("Gemm of a flattened value", [
  { title: "an open batch and length, brought back by the shape", inputs: "%x: float32[N, S, 4]", outputs: "%y: float32[N, S, 3]", body: `${weight} ${target} %f = Reshape(%x, %rows) %g = Gemm(%f, %w, %b) %y = Reshape(%g, %t)`, fires: flattened },
  { title: "the Gemm's result is an output", inputs: "%x: float32[2, 2, 4]", outputs: "%y: float32[2, 2, 3], %g: float32[4, 3]", body: `${weight} %t = constant int64[3] [2, 2, 3] %f = Reshape(%x, %rows) %g = Gemm(%f, %w, %b) %y = Reshape(%g, %t)`, spares: flattened },
  { title: "a transposed weight that another product reads as it is", inputs: "%x: float32[2, 2, 4], %z: float32[2, 3]", outputs: "%y: float32[2, 2, 3], %o: float32[2, 4]", body: "%w = constant float32[3, 4] random(1) %rows = constant int64[2] [-1, 4] %t = constant int64[3] [2, 2, 3] %f = Reshape(%x, %rows) %g = Gemm(%f, %w) {transB = 1} %y = Reshape(%g, %t) %o = MatMul(%z, %w)", fires: flattened },
  { title: "a square left factor that is transposed", inputs: "%x: float32[2, 2, 4]", outputs: "%y: float32[2, 2, 3]", body: `${weight} %t = constant int64[3] [2, 2, 3] %f = Reshape(%x, %rows) %g = Gemm(%f, %w, %b) {transA = 1} %y = Reshape(%g, %t)`, spares: flattened },
  { title: "alpha is a half, beta is 2", inputs: "%x: float32[2, 2, 4]", outputs: "%y: float32[2, 2, 3]", body: `${weight} %t = constant int64[3] [2, 2, 3] %f = Reshape(%x, %rows) %g = Gemm(%f, %w, %b) {alpha = 0.5, beta = 2.0} %y = Reshape(%g, %t)`, spares: flattened },
  { title: "as many rows in other groups", inputs: "%x: float32[2, 3, 4]", outputs: "%y: float32[3, 2, 3]", body: `${weight} %t = constant int64[3] [3, 2, 3] %f = Reshape(%x, %rows) %g = Gemm(%f, %w, %b) %y = Reshape(%g, %t)`, fires: flattened },
  { title: "two open axes change places", inputs: "%x: float32[N, S, 4]", outputs: "%y: float32[?, ?, 3]", body: `${weight} %s = Shape(%x) %p = constant int64[2] [1, 0] %lead = Gather(%s, %p) %n = constant int64[1] [3] %t = Concat(%lead, %n) {axis = 0} %f = Reshape(%x, %rows) %g = Gemm(%f, %w, %b) %y = Reshape(%g, %t)`, spares: flattened },
  { title: "a bias for each row", inputs: "%x: float32[2, 2, 4]", outputs: "%y: float32[2, 2, 3]", body: `${weight} %r = constant float32[4, 1] random(3) %t = constant int64[3] [2, 2, 3] %f = Reshape(%x, %rows) %g = Gemm(%f, %w, %r) %y = Reshape(%g, %t)`, spares: flattened },
  { title: "computed weight and bias", inputs: "%x: float32[2, 2, 4], %w: float32[4, 3], %b: float32[3]", outputs: "%y: float32[2, 2, 3]", body: "%rows = constant int64[2] [-1, 4] %t = constant int64[3] [2, 2, 3] %f = Reshape(%x, %rows) %g = Gemm(%f, %w, %b) %y = Reshape(%g, %t)", fires: flattened },
]);

const lstm = "%w = constant float32[1, 12, 2] random(1) %r = constant float32[1, 12, 3] random(2)";
const state = "%s = Shape(%x) %one = constant int64[1] [1] %two = constant int64[1] [2] %n = Slice(%s, %one, %two) %h = constant int64[1] [3] %t = Concat(%one, %n, %h) {axis = 0}";
const zeros = ["zero-state-elimination"];
holds("zero states", [
  { title: "zeros for each sequence of an open batch", inputs: "%x: float32[5, N, 2]", outputs: "%y: float32[1, N, 3], %c: float32[1, N, 3]", body: `${lstm} ${state} %z = ConstantOfShape(%t) %_, %y, %c = LSTM(%x, %w, %r, _, _, %z, %z) {hidden_size = 3}`, fires: zeros },
  { title: "one of the two states is an input", inputs: "%x: float32[5, N, 2], %c0: float32[1, N, 3]", outputs: "%y: float32[1, N, 3]", body: `${lstm} ${state} %z = ConstantOfShape(%t) %_, %y = LSTM(%x, %w, %r, _, _, %z, %c0) {hidden_size = 3}`, fires: zeros },
  { title: "peepholes stay where they are", inputs: "%x: float32[5, N, 2]", outputs: "%y: float32[1, N, 3]", body: `${lstm} ${state} %p = constant float32[1, 9] random(3) %z = ConstantOfShape(%t) %_, %y = LSTM(%x, %w, %r, _, _, %z, %z, %p) {hidden_size = 3}`, fires: zeros },
  { title: "a state of halves", inputs: "%x: float32[5, N, 2]", outputs: "%y: float32[1, N, 3]", body: `${lstm} ${state} %z = ConstantOfShape(%t) {value = tensor float32[1] [0.5]} %_, %y = LSTM(%x, %w, %r, _, _, %z, %z) {hidden_size = 3}`, spares: zeros },
  { title: "zeros that the caller may override", inputs: "%x: float32[5, 1, 2], %z: float32[1, 1, 3] = constant float32[1, 1, 3] [0, 0, 0]", outputs: "%y: float32[1, 1, 3]", body: `${lstm} %_, %y = LSTM(%x, %w, %r, _, _, %z, %z) {hidden_size = 3}`, spares: zeros },
], { special: false });

const scale = ["scale-into-weights"];
const queries = "%w = constant float32[4, 4] random(1) %b = constant float32[4] random(2) %heads = constant int64[4] [0, 0, 2, 2] %k = constant float32[] [0.7]";
holds("scale into weights", [
  { title: "queries of two heads", inputs: "%x: float32[N, S, 4]", outputs: "%y: float32[N, 2, S, 2]", body: `${queries} %p = MatMul(%x, %w) %q = Add(%b, %p) %r = Reshape(%q, %heads) %t = Transpose(%r) {perm = [0, 2, 1, 3]} %y = Mul(%k, %t)`, fires: scale },
  { title: "the second part of a joined projection", inputs: "%x: float32[N, S, 4]", outputs: "%y: float32[N, S, 3], %q: float32[N, S, 1]", body: `${queries} %sizes = constant int64[2] [1, 3] %p = MatMul(%x, %w) %a = Add(%p, %b) %q, %c = Split(%a, %sizes) {axis = 2} %y = Div(%c, %k)`, fires: scale },
  { title: "a part along another axis", inputs: "%x: float32[N, 4, 4]", outputs: "%y: float32[N, 3, 4], %q: float32[N, 1, 4]", body: `${queries} %sizes = constant int64[2] [1, 3] %p = MatMul(%x, %w) %q, %c = Split(%p, %sizes) {axis = 1} %y = Div(%c, %k)`, spares: scale },
  { title: "a part of a square that is turned first", inputs: "%x: float32[4, 4]", outputs: "%y: float32[4, 3], %q: float32[4, 1]", body: `${queries} %sizes = constant int64[2] [1, 3] %p = MatMul(%x, %w) %t = Transpose(%p) %q, %c = Split(%t, %sizes) {axis = 1} %y = Mul(%c, %k)`, spares: scale },
  { title: "scores of computed queries and keys", inputs: "%x: float32[N, 3, 4], %z: float32[N, 4, 5]", outputs: "%y: float32[N, 3, 5]", body: `${queries} %p = MatMul(%x, %w) %s = MatMul(%p, %z) %y = Mul(%s, %k)`, fires: scale },
  { title: "a weight that two products share", inputs: "%x: float32[N, 4]", outputs: "%y: float32[N, 4], %z: float32[N, 4]", body: `${queries} %p = MatMul(%x, %w) %y = Mul(%p, %k) %n = Tanh(%x) %z = MatMul(%n, %w)`, spares: scale },
  { title: "a sum with a computed value", inputs: "%x: float32[N, 4], %z: float32[N, 4]", outputs: "%y: float32[N, 4]", body: `${queries} %p = MatMul(%x, %w) %s = Add(%p, %z) %y = Mul(%s, %k)`, spares: scale },
  { title: "an activation between", inputs: "%x: float32[N, 4]", outputs: "%y: float32[N, 4]", body: `${queries} %p = MatMul(%x, %w) %s = Tanh(%p) %y = Mul(%s, %k)`, spares: scale },
  { title: "a number that adds an axis", inputs: "%x: float32[3, 4]", outputs: "%y: float32[1, 3, 4]", body: `${queries} %e = constant float32[1, 1, 1] [0.7] %p = MatMul(%x, %w) %y = Mul(%p, %e)`, spares: scale },
  { title: "zero: what is not finite would stay so", inputs: "%x: float32[3, 4]", outputs: "%y: float32[4, 3]", body: `${queries} %e = constant float32[] [0] %p = MatMul(%x, %w) %s = Add(%p, %b) %t = Transpose(%s) %y = Mul(%t, %e)`, spares: scale },
]);

const three = (biases: readonly boolean[]): string =>
  biases.map((bias, i) => `%w${i} = constant float32[4, ${i + 2}] random(${i + 1}) %b${i} = constant float32[${i + 2}] random(${i + 7}) %p${i} = MatMul(%x, %w${i}) ${bias ? `%y${i} = Add(%p${i}, %b${i})` : `%y${i} = Neg(%p${i})`}`).join(" ");
holds("parallel projections", [
  { title: "a key without a bias", inputs: "%x: float32[N, S, 4]", outputs: "%y0: float32[N, S, 2], %y1: float32[N, S, 3], %y2: float32[N, S, 4]", body: three([true, false, true]), fires: ["parallel-projections"] },
  { title: "the first without a bias", inputs: "%x: float32[N, S, 4]", outputs: "%y0: float32[N, S, 2], %y1: float32[N, S, 3], %y2: float32[N, S, 4]", body: three([false, false, true]), fires: ["parallel-projections"] },
]);

holds("comparisons of sizes", [
  { title: "a size is not -1: the marker of a copied axis is found", inputs: "%x: float32[N, 1, S], %m: bool[S]", outputs: "%y: float32[N, 1, S]", body: "%s = Shape(%x) %minus = constant int64[] [-1] %ones = constant int64[3] [1, 1, 1] %q = Equal(%s, %minus) %t = Where(%q, %ones, %s) %e = Expand(%m, %t) %f = Cast(%e) {to = 1} %y = Mul(%x, %f)" },
  { title: "a size may be 0", inputs: "%x: float32[N, 2]", outputs: "%y: int64[2]", body: "%s = Shape(%x) %z = constant int64[] [0] %o = constant int64[2] [7, 7] %q = Equal(%s, %z) %y = Where(%q, %o, %s)" },
  { title: "half a size may be 0", inputs: "%x: float32[N, 2]", outputs: "%y: int64[2]", body: "%s = Shape(%x) %two = constant int64[] [2] %z = constant int64[] [0] %d = Div(%s, %two) %o = constant int64[2] [7, 7] %q = Greater(%d, %z) %y = Where(%q, %o, %d)" },
]);
