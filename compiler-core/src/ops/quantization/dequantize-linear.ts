import { toNumbers } from "../../ir/tensor.ts";
import { elementOf, shapeOf, tensorType } from "../../ir/value-type.ts";
import { defineOperator } from "../definition.ts";
import { elementOfCode } from "../support/element-codes.ts";
import { costPerOutput } from "../support/elementwise.ts";
import { dequantizeLinearLowering } from "../support/lower-quantization.ts";
import { finished, optionalTensor, tensorAt, workArray } from "../support/numbers.ts";
import { scaleIndex } from "../support/quantization.ts";
import { floats8, optional, required, tensors } from "../support/types.ts";
import { lacksAttribute } from "../support/versions.ts";
import { onlyOneScale } from "./quantize-linear.ts";

export const dequantizeLinear = defineOperator({
  domain: "",
  op: "DequantizeLinear",
  versions: [
    { since: 10, ...onlyOneScale },
    { since: 13, change: "a scale for each entry of an axis" },
    { since: 19, change: "8-bit floats; 16-bit results", allows: [...floats8, ...tensors("float16", "bfloat16")], ...lacksAttribute("block_size", 0) },
    { since: 21, change: "blocks; 4- and 16-bit integers", allows: tensors("uint16", "int16", "uint4", "int4"), ...lacksAttribute("output_dtype", 0) },
    { since: 23, change: "output_dtype", allows: tensors("float4e2m1") },
    { since: 24, change: "more element types", allows: tensors("float8e8m0") },
    { since: 25, change: "more element types", allows: tensors("uint2", "int2") },
    { since: 28, change: "6-bit floats (not supported here)" },
  ],
  summary: "Maps numbers of a small type back to real numbers: y = (x - zero point) * scale.",
  doc: "The scale is one number, a vector with one entry for each entry of `axis`, or has the shape of x with `axis` divided into blocks of `block_size`. The product has the type of the scale, or `output_dtype`.",
  family: "quantization",
  inputs: [required("x", "T1", "quantized numbers"), required("x_scale", "T2", "size of one step"), optional("x_zero_point", "T1", "what stands for 0, shaped as the scale")],
  outputs: [required("y", "T3", "real numbers, shaped as x")],
  attributes: {
    axis: { kind: "int", doc: "axis of the scale's entries or blocks", fallback: 1 },
    block_size: { kind: "int", doc: "entries of the axis that share a scale; 0 for none", fallback: 0 },
    output_dtype: { kind: "int", doc: "number of the output's element type; 0 for the scale's", fallback: 0 },
  },
  types: {
    T1: [...tensors("int8", "uint8", "int16", "uint16", "int32"), ...floats8, ...tensors("uint4", "int4", "float4e2m1", "uint2", "int2")],
    T2: tensors("float32", "float16", "bfloat16", "float8e8m0"),
    T3: tensors("float32", "float16", "bfloat16"),
  },
  infer: (context, _node, attributes) => {
    const code = attributes.int("output_dtype");
    return [{ type: tensorType(code === 0 ? elementOf(context.type(1)) : elementOfCode(code), shapeOf(context.type(0))) }];
  },
  evaluate: (inputs, { attributes }) => {
    const x = tensorAt(inputs, 0);
    const scale = tensorAt(inputs, 1);
    const zeroPoint = optionalTensor(inputs, 2);
    const code = attributes.int("output_dtype");
    const element = code === 0 ? scale.element : elementOfCode(code);
    const index = scaleIndex(scale.dims, x.dims, attributes.int("axis"), attributes.int("block_size"));
    const numbers = toNumbers(x);
    const scales = toNumbers(scale);
    const zeros = zeroPoint && toNumbers(zeroPoint);
    const out = workArray(element, numbers.length);
    for (let i = 0; i < out.length; i++) {
      const at = index(i);
      out[i] = (numbers[i]! - (zeros ? zeros[at]! : 0)) * scales[at]!;
    }
    return [finished(element, x.dims, out)];
  },
  cost: costPerOutput(2),
  lower: dequantizeLinearLowering,
});
