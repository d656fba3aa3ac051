import { type Dim, floorDivDims, mulDims } from "../../ir/dim.ts";
import { allocate, fromNumbers, type Tensor, toNumbers } from "../../ir/tensor.ts";
import { elementCount } from "../../ir/value-type.ts";
import { GraphwrightError } from "../../support/diagnostic.ts";
import type { Task } from "../../support/task.ts";
import type { AttributeReader } from "../definition.ts";
import { checkedAxis } from "./infer.ts";
import { cubicKernel } from "./interpolate.ts";
import { copyStrided, stridesOf, takeAlong } from "./strides.ts";

/** floor(size * scale); symbolic for whole factors and their inverses. */
export function scaledSize(size: Dim, scale: number): Dim {
  if (typeof size === "number") return Math.floor(size * scale);
  if (Number.isInteger(scale)) return mulDims(size, scale);
  return Number.isInteger(1 / scale) ? floorDivDims(size, 1 / scale) : null;
}

/** Sizes after the aspect-ratio policy, and the factor of each axis. */
export function fitSizes(input: readonly number[], sizes: readonly number[], policy: string): { sizes: number[]; scales: number[] } {
  const scales = sizes.map((size, i) => size / input[i]!);
  if (policy === "stretch") return { sizes: [...sizes], scales };
  const scale = policy === "not_larger" ? Math.min(...scales) : Math.max(...scales);
  return { sizes: input.map((size) => Math.floor(scale * size + 0.5)), scales: scales.map(() => scale) };
}

export interface AxisPlan {
  /** elements each output index draws on, and their weights */
  readonly taps: readonly { readonly indices: readonly number[]; readonly weights: readonly number[] }[];
  /** output indices that lie outside the region of interest */
  readonly outside: readonly number[];
}

export function resizeTensor(x: Tensor, roi: Tensor | undefined, scalesInput: Tensor | undefined, sizesInput: readonly number[] | undefined, attributes: AttributeReader, task: Task): Tensor {
  const axes = attributes.ints("axes")?.map((axis) => checkedAxis(axis, x.dims.length)) ?? x.dims.map((_, i) => i);
  const input = axes.map((axis) => x.dims[axis]!);
  let scales: number[];
  let sizes: number[];
  if (sizesInput && sizesInput.length > 0) ({ sizes, scales } = fitSizes(input, sizesInput, attributes.string("keep_aspect_ratio_policy")));
  else if (scalesInput && elementCount(scalesInput.dims) > 0) {
    scales = Array.from(toNumbers(scalesInput));
    sizes = input.map((size, i) => Math.floor(size * scales[i]!));
  } else throw new GraphwrightError("resize", "neither scales nor sizes are given.");
  if (scales.length !== axes.length) throw new GraphwrightError("resize", `${scales.length} scales or sizes do not fit ${axes.length} axes.`);
  const crops = attributes.string("coordinate_transformation_mode") === "tf_crop_and_resize";
  const region = roi ? Array.from(toNumbers(roi)) : [];
  const plans = axes.map((_, i) => planAxis(input[i]!, sizes[i]!, scales[i]!, [region[i] ?? 0, region[i + axes.length] ?? 1], attributes));
  const moves = axes.map((axis, i) => ({ axis, plan: plans[i]! })).filter(({ axis, plan }) => crops || plan.taps.length !== x.dims[axis] || plan.taps.some((tap, at) => tap.indices.length !== 1 || tap.indices[0] !== at));
  const nearest = attributes.string("mode") === "nearest";
  let result: Tensor = nearest ? x : { element: "float64", dims: x.dims, data: Float64Array.from(toNumbers(x)) };
  for (const { axis, plan } of moves) {
    task.check();
    result = nearest ? takeAlong(result, axis, plan.taps.map((tap) => tap.indices[0]!)) : blend(result, axis, plan);
  }
  const out = nearest ? result : fromNumbers(x.element, result.dims, clampIntegers(x, toNumbers(result)));
  return crops ? fillOutside(out, moves, attributes.float("extrapolation_value")) : out;
}

/** Integer types take the nearest value they hold. */
function clampIntegers(x: Tensor, numbers: ArrayLike<number>): ArrayLike<number> {
  const range = { uint8: [0, 255], int8: [-128, 127], uint16: [0, 65535], int16: [-32768, 32767] }[x.element as string];
  return range ? Array.from(numbers, (v) => Math.min(range[1]!, Math.max(range[0]!, v))) : numbers;
}

function blend(x: Tensor, axis: number, plan: AxisPlan): Tensor {
  const numbers = x.data as Float64Array;
  const dims = x.dims.map((d, i) => (i === axis ? plan.taps.length : d));
  const inner = elementCount(x.dims.slice(axis + 1));
  const outer = elementCount(x.dims.slice(0, axis));
  const size = x.dims[axis]!;
  const out = new Float64Array(elementCount(dims));
  for (let o = 0; o < outer; o++)
    for (const [k, { indices, weights }] of plan.taps.entries()) {
      const to = (o * plan.taps.length + k) * inner;
      for (const [t, index] of indices.entries()) {
        const from = (o * size + index) * inner;
        const weight = weights[t]!;
        for (let i = 0; i < inner; i++) out[to + i]! += weight * numbers[from + i]!;
      }
    }
  return { element: "float64", dims, data: out };
}

function fillOutside(x: Tensor, moves: readonly { readonly axis: number; readonly plan: AxisPlan }[], value: number): Tensor {
  const data = allocate(x.element, elementCount(x.dims));
  const strides = stridesOf(x.dims);
  copyStrided(x.element, x.dims, { data, offset: 0, strides }, { data: x.data, offset: 0, strides });
  const filler = fromNumbers(x.element, [], [value]);
  for (const { axis, plan } of moves)
    for (const at of plan.outside)
      copyStrided(x.element, x.dims.map((d, i) => (i === axis ? 1 : d)), { data, offset: at * strides[axis]!, strides }, { data: filler.data, offset: 0, strides: strides.map(() => 0) });
  return { element: x.element, dims: x.dims, data };
}

export function planAxis(size: number, outSize: number, scale: number, roi: readonly [number, number], attributes: Pick<AttributeReader, "string" | "int" | "float">): AxisPlan {
  const coordinates = attributes.string("coordinate_transformation_mode");
  // What the scale asks for may be a fraction; the output has whole elements.
  const exact = size * scale;
  const taps: AxisPlan["taps"][number][] = [];
  const outside: number[] = [];
  for (let i = 0; i < outSize; i++) {
    const at = sourceCoordinate(i, size, outSize, exact, scale, coordinates, roi);
    if (coordinates === "tf_crop_and_resize" && (at < 0 || at > size - 1)) outside.push(i);
    taps.push(tapsAt(at, size, scale, attributes));
  }
  return { taps, outside };
}

function sourceCoordinate(i: number, size: number, outSize: number, exact: number, scale: number, mode: string, [start, end]: readonly [number, number]): number {
  switch (mode) {
    case "align_corners":
      return exact === 1 ? 0 : (i * (size - 1)) / (exact - 1);
    case "asymmetric":
      return i / scale;
    case "pytorch_half_pixel":
      return outSize > 1 ? (i + 0.5) / scale - 0.5 : 0;
    case "half_pixel_symmetric":
      return (size / 2) * (1 - outSize / exact) + (i + 0.5) / scale - 0.5;
    case "tf_crop_and_resize":
      return outSize > 1 ? start * (size - 1) + (i * (end - start) * (size - 1)) / (outSize - 1) : 0.5 * (start + end) * (size - 1);
    case "half_pixel":
      return (i + 0.5) / scale - 0.5;
    default:
      throw new GraphwrightError("attribute-value", `"${mode}" is not a coordinate transformation.`);
  }
}

function tapsAt(at: number, size: number, scale: number, attributes: Pick<AttributeReader, "string" | "int" | "float">): { indices: number[]; weights: number[] } {
  const clamp = (index: number): number => Math.min(size - 1, Math.max(0, index));
  const mode = attributes.string("mode");
  if (mode === "nearest") return { indices: [clamp(nearestIndex(at, attributes.string("nearest_mode")))], weights: [1] };
  if (mode !== "linear" && mode !== "cubic") throw new GraphwrightError("attribute-value", `"${mode}" is not an interpolation mode.`);
  const reach = mode === "linear" ? 1 : 2;
  const stretch = attributes.int("antialias", 0) !== 0 ? Math.min(1, scale) : 1;
  const a = attributes.float("cubic_coeff_a");
  const kernel = (t: number): number => (mode === "linear" ? Math.max(0, 1 - Math.abs(t)) : cubicKernel(t, a));
  const indices: number[] = [];
  const weights: number[] = [];
  const excludes = attributes.int("exclude_outside", 0) !== 0;
  const first = Math.floor(at - reach / stretch) + 1;
  const last = Math.ceil(at + reach / stretch) - 1;
  for (let index = first; index <= last; index++) {
    const weight = kernel((at - index) * stretch);
    if (weight === 0 || (excludes && (index < 0 || index >= size))) continue;
    indices.push(clamp(index));
    weights.push(weight);
  }
  const total = weights.reduce((u, v) => u + v, 0);
  return { indices, weights: excludes || stretch < 1 ? weights.map((w) => w / total) : weights };
}

function nearestIndex(at: number, mode: string): number {
  switch (mode) {
    case "round_prefer_floor":
      return Math.ceil(at - 0.5);
    case "round_prefer_ceil":
      return Math.floor(at + 0.5);
    case "floor":
      return Math.floor(at);
    case "ceil":
      return Math.ceil(at);
    default:
      throw new GraphwrightError("attribute-value", `"${mode}" is not a rounding mode.`);
  }
}
