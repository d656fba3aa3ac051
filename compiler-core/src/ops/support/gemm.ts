import type { Task } from "../../support/task.ts";
import type { FloatArray } from "./numbers.ts";

type Numbers = ArrayLike<number>;

/** A matrix inside an array: element (i, j) lies at offset + i * rowStride + j * columnStride. */
export interface MatrixView {
  readonly data: Numbers;
  readonly offset: number;
  readonly rowStride: number;
  readonly columnStride: number;
}

/** Columns of B that are packed at once, rows of A per register block, and the depth of a packed panel. */
const panelColumns = 256;
const panelDepth = 512;

/**
 * out[m, n] (row-major at outOffset, leading dimension `ldc`) += A[m, k] * B[k, n]; products are summed in float64.
 * `out` must hold the initial values. Blocked as in Goto and van de Geijn 2008: B is packed by panels, and 4 x 4
 * blocks of the result stay in registers.
 */
export function multiplyMatrices(m: number, n: number, k: number, a: MatrixView, b: MatrixView, out: FloatArray, outOffset: number, ldc: number, task?: Task): void {
  if (m === 0 || n === 0 || k === 0) return;
  const width = Math.min(panelColumns, (n + 3) & ~3);
  const depth = Math.min(panelDepth, k);
  const packed = new Float64Array(width * depth);
  const rows = new Float64Array(4 * depth);
  // Sums over several depth panels are kept in float64, and rounded once.
  const sums = k > depth && out instanceof Float32Array ? new Float64Array(m * width) : undefined;
  for (let n0 = 0; n0 < n; n0 += width) {
    const columns = Math.min(width, n - n0);
    const target: FloatArray = sums ?? out;
    const base = sums ? 0 : outOffset + n0;
    const ld = sums ? width : ldc;
    if (sums) for (let i = 0; i < m; i++) for (let j = 0; j < columns; j++) sums[i * width + j] = out[outOffset + i * ldc + n0 + j]!;
    for (let k0 = 0; k0 < k; k0 += depth) {
      const deep = Math.min(depth, k - k0);
      packColumns(b, k0, n0, deep, columns, packed);
      for (let i0 = 0; i0 < m; i0 += 4) {
        task?.check();
        const height = Math.min(4, m - i0);
        packRows(a, i0, k0, height, deep, rows);
        for (let j0 = 0; j0 < columns; j0 += 4) block(height, Math.min(4, columns - j0), deep, rows, packed, j0 * deep, target, base + i0 * ld + j0, ld);
      }
    }
    if (sums) for (let i = 0; i < m; i++) for (let j = 0; j < columns; j++) out[outOffset + i * ldc + n0 + j] = sums[i * width + j]!;
  }
}

/** Packs B[k0.., n0..] as strips of four columns, each strip row by row; missing columns are zero. */
function packColumns(b: MatrixView, k0: number, n0: number, deep: number, columns: number, packed: Float64Array): void {
  const { data, rowStride, columnStride } = b;
  for (let j0 = 0; j0 < columns; j0 += 4) {
    let at = j0 * deep;
    const full = columns - j0 >= 4;
    let from = b.offset + k0 * rowStride + (n0 + j0) * columnStride;
    for (let p = 0; p < deep; p++, from += rowStride, at += 4) {
      packed[at] = data[from]!;
      if (full) {
        packed[at + 1] = data[from + columnStride]!;
        packed[at + 2] = data[from + 2 * columnStride]!;
        packed[at + 3] = data[from + 3 * columnStride]!;
      } else for (let j = 1; j < 4; j++) packed[at + j] = j0 + j < columns ? data[from + j * columnStride]! : 0;
    }
  }
}

/** Packs four rows of A interleaved; missing rows are zero. */
function packRows(a: MatrixView, i0: number, k0: number, height: number, deep: number, rows: Float64Array): void {
  const { data, rowStride, columnStride } = a;
  for (let i = 0; i < 4; i++) {
    let from = a.offset + (i0 + i) * rowStride + k0 * columnStride;
    if (i >= height) for (let p = 0; p < deep; p++) rows[4 * p + i] = 0;
    else for (let p = 0; p < deep; p++, from += columnStride) rows[4 * p + i] = data[from]!;
  }
}

function block(height: number, columns: number, deep: number, rows: Float64Array, packed: Float64Array, packedAt: number, out: FloatArray, at: number, ld: number): void {
  let c00 = 0, c01 = 0, c02 = 0, c03 = 0;
  let c10 = 0, c11 = 0, c12 = 0, c13 = 0;
  let c20 = 0, c21 = 0, c22 = 0, c23 = 0;
  let c30 = 0, c31 = 0, c32 = 0, c33 = 0;
  for (let p = 0, r = 0, q = packedAt; p < deep; p++, r += 4, q += 4) {
    const a0 = rows[r]!, a1 = rows[r + 1]!, a2 = rows[r + 2]!, a3 = rows[r + 3]!;
    const b0 = packed[q]!, b1 = packed[q + 1]!, b2 = packed[q + 2]!, b3 = packed[q + 3]!;
    c00 += a0 * b0; c01 += a0 * b1; c02 += a0 * b2; c03 += a0 * b3;
    c10 += a1 * b0; c11 += a1 * b1; c12 += a1 * b2; c13 += a1 * b3;
    c20 += a2 * b0; c21 += a2 * b1; c22 += a2 * b2; c23 += a2 * b3;
    c30 += a3 * b0; c31 += a3 * b1; c32 += a3 * b2; c33 += a3 * b3;
  }
  if (height === 4 && columns === 4) {
    out[at] += c00; out[at + 1] += c01; out[at + 2] += c02; out[at + 3] += c03;
    at += ld;
    out[at] += c10; out[at + 1] += c11; out[at + 2] += c12; out[at + 3] += c13;
    at += ld;
    out[at] += c20; out[at + 1] += c21; out[at + 2] += c22; out[at + 3] += c23;
    at += ld;
    out[at] += c30; out[at + 1] += c31; out[at + 2] += c32; out[at + 3] += c33;
    return;
  }
  const edge = [c00, c01, c02, c03, c10, c11, c12, c13, c20, c21, c22, c23, c30, c31, c32, c33];
  for (let i = 0; i < height; i++) for (let j = 0; j < columns; j++) out[at + i * ld + j] += edge[4 * i + j]!;
}
