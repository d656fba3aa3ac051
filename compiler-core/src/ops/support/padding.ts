import { allocate, makeTensor, type Tensor } from "../../ir/tensor.ts";
import { elementCount } from "../../ir/value-type.ts";
import { GraphwrightError } from "../../support/diagnostic.ts";
import { copyStrided, expanded, reshaped, stridesOf, takeAlong } from "./strides.ts";

/** Pads each dimension by `begins` before and `ends` after; negative pads remove elements. */
export function padTensor(x: Tensor, begins: readonly number[], ends: readonly number[], mode: string, value: Tensor | undefined): Tensor {
  const dims = x.dims.map((d, i) => d + begins[i]! + ends[i]!);
  if (dims.some((d) => d < 0)) throw new GraphwrightError("pad", `the pads remove more than the tensor [${x.dims.join(", ")}] has.`);
  if (mode === "constant") return padConstant(x, begins, ends, dims, value);
  let out = x;
  for (const [axis, size] of x.dims.entries())
    if (begins[axis] !== 0 || ends[axis] !== 0) out = takeAlong(out, axis, Array.from({ length: dims[axis]! }, (_, i) => sourceIndex(i - begins[axis]!, size, mode)));
  return out;
}

function sourceIndex(at: number, size: number, mode: string): number {
  if (size === 0) throw new GraphwrightError("pad", `a dimension of size 0 cannot be padded by ${mode}.`);
  switch (mode) {
    case "edge":
      return Math.min(size - 1, Math.max(0, at));
    case "wrap":
      return ((at % size) + size) % size;
    case "reflect": {
      if (size === 1) return 0;
      const period = 2 * (size - 1);
      const phase = ((at % period) + period) % period;
      return phase < size ? phase : period - phase;
    }
    default:
      throw new GraphwrightError("attribute-value", `"${mode}" is not a padding mode.`);
  }
}

function padConstant(x: Tensor, begins: readonly number[], ends: readonly number[], dims: readonly number[], value: Tensor | undefined): Tensor {
  if (value && value.element !== x.element) throw new GraphwrightError("element-type", `the padding value is ${value.element}, but the data ${x.element}.`);
  const out: Tensor = value ? expanded(reshaped(value, []), dims) : makeTensor(x.element, dims, allocate(x.element, elementCount(dims)));
  const from = stridesOf(x.dims);
  const to = stridesOf(dims);
  let source = 0;
  let target = 0;
  const kept = x.dims.map((d, i) => {
    source += Math.max(0, -begins[i]!) * from[i]!;
    target += Math.max(0, begins[i]!) * to[i]!;
    return Math.max(0, d + Math.min(0, begins[i]!) + Math.min(0, ends[i]!));
  });
  copyStrided(x.element, kept, { data: out.data, offset: target, strides: to }, { data: x.data, offset: source, strides: from });
  return out;
}
