import { fromNumbers } from "../../ir/tensor.ts";
import { tensorType } from "../../ir/value-type.ts";
import { defineOperator } from "../definition.ts";
import { matMulIntegerLowering } from "../support/lower-quantization.ts";
import { inferMatmul, matmulNumbers } from "../support/matmul.ts";
import { optionalTensor, tensorAt } from "../support/numbers.ts";
import { centred, matmulCost, spread } from "../support/quantization.ts";
import { bytes, int32, optional, required } from "../support/types.ts";

export const matMulInteger = defineOperator({
  domain: "",
  op: "MatMulInteger",
  versions: [{ since: 10 }],
  summary: "Multiplies matrices of 8-bit integers, less their zero points, into 32-bit integers.",
  family: "quantization",
  inputs: [
    required("A", "T1", "left matrix, or a stack of them"),
    required("B", "T2", "right matrix, or a stack of them"),
    optional("a_zero_point", "T1", "what stands for 0 in A: a scalar or one for each row"),
    optional("b_zero_point", "T2", "what stands for 0 in B: a scalar or one for each column"),
  ],
  outputs: [required("Y", "T3", "product, shaped as by MatMul")],
  types: { T1: bytes, T2: bytes, T3: int32 },
  infer: (context, node) => [{ type: tensorType("int32", inferMatmul(context, node, 0, 1)) }],
  evaluate: (inputs, { task }) => {
    const a = tensorAt(inputs, 0);
    const b = tensorAt(inputs, 1);
    const left = centred(a, spread(optionalTensor(inputs, 2), a.dims, -2, "zero point of A"));
    const right = centred(b, spread(optionalTensor(inputs, 3), b.dims, -1, "zero point of B"));
    const { dims, numbers } = matmulNumbers(left, a.dims, right, b.dims, task);
    return [fromNumbers("int32", dims, numbers)];
  },
  cost: matmulCost,
  lower: matMulIntegerLowering,
});
