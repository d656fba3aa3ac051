import { allocate, type Tensor } from "../../ir/tensor.ts";
import { elementCount } from "../../ir/value-type.ts";
import { GraphwrightError } from "../../support/diagnostic.ts";
import { copyStrided, gatherStrided, stridesOf } from "./strides.ts";

/** Tensors one after another along an axis (0..rank-1). Throws "shape-contradiction" when other dimensions differ. */
export function concatTensors(parts: readonly Tensor[], axis: number): Tensor {
  const first = parts[0];
  if (!first) throw new GraphwrightError("empty-sequence", "there is no tensor to join.");
  for (const part of parts)
    if (part.element !== first.element || part.dims.length !== first.dims.length || part.dims.some((d, i) => i !== axis && d !== first.dims[i]))
      throw new GraphwrightError("shape-contradiction", `${part.element}[${part.dims.join(", ")}] cannot be joined to ${first.element}[${first.dims.join(", ")}] along axis ${axis}.`);
  const dims = first.dims.map((d, i) => (i === axis ? parts.reduce((sum, part) => sum + part.dims[axis]!, 0) : d));
  const data = allocate(first.element, elementCount(dims));
  const strides = stridesOf(dims);
  let at = 0;
  for (const part of parts) {
    copyStrided(first.element, part.dims, { data, offset: at * strides[axis]!, strides }, { data: part.data, offset: 0, strides: stridesOf(part.dims) });
    at += part.dims[axis]!;
  }
  return { element: first.element, dims: Object.freeze(dims), data };
}

/** Tensors of one shape stacked along a new axis (0..rank). */
export const stackTensors = (parts: readonly Tensor[], axis: number): Tensor =>
  concatTensors(parts.map((part) => ({ ...part, dims: [...part.dims.slice(0, axis), 1, ...part.dims.slice(axis)] })), axis);

/** `count` entries from `start` along an axis. */
export function sliceAlong(source: Tensor, axis: number, start: number, count: number): Tensor {
  const strides = stridesOf(source.dims);
  return gatherStrided(source, source.dims.map((d, i) => (i === axis ? count : d)), start * strides[axis]!, strides);
}

/** One entry along an axis; the axis disappears. */
export function entryAt(source: Tensor, axis: number, index: number): Tensor {
  const strides = stridesOf(source.dims);
  return gatherStrided(source, source.dims.filter((_, i) => i !== axis), index * strides[axis]!, strides.filter((_, i) => i !== axis));
}
