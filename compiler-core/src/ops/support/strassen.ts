import { type Dim, printDim } from "../../ir/dim.ts";
import type { OperatorNode } from "../../ir/graph.ts";
import type { InferContext } from "../../ir/type-rules.ts";
import type { Task } from "../../support/task.ts";
import { multiplyMatrices } from "./gemm.ts";
import { reportProblem } from "./infer.ts";

/**
 * Strassen's product of matrices in quarters (Strassen 1969, "Gaussian elimination is not optimal"): seven products of halves instead of
 * eight. Quarters are in the order 11, 12, 21, 22, of rows with even
 * and odd numbers (which lets threads share them; an odd number of rows ends with one of zeros), and of halves of columns; product e multiplies row e of `left` with row e of `right`, and quarter q of the
 * result is row q of `result` over the products.
 */
export const strassen = {
  products: 7,
  left: [[1, 0, 0, 1], [0, 0, 1, 1], [1, 0, 0, 0], [0, 0, 0, 1], [1, 1, 0, 0], [-1, 0, 1, 0], [0, 1, 0, -1]],
  right: [[1, 0, 0, 1], [1, 0, 0, 0], [0, 1, 0, -1], [-1, 0, 1, 0], [0, 0, 0, 1], [1, 1, 0, 0], [0, 0, 1, 1]],
  result: [[1, 0, 0, 1, -1, 0, 1], [0, 0, 1, 0, 1, 0, 0], [0, 1, 0, 1, 0, 0, 0], [1, -1, 1, 0, 0, 1, 0]],
} as const;

const combine = (coefficients: readonly number[], value: (i: number) => number): number => coefficients.reduce((sum, c, i) => (c === 0 ? sum : sum + c * value(i)), 0);

/** A right factor in panels [P, K, b], P and K even, as the right factors of the seven products: [7, P / 2, K / 2, b]. */
export function strassenColumns(w: ArrayLike<number>, [panels, depth, lanes]: readonly [number, number, number]): { dims: number[]; numbers: Float32Array } {
  const [halfPanels, halfDepth] = [panels / 2, depth / 2];
  const numbers = new Float32Array(strassen.products * halfPanels * halfDepth * lanes);
  const run = halfDepth * lanes;
  let to = 0;
  for (const coefficients of strassen.right) {
    const quarters = coefficients.flatMap((c, q) => (c === 0 ? [] : [{ c, q }]));
    for (let p = 0; p < halfPanels; p++, to += run)
      for (const { c, q } of quarters) {
        const from = ((p + (q & 1) * halfPanels) * depth + (q >> 1) * halfDepth) * lanes;
        for (let i = 0; i < run; i++) numbers[to + i]! += c * w[from + i]!;
      }
  }
  return { dims: [strassen.products, halfPanels, halfDepth, lanes], numbers };
}

/** Rows [rows, K] by transformed panels [7, P, K / 2, b] as kernels do it, sums and products rounded to float32: [rows, 2 P b]. */
export function strassenMultiply(x: ArrayLike<number>, rows: number, u: ArrayLike<number>, [, panels, halfDepth, lanes]: readonly [number, number, number, number], bias: ArrayLike<number> | undefined, task?: Task): Float32Array {
  const [halfRows, depth, halfColumns] = [Math.ceil(rows / 2), 2 * halfDepth, panels * lanes];
  const element = (row: number, column: number): number => (row < rows ? x[row * depth + column]! : 0);
  const left = new Float32Array(halfRows * halfDepth);
  const right = new Float32Array(halfDepth * halfColumns);
  const products = strassen.left.map((coefficients, e) => {
    for (let r = 0; r < halfRows; r++) for (let k = 0; k < halfDepth; k++) left[r * halfDepth + k] = combine(coefficients, (q) => element(2 * r + (q >> 1), k + (q & 1) * halfDepth));
    for (let p = 0; p < panels; p++) for (let k = 0; k < halfDepth; k++) for (let l = 0; l < lanes; l++) right[k * halfColumns + p * lanes + l] = u[((e * panels + p) * halfDepth + k) * lanes + l]!;
    const product = new Float32Array(halfRows * halfColumns);
    multiplyMatrices(halfRows, halfColumns, halfDepth, { data: left, offset: 0, rowStride: halfDepth, columnStride: 1 }, { data: right, offset: 0, rowStride: halfColumns, columnStride: 1 }, product, 0, halfColumns, task);
    return product;
  });
  const y = new Float32Array(rows * 2 * halfColumns);
  for (const [q, coefficients] of strassen.result.entries())
    for (let r = 0; 2 * r + (q >> 1) < rows; r++)
      for (let n = 0; n < halfColumns; n++) {
        const column = n + (q & 1) * halfColumns;
        y[(2 * r + (q >> 1)) * 2 * halfColumns + column] = combine(coefficients, (e) => products[e]![r * halfColumns + n]!) + (bias ? bias[column]! : 0);
      }
  return y;
}

/** Reports what does not fit of data that deep and of right factors [7, panels, depth / 2, lanes], as far as their sizes are known. */
export function checkStrassen(context: InferContext, node: OperatorNode, depth: Dim | undefined, u: readonly Dim[]): void {
  if (u.length !== 4 || (typeof u[0] === "number" && u[0] !== 7)) reportProblem(context, node, `combined quarters of shape [${u.map(printDim).join(", ")}] are not seven of panels.`);
  else if (typeof depth === "number" && typeof u[2] === "number" && depth !== 2 * u[2]) reportProblem(context, node, `data of depth ${depth} does not fit halves of ${u[2]}.`);
}
