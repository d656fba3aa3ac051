import { type Dim, dimsDiffer } from "../../ir/dim.ts";
import type { OperatorNode } from "../../ir/graph.ts";
import type { InferContext } from "../../ir/type-rules.ts";
import { elementCount, type Shape, shapeOf } from "../../ir/value-type.ts";
import { GraphwrightError } from "../../support/diagnostic.ts";
import type { Task } from "../../support/task.ts";
import { broadcastDims } from "./elementwise.ts";
import { multiplyMatrices } from "./gemm.ts";
import { broadcastDim, reportConflict } from "./infer.ts";
import { broadcastStrides, forEachIndex } from "./strides.ts";

/** Matrix product of the last two dimensions, others broadcast, vectors as rows or columns, as numpy.matmul has it; float64. */
export function matmulNumbers(a: ArrayLike<number>, aDims: readonly number[], b: ArrayLike<number>, bDims: readonly number[], task?: Task): { dims: number[]; numbers: Float64Array } {
  const left = aDims.length === 1 ? [1, aDims[0]!] : aDims;
  const right = bDims.length === 1 ? [bDims[0]!, 1] : bDims;
  const m = left.at(-2);
  const k = left.at(-1);
  const n = right.at(-1);
  if (m === undefined || k === undefined || n === undefined || right.at(-2) !== k)
    throw new GraphwrightError("shape-contradiction", `matrices of shapes [${aDims.join(", ")}] and [${bDims.join(", ")}] cannot be multiplied.`);
  const aBatch = left.slice(0, -2);
  const bBatch = right.slice(0, -2);
  const batch = broadcastDims(aBatch, bBatch);
  const numbers = new Float64Array(elementCount(batch) * m * n);
  const aStrides = broadcastStrides(aBatch, batch);
  const bStrides = broadcastStrides(bBatch, batch);
  forEachIndex(batch, (index, flat) => {
    let aAt = 0;
    let bAt = 0;
    for (const [d, i] of index.entries()) {
      aAt += i * aStrides[d]!;
      bAt += i * bStrides[d]!;
    }
    multiplyMatrices(m, n, k, { data: a, offset: aAt * m * k, rowStride: k, columnStride: 1 }, { data: b, offset: bAt * k * n, rowStride: n, columnStride: 1 }, numbers, flat * m * n, n, task);
  });
  return { dims: [...batch, ...(aDims.length === 1 ? [] : [m]), ...(bDims.length === 1 ? [] : [n])], numbers };
}

/** Shape of the product of inputs `a` and `b`; null where a rank is unknown. */
export function matmulShape(context: InferContext, node: OperatorNode, a: number, b: number): Shape {
  const x = shapeOf(context.type(a));
  const y = shapeOf(context.type(b));
  if (x === null || y === null || x.length === 0 || y.length === 0) return null;
  const inner = y.length === 1 ? y[0]! : y[y.length - 2]!;
  if (dimsDiffer(x.at(-1)!, inner)) reportConflict(context, node, a, b, `${x.at(-1)} columns meet ${inner} rows`);
  const rank = Math.max(x.length, y.length, 2) - 2;
  const at = (shape: readonly Dim[], i: number): Dim => shape[shape.length - 2 - rank + i] ?? 1;
  const batch = Array.from({ length: rank }, (_, i) => {
    const dim = broadcastDim(x.length > 2 ? at(x, i) : 1, y.length > 2 ? at(y, i) : 1);
    if (dim === undefined) reportConflict(context, node, a, b, `dimension ${i - rank - 2} is ${at(x, i)} and ${at(y, i)}, which do not broadcast`);
    return dim ?? null;
  });
  return [...batch, ...(x.length === 1 ? [] : [x[x.length - 2]!]), ...(y.length === 1 ? [] : [y[y.length - 1]!])];
}

/** FLOPs of a matrix product from the shapes of A and of the result; 0 when a size is unknown. */
export function matmulFlops(a: Shape, y: Shape): number {
  if (a === null || y === null) return 0;
  const all = [...y, a.at(-1) ?? null];
  return all.every((d): d is number => typeof d === "number") ? 2 * elementCount(all) : 0;
}
