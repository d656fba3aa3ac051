import type { Dim } from "../../ir/dim.ts";
import type { Tensor } from "../../ir/tensor.ts";
import { GraphwrightError } from "../../support/diagnostic.ts";
import { floorDivDims } from "./infer.ts";
import { permuted, reshaped } from "./strides.ts";

/** Attention works on [batch, heads, length, size]; inputs may have the heads packed: [batch, length, heads * size]. */

/** Cuts the last dimension into heads and brings them before the length. */
export function unpackHeads(x: Tensor, heads: number, what: string): Tensor {
  if (x.dims.length === 4) return x;
  const [batch, length, hidden] = x.dims;
  if (x.dims.length !== 3 || heads <= 0 || hidden! % heads !== 0)
    throw new GraphwrightError("shape-contradiction", `${what} of shape [${x.dims.join(", ")}] cannot be cut into ${heads} heads.`);
  return permuted(reshaped(x, [batch!, length!, heads, hidden! / heads]), [0, 2, 1, 3]);
}

export function packHeads(x: Tensor): Tensor {
  const [batch, heads, length, size] = x.dims as [number, number, number, number];
  return reshaped(permuted(x, [0, 2, 1, 3]), [batch, length, heads * size]);
}

/** The dimensions of `unpackHeads`; undefined when they cannot be known. */
export function unpackedDims(shape: readonly Dim[] | null, heads: number | undefined): readonly [Dim, Dim, Dim, Dim] | undefined {
  if (shape?.length === 4) return shape as readonly [Dim, Dim, Dim, Dim];
  if (shape?.length !== 3 || heads === undefined) return undefined;
  return [shape[0]!, heads, shape[1]!, floorDivDims(shape[2]!, heads)];
}

/** How many query heads share one key and value head. Throws when the numbers do not divide. */
export function headGroup(queries: number, keys: number): number {
  if (keys > 0 && queries % keys === 0) return queries / keys;
  throw new GraphwrightError("shape-contradiction", `${queries} query heads cannot share ${keys} key and value heads evenly.`);
}
