import { isBigArray, makeTensor, toNumbers } from "../../ir/tensor.ts";
import { shapeOf } from "../../ir/value-type.ts";
import { defineOperator } from "../definition.ts";
import { tensorOutput } from "../support/infer.ts";
import { tensorAt } from "../support/numbers.ts";
import { forEachIndex } from "../support/strides.ts";
import { ordinary, required, tensors } from "../support/types.ts";

export const nonZero = defineOperator({
  domain: "",
  op: "NonZero",
  versions: [
    { since: 9 },
    { since: 13, change: "more element types", allows: tensors("bfloat16") },
  ],
  summary: "Gives the indices of the elements that are not zero, one row a dimension.",
  family: "shape",
  inputs: [required("X", "T", "input")],
  outputs: [required("Y", "tensor(int64)", "output")],
  types: { T: ordinary },
  infer: (context) => {
    const shape = shapeOf(context.type(0));
    return [tensorOutput("int64", [shape ? shape.length : null, null])];
  },
  evaluate: (inputs) => {
    const x = tensorAt(inputs, 0);
    const flags: ArrayLike<unknown> = x.data;
    const width = x.element === "complex64" || x.element === "complex128" ? 2 : 1;
    const isSet = (value: unknown): boolean => (typeof value === "string" ? value !== "" : typeof value === "bigint" ? value !== 0n : value !== 0);
    const numbers = width === 1 && !Array.isArray(x.data) && !isBigArray(x.data) ? toNumbers(x) : flags;
    const found: number[][] = [];
    forEachIndex(x.dims, (index, flat) => {
      for (let k = 0; k < width; k++) if (isSet(numbers[flat * width + k])) {
        found.push([...index]);
        break;
      }
    });
    const out = new BigInt64Array(x.dims.length * found.length);
    for (const [i, index] of found.entries()) for (const [d, at] of index.entries()) out[d * found.length + i] = BigInt(at);
    return [makeTensor("int64", [x.dims.length, found.length], out)];
  },
  cost: () => ({ flops: 0 }),
});
