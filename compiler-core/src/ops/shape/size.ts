import { makeTensor } from "../../ir/tensor.ts";
import { elementCount, shapeOf } from "../../ir/value-type.ts";
import { defineOperator } from "../definition.ts";
import { productOf, tensorOutput } from "../support/infer.ts";
import { shapeLowering } from "../support/lower-shape.ts";
import { tensorAt } from "../support/numbers.ts";
import { everything, floats8, int64, required, tensors } from "../support/types.ts";

export const size = defineOperator({
  domain: "",
  op: "Size",
  versions: [
    { since: 1 },
    { since: 13, change: "more element types", allows: tensors("bfloat16") },
    { since: 19, change: "more element types", allows: floats8 },
    { since: 21, change: "more element types", allows: tensors("int4", "uint4") },
    { since: 23, change: "more element types", allows: tensors("float4e2m1") },
    { since: 24, change: "more element types", allows: tensors("float8e8m0") },
    { since: 25, change: "more element types", allows: tensors("int2", "uint2") },
  ],
  summary: "Gives the number of elements of its input.",
  family: "shape",
  inputs: [required("data", "T", "input")],
  outputs: [required("size", "T1", "number of elements, a scalar")],
  types: { T: everything, T1: int64 },
  infer: (context) => {
    const shape = shapeOf(context.type(0));
    return [tensorOutput("int64", [], shape ? [productOf(shape)] : undefined)];
  },
  evaluate: (inputs) => [makeTensor("int64", [], BigInt64Array.of(BigInt(elementCount(tensorAt(inputs, 0).dims))))],
  cost: () => ({ flops: 0 }),
  lower: shapeLowering("size"),
});
