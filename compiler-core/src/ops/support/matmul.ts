import type { Dim } from "../../ir/dim.ts";
import { isInteger } from "../../ir/element-type.ts";
import type { OperatorNode } from "../../ir/graph.ts";
import { allocate, type BigArray, isBigArray, makeTensor, type Tensor, toNumbers } from "../../ir/tensor.ts";
import type { InferContext } from "../../ir/type-rules.ts";
import { elementCount } from "../../ir/value-type.ts";
import { GraphwrightError } from "../../support/diagnostic.ts";
import type { Task } from "../../support/task.ts";
import { broadcastDims } from "./elementwise.ts";
import { multiplyMatrices, type MatrixView } from "./gemm.ts";
import { broadcastDim, dimsDiffer, rankedInput, reportConflict } from "./infer.ts";
import { finished, workArray } from "./numbers.ts";
import { broadcastStrides, forEachIndex } from "./strides.ts";

/** Shape of numpy.matmul of inputs `a` and `b`; null where unknown. */
export function inferMatmul(context: InferContext, node: OperatorNode, a = 0, b = 1): Dim[] | null {
  const left = rankedInput(context, a)?.shape;
  const right = rankedInput(context, b)?.shape;
  if (!left || !right) return null;
  if (left.length === 0 || right.length === 0) {
    reportConflict(context, node, a, b, "a scalar has no matrix product");
    return null;
  }
  const rows: Dim[] = left.length === 1 ? [] : [left.at(-2)!];
  const columns: Dim[] = right.length === 1 ? [] : [right.at(-1)!];
  const inner = right.length === 1 ? right[0]! : right.at(-2)!;
  if (dimsDiffer(left.at(-1)!, inner)) reportConflict(context, node, a, b, `the inner dimensions ${left.at(-1)} and ${inner} differ`);
  const leftBatch = left.slice(0, -2);
  const rightBatch = right.slice(0, -2);
  const rank = Math.max(leftBatch.length, rightBatch.length);
  const batch = Array.from({ length: rank }, (_, i): Dim => {
    const x = leftBatch[i - (rank - leftBatch.length)] ?? (i < rank - leftBatch.length ? 1 : null);
    const y = rightBatch[i - (rank - rightBatch.length)] ?? (i < rank - rightBatch.length ? 1 : null);
    const dim = broadcastDim(x, y);
    if (dim === undefined) reportConflict(context, node, a, b, `the batch dimensions ${x} and ${y} do not broadcast`);
    return dim ?? null;
  });
  return [...batch, ...rows, ...columns];
}

interface Product {
  readonly dims: readonly number[];
  readonly batch: readonly number[];
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly aDims: readonly number[];
  readonly bDims: readonly number[];
}

function planProduct(a: readonly number[], b: readonly number[]): Product {
  const aDims = a.length === 1 ? [1, ...a] : a;
  const bDims = b.length === 1 ? [...b, 1] : b;
  const k = aDims.at(-1) ?? 0;
  if (a.length === 0 || b.length === 0 || bDims.at(-2) !== k) throw new GraphwrightError("matmul-shape", `[${a.join(", ")}] and [${b.join(", ")}] have no matrix product: the inner dimensions differ.`);
  const batch = broadcastDims(aDims.slice(0, -2), bDims.slice(0, -2));
  const m = aDims.at(-2)!;
  const n = bDims.at(-1)!;
  return { dims: [...batch, ...(a.length === 1 ? [] : [m]), ...(b.length === 1 ? [] : [n])], batch, m, n, k, aDims, bDims };
}

/** numpy.matmul. Integer products are exact and wrap. */
export function matmulTensors(a: Tensor, b: Tensor, task: Task): Tensor {
  const plan = planProduct(a.dims, b.dims);
  const element = a.element;
  const count = elementCount(plan.dims);
  if (isInteger(element) && !fitsDoubles(a, b, plan.k)) return exactProduct(a, b, plan);
  const out = workArray(element, count);
  multiply(plan, toNumbers(a), toNumbers(b), out, task);
  return finished(element, plan.dims, out);
}

/** Products of plain numbers (already shifted by zero points, say). */
export function matmulNumbers(a: ArrayLike<number>, aDims: readonly number[], b: ArrayLike<number>, bDims: readonly number[], task: Task): { dims: readonly number[]; numbers: Float64Array } {
  const plan = planProduct(aDims, bDims);
  const numbers = new Float64Array(elementCount(plan.dims));
  multiply(plan, a, b, numbers, task);
  return { dims: plan.dims, numbers };
}

function multiply(plan: Product, a: ArrayLike<number>, b: ArrayLike<number>, out: Float32Array | Float64Array, task: Task): void {
  const { m, n, k, batch } = plan;
  const aView = (offset: number): MatrixView => ({ data: a, offset, rowStride: k, columnStride: 1 });
  const bView = (offset: number): MatrixView => ({ data: b, offset, rowStride: n, columnStride: 1 });
  if (elementCount(plan.bDims.slice(0, -2)) === 1) {
    // One right-hand matrix: the batch is more rows.
    const rows = elementCount(plan.aDims.slice(0, -1));
    multiplyMatrices(rows, n, k, aView(0), bView(0), out, 0, n, task);
    return;
  }
  const aStrides = broadcastStrides(plan.aDims.slice(0, -2), batch);
  const bStrides = broadcastStrides(plan.bDims.slice(0, -2), batch);
  forEachIndex(batch, (index, flat) => {
    let i = 0;
    let j = 0;
    for (let d = 0; d < index.length; d++) {
      i += index[d]! * aStrides[d]!;
      j += index[d]! * bStrides[d]!;
    }
    multiplyMatrices(m, n, k, aView(i * m * k), bView(j * k * n), out, flat * m * n, n, task);
  });
}

function fitsDoubles(a: Tensor, b: Tensor, k: number): boolean {
  const largest = (t: Tensor): number => {
    let top = 0;
    for (const x of toNumbers(t)) top = Math.max(top, Math.abs(x));
    return top;
  };
  return largest(a) * largest(b) * k < 2 ** 53;
}

function exactProduct(a: Tensor, b: Tensor, plan: Product): Tensor {
  const big = (t: Tensor): BigArray | bigint[] => (isBigArray(t.data) ? t.data : Array.from(toNumbers(t), BigInt));
  const x = big(a);
  const y = big(b);
  const data = allocate(a.element, elementCount(plan.dims));
  const bits = a.element.endsWith("64") ? 64 : 32;
  const { m, n, k, batch } = plan;
  const aStrides = broadcastStrides(plan.aDims.slice(0, -2), batch);
  const bStrides = broadcastStrides(plan.bDims.slice(0, -2), batch);
  forEachIndex(batch, (index, flat) => {
    const i0 = index.reduce((sum, v, d) => sum + v * aStrides[d]!, 0) * m * k;
    const j0 = index.reduce((sum, v, d) => sum + v * bStrides[d]!, 0) * k * n;
    for (let i = 0; i < m; i++)
      for (let j = 0; j < n; j++) {
        let sum = 0n;
        for (let p = 0; p < k; p++) sum += x[i0 + i * k + p]! * y[j0 + p * n + j]!;
        const at = flat * m * n + i * n + j;
        if (isBigArray(data)) data[at] = sum;
        else (data as Int32Array)[at] = Number(BigInt.asIntN(bits, sum));
      }
  });
  return makeTensor(a.element, plan.dims, data);
}
