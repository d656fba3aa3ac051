import { toNumbers } from "../../ir/tensor.ts";
import { elementCount, staticShape } from "../../ir/value-type.ts";
import { GraphwrightError } from "../../support/diagnostic.ts";
import { defineOperator } from "../definition.ts";
import { elementOfInput, rankedInput, tensorOutput } from "../support/infer.ts";
import { detLowering } from "../support/lower-search.ts";
import { finished, tensorAt, workArray } from "../support/numbers.ts";
import { floats, required, tensors } from "../support/types.ts";

/** Gaussian elimination with partial pivoting; changes its argument. */
function determinant(m: Float64Array, n: number): number {
  let product = 1;
  for (let k = 0; k < n; k++) {
    let pivot = k;
    for (let i = k + 1; i < n; i++) if (Math.abs(m[i * n + k]!) > Math.abs(m[pivot * n + k]!)) pivot = i;
    if (m[pivot * n + k] === 0) return 0;
    if (pivot !== k) {
      product = -product;
      for (let j = 0; j < n; j++) [m[k * n + j], m[pivot * n + j]] = [m[pivot * n + j]!, m[k * n + j]!];
    }
    product *= m[k * n + k]!;
    for (let i = k + 1; i < n; i++) {
      const factor = m[i * n + k]! / m[k * n + k]!;
      for (let j = k + 1; j < n; j++) m[i * n + j]! -= factor * m[k * n + j]!;
    }
  }
  return product;
}

export const det = defineOperator({
  domain: "",
  op: "Det",
  versions: [
    { since: 11 },
    { since: 22, change: "more element types", allows: tensors("bfloat16") },
  ],
  summary: "Determinant of each square matrix in the last two dimensions.",
  family: "linear",
  inputs: [required("X", "T", "input")],
  outputs: [required("Y", "T", "output")],
  types: { T: floats },
  infer: (context) => {
    const x = rankedInput(context, 0);
    return [tensorOutput(elementOfInput(context, 0), x ? x.shape.slice(0, -2) : null)];
  },
  evaluate: (inputs) => {
    const x = tensorAt(inputs, 0);
    const n = x.dims.at(-1) ?? 0;
    if (x.dims.length < 2 || x.dims.at(-2) !== n) throw new GraphwrightError("det-shape", `[${x.dims.join(", ")}] holds no square matrices.`);
    const dims = x.dims.slice(0, -2);
    const numbers = toNumbers(x);
    const out = workArray(x.element, elementCount(dims));
    for (let i = 0; i < out.length; i++) out[i] = determinant(Float64Array.from({ length: n * n }, (_, k) => numbers[i * n * n + k]!), n);
    return [finished(x.element, dims, out)];
  },
  cost: ({ inputs }) => ({ flops: Math.round((2 / 3) * elementCount(staticShape(inputs[0]) ?? [0]) * (staticShape(inputs[0])?.at(-1) ?? 0)) }),
  lower: detLowering,
});
