import { elementCount, staticShape } from "../../ir/value-type.ts";
import { defineOperator } from "../definition.ts";
import { elementOfInput, tensorOutput } from "../support/infer.ts";
import { matMulLowering } from "../support/lower-contraction.ts";
import { inferMatmul, matmulTensors } from "../support/matmul.ts";
import { tensorAt } from "../support/numbers.ts";
import { required, tensors, wideNumbers } from "../support/types.ts";

export const matmul = defineOperator({
  domain: "",
  op: "MatMul",
  versions: [
    { since: 1 },
    { since: 9, change: "more element types", allows: tensors("int32", "int64", "uint32", "uint64") },
    { since: 13, change: "more element types", allows: tensors("bfloat16") },
  ],
  summary: "Matrix product over the last two dimensions, broadcasting the others, as numpy.matmul.",
  doc: "A one-dimensional operand is a row on the left and a column on the right; its dimension disappears from the result.",
  family: "linear",
  inputs: [
    required("A", "T", "left operand"),
    required("B", "T", "right operand"),
  ],
  outputs: [required("Y", "T", "the product")],
  types: { T: wideNumbers },
  infer: (context, node) => [tensorOutput(elementOfInput(context, 0), inferMatmul(context, node))],
  evaluate: (inputs, context) => [matmulTensors(tensorAt(inputs, 0), tensorAt(inputs, 1), context.task)],
  cost: ({ inputs, outputs }) => ({ flops: 2 * elementCount(staticShape(outputs[0]) ?? [0]) * (staticShape(inputs[0])?.at(-1) ?? 0) }),
  lower: matMulLowering,
});
