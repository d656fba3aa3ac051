import { elementOf, tensorType } from "../../ir/value-type.ts";
import { defineOperator } from "../definition.ts";
import { qlinearMatMulLowering } from "../support/lower-quantization.ts";
import { inferMatmul, matmulNumbers } from "../support/matmul.ts";
import { tensorAt } from "../support/numbers.ts";
import { centred, matmulCost, quantized, spread } from "../support/quantization.ts";
import { bytes, floats8, required, tensors } from "../support/types.ts";

const operands = [...bytes, ...floats8];

export const qlinearMatMul = defineOperator({
  domain: "",
  op: "QLinearMatMul",
  versions: [{ since: 10 }, { since: 21, change: "8-bit floats; 16-bit scales", allows: [...floats8, ...tensors("float16", "bfloat16")] }],
  summary: "Multiplies quantized matrices and quantizes the product.",
  doc: "y = saturate(round((a - za) @ (b - zb) * sa * sb / sy) + zy). Scales and zero points of a may be given for each row, those of b for each column, those of y for each row.",
  family: "quantization",
  inputs: [
    required("a", "T1", "left matrix, or a stack of them"),
    required("a_scale", "TS", "step of a"),
    required("a_zero_point", "T1", "what stands for 0 in a"),
    required("b", "T2", "right matrix, or a stack of them"),
    required("b_scale", "TS", "step of b"),
    required("b_zero_point", "T2", "what stands for 0 in b"),
    required("y_scale", "TS", "step of the product"),
    required("y_zero_point", "T3", "what 0 maps to in the product"),
  ],
  outputs: [required("y", "T3", "quantized product, shaped as by MatMul")],
  types: { TS: tensors("float32", "float16", "bfloat16"), T1: operands, T2: operands, T3: operands },
  infer: (context, node) => [{ type: tensorType(elementOf(context.type(7)), inferMatmul(context, node, 0, 3)) }],
  evaluate: (inputs, { task }) => {
    const a = tensorAt(inputs, 0);
    const b = tensorAt(inputs, 3);
    const left = centred(a, spread(tensorAt(inputs, 2), a.dims, -2, "zero point of a"));
    const right = centred(b, spread(tensorAt(inputs, 5), b.dims, -1, "zero point of b"));
    const aScale = spread(tensorAt(inputs, 1), a.dims, -2, "scale of a");
    const bScale = spread(tensorAt(inputs, 4), b.dims, -1, "scale of b");
    for (let i = 0; i < left.length; i++) left[i]! *= aScale(i);
    for (let i = 0; i < right.length; i++) right[i]! *= bScale(i);
    const { dims, numbers } = matmulNumbers(left, a.dims, right, b.dims, task);
    const yScale = spread(tensorAt(inputs, 6), dims, -2, "scale of y");
    for (let i = 0; i < numbers.length; i++) numbers[i] = Math.fround(numbers[i]! / yScale(i));
    const zeroPoint = tensorAt(inputs, 7);
    return [quantized(zeroPoint.element, dims, numbers, spread(zeroPoint, dims, -2, "zero point of y"), true)];
  },
  cost: matmulCost,
  lower: qlinearMatMulLowering,
});
