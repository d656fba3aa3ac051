/** Quantized models: dequantizing moved and cancelled exactly, and integer arithmetic within one step, judged by ONNX Runtime. */
import { holds } from "./judged-cases.ts";

const scales = "%s = constant float32[] [0.05] %z = constant uint8[] [128] %t = constant float32[] [0.02] %o = constant int8[] [0] %u = constant float32[] [0.11] %q0 = constant uint8[] [117] %h = constant int8[] [-3]";
const moves = ["dequantize-through-moves"];
const cancels = ["quantize-of-dequantize"];
const image = { inputs: "%x: uint8[2, 4, 6, 6]", opset: 13 };
const through = (body: string): string => `${scales} %d = DequantizeLinear(%x, %s, %z) ${body} %y = QuantizeLinear(%r, %s, %z)`;

holds("dequantizing through moves of data", [
  { title: "a Transpose between", ...image, outputs: "%y: uint8[2, 6, 6, 4]", body: through("%r = Transpose(%d) {perm = [0, 2, 3, 1]}"), fires: [...moves, ...cancels] },
  { title: "a MaxPool with padding between", ...image, outputs: "%y: uint8[2, 4, ?, ?]", body: through("%r = MaxPool(%d) {kernel_shape = [3, 3], strides = [2, 2], pads = [1, 1, 1, 1]}"), fires: [...moves, ...cancels] },
  { title: "a Reshape, a Slice and a Gather between", ...image, outputs: "%y: uint8[2, 2, ?]", body: through("%k = constant int64[3] [0, 4, -1] %a = Reshape(%d, %k) %one = constant int64[1] [1] %big = constant int64[1] [30] %two = constant int64[1] [2] %b = Slice(%a, %one, %big, %two) %i = constant int64[2] [3, -4] %r = Gather(%b, %i) {axis = 1}"), fires: [...moves, ...cancels] },
  { title: "Concat of values that are quantized alike", inputs: "%x: uint8[2, 4], %w: uint8[2, 3]", opset: 13, outputs: "%y: uint8[2, 7]", body: `${scales} %d = DequantizeLinear(%x, %s, %z) %e = DequantizeLinear(%w, %s, %z) %r = Concat(%d, %e) {axis = 1} %y = QuantizeLinear(%r, %s, %z)`, fires: [...moves, ...cancels] },
  { title: "Concat of values that are not", inputs: "%x: uint8[2, 4], %w: uint8[2, 3]", opset: 13, outputs: "%y: uint8[2, 7]", body: `${scales} %d = DequantizeLinear(%x, %s, %z) %e = DequantizeLinear(%w, %t, %z) %r = Concat(%d, %e) {axis = 1} %y = QuantizeLinear(%r, %s, %z)`, spares: moves },
  { title: "AveragePool does more than move", ...image, outputs: "%y: uint8[2, 4, 5, 5]", body: through("%r = AveragePool(%d) {kernel_shape = [2, 2]}"), spares: [...moves, ...cancels] },
  { title: "Pad puts in zeros, which are not the number 0", ...image, outputs: "%y: uint8[2, 4, 8, 8]", body: through("%k = constant int64[8] [0, 0, 1, 1, 0, 0, 1, 1] %r = Pad(%d, %k)"), spares: moves },
  { title: "a scale for each channel stays before its Transpose", inputs: "%x: int8[2, 4, 4]", opset: 13, outputs: "%y: float32[2, 4, 4]", body: "%s = constant float32[4] [0.1, 0.2, 0.3, 0.4] %d = DequantizeLinear(%x, %s) {axis = 1} %y = Transpose(%d) {perm = [0, 2, 1]}", spares: moves },
  { title: "the dequantized value is used elsewhere", ...image, outputs: "%y: uint8[2, 6, 6, 4], %v: float32[2, 4, 6, 6]", body: `${through("%r = Transpose(%d) {perm = [0, 2, 3, 1]}")} %v = Neg(%d)`, spares: moves },
  { title: "a Relu that the QuantizeLinear does by itself", inputs: "%x: float32[2, 16]", opset: 13, outputs: "%y: uint8[2, 16]", body: "%s = constant float32[] [0.05] %z = constant uint8[] [0] %r = Relu(%x) %y = QuantizeLinear(%r, %s, %z)", fires: ["relu-into-quantize"] },
  { title: "a Relu into signed numbers", inputs: "%x: float32[2, 16]", opset: 13, outputs: "%y: int8[2, 16]", body: "%s = constant float32[] [0.05] %z = constant int8[] [-128] %r = Relu(%x) %y = QuantizeLinear(%r, %s, %z)", fires: ["relu-into-quantize"] },
  { title: "a Relu before a zero point in the middle", inputs: "%x: float32[2, 16]", opset: 13, outputs: "%y: int8[2, 16]", body: "%s = constant float32[] [0.05] %z = constant int8[] [0] %r = Relu(%x) %y = QuantizeLinear(%r, %s, %z)", spares: ["relu-into-quantize"] },
  { title: "a dequantized table that is added", inputs: "%x: float32[2, 4]", opset: 13, outputs: "%y: float32[2, 4]", body: "%n = constant int8[4] [-100, 3, 0, 127] %s = constant float32[] [0.1] %z = constant int8[] [5] %d = DequantizeLinear(%n, %s, %z) %y = Add(%x, %d)", fires: ["dequantize-of-constant"] },
], { special: false, tolerance: 0 });

const conv = (x: string, w: string, more: { bias?: string; result?: string; relu?: boolean; attributes?: string } = {}): string =>
  `${scales} %k = constant ${w} %a = DequantizeLinear(%x, %s, ${x}) %b = DequantizeLinear(%k, %ws, %wz) {axis = 0} ${more.bias ?? ""} %p = Conv(%a, %b${more.bias ? ", %bias" : ""}) {pads = [1, 1, 1, 1]${more.attributes ?? ""}} ${more.relu ? "%r = Relu(%p)" : "%r = Identity(%p)"} %y = QuantizeLinear(%r, %u, ${more.result ?? "%q0"})`;
const weights = "int8[6, 4, 3, 3] random(7)";
const one = "%ws = constant float32[] [0.02] %wz = constant int8[] [0]";
const each = "%ws = constant float32[6] [0.02, 0.03, 0.01, 0.02, 0.05, 0.02] %wz = constant int8[6] [0, 0, 0, 0, 0, 0]";
const picture = { inputs: "%x: uint8[2, 4, 6, 6]", opset: 13, outputs: "%y: uint8[2, 6, 6, 6]" };
const fused = ["quantized-product"];

holds("quantized convolutions and products", [
  { title: "one scale for the weight", ...picture, body: `${one} ${conv("%z", weights)}`, fires: fused },
  { title: "one scale for each filter, a bias in float32", ...picture, body: `${each} ${conv("%z", weights, { bias: "%bias = constant float32[6] [0.1, -0.2, 0.3, 0, 1, 2]" })}`, fires: fused },
  { title: "a bias that is quantized", ...picture, body: `${one} ${conv("%z", weights, { bias: "%bn = constant int32[6] [100, -200, 300, 0, 1000, 2000] %bs = constant float32[] [0.001] %bias = DequantizeLinear(%bn, %bs)" })}`, fires: fused },
  { title: "in groups, with strides", ...picture, outputs: "%y: uint8[2, 6, 3, 3]", body: `${each} ${conv("%z", "int8[6, 2, 3, 3] random(7)", { attributes: ", group = 2, strides = [2, 2]" })}`, fires: fused },
  { title: "a Relu that the result's zero point does", ...picture, body: `${one} %least = constant uint8[] [0] ${conv("%z", weights, { relu: true, result: "%least" })}`, fires: [...fused, "relu-into-quantize"] },
  { title: "a Relu that it does not do", ...picture, body: `${one} ${conv("%z", weights, { relu: true })}`, spares: fused },
  { title: "the product is used elsewhere", ...picture, outputs: "%y: uint8[2, 6, 6, 6], %v: float32[2, 6, 6, 6]", body: `${one} ${conv("%z", weights)} %v = Neg(%p)`, spares: fused },
  { title: "a signed result of unsigned numbers", ...picture, outputs: "%y: int8[2, 6, 6, 6]", body: `${one} ${conv("%z", weights, { result: "%h" })}`, spares: fused },
  { title: "matrices", inputs: "%x: uint8[3, 8]", opset: 13, outputs: "%y: uint8[3, 5]", body: `${scales} %k = constant int8[8, 5] random(2) %a = DequantizeLinear(%x, %s, %z) %b = DequantizeLinear(%k, %t, %o) %p = MatMul(%a, %b) %y = QuantizeLinear(%p, %u, %q0)`, fires: fused },
  { title: "two computed matrices", inputs: "%x: int8[2, 3, 8], %w: int8[2, 8, 5]", opset: 13, outputs: "%y: int8[2, 3, 5]", body: `${scales} %a = DequantizeLinear(%x, %s, %h) %b = DequantizeLinear(%w, %t, %o) %p = MatMul(%a, %b) %y = QuantizeLinear(%p, %u, %h)`, fires: fused },
], { special: false, pipeline: "quantized", steps: 1 });

holds("integer products brought to scale", [
  { title: "matrices", inputs: "%x: uint8[3, 8]", opset: 13, outputs: "%y: float32[3, 5]", body: `${scales} %k = constant int8[8, 5] random(2) %a = DequantizeLinear(%x, %s, %z) %b = DequantizeLinear(%k, %t, %h) %y = MatMul(%a, %b)`, fires: ["integer-product"] },
  { title: "a scale for each column", inputs: "%x: uint8[3, 4]", opset: 13, outputs: "%y: float32[3, 4]", body: `${scales} %k = constant int8[4, 4] random(2) %c = constant float32[4] [0.1, 0.2, 0.3, 0.4] %a = DequantizeLinear(%x, %s, %z) %b = DequantizeLinear(%k, %c) {axis = -1} %y = MatMul(%a, %b)`, fires: ["integer-product"] },
  { title: "a scale for each row, square", inputs: "%x: uint8[3, 4]", opset: 13, outputs: "%y: float32[3, 4]", body: `${scales} %k = constant int8[4, 4] random(2) %c = constant float32[4] [0.1, 0.2, 0.3, 0.4] %a = DequantizeLinear(%x, %s, %z) %b = DequantizeLinear(%k, %c) {axis = 0} %y = MatMul(%a, %b)`, spares: ["integer-product"] },
  { title: "a convolution", inputs: "%x: uint8[2, 4, 6, 6]", opset: 13, outputs: "%y: float32[2, 6, 4, 4]", body: `${scales} %k = constant uint8[6, 4, 3, 3] random(2) %wz = constant uint8[] [9] %a = DequantizeLinear(%x, %s, %z) %b = DequantizeLinear(%k, %t, %wz) %y = Conv(%a, %b)`, fires: ["integer-product"] },
], { special: false, pipeline: "quantized" });
