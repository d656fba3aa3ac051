import { addDims, type Dim, mulDims, subDims } from "../../ir/dim.ts";
import { type Tensor, toNumbers } from "../../ir/tensor.ts";
import { elementCount } from "../../ir/value-type.ts";
import { GraphwrightError } from "../../support/diagnostic.ts";
import type { Task } from "../../support/task.ts";
import type { AttributeReader } from "../definition.ts";
import { multiplyMatrices } from "./gemm.ts";
import { kernelSpan, windowAttributes, type WindowAttributes } from "./window.ts";

const entry = (attributes: AttributeReader, name: string, axis: number, fallback: number): number => attributes.ints(name)?.[axis] ?? fallback;

/** Size along one axis before padding is cut off. */
const fullSize = (size: Dim, kernel: Dim, attributes: AttributeReader, axis: number): Dim =>
  addDims(addDims(mulDims(subDims(size, 1), entry(attributes, "strides", axis, 1)), entry(attributes, "output_padding", axis, 0)), kernelSpan(kernel, entry(attributes, "dilations", axis, 1)));

/** Output size along one axis. */
export function transposedSize(size: Dim, kernel: Dim, attributes: AttributeReader, axis: number): Dim {
  const given = attributes.ints("output_shape");
  // The attribute may hold the spatial sizes, or all of them.
  if (given && given.length > 0) return given.at(axis - spatialRank(attributes, given.length)) ?? null;
  const mode = attributes.string("auto_pad");
  if (mode === "SAME_UPPER" || mode === "SAME_LOWER") return mulDims(size, entry(attributes, "strides", axis, 1));
  const rank = (attributes.ints("pads")?.length ?? 0) / 2;
  const pads = mode === "VALID" || rank === 0 ? 0 : entry(attributes, "pads", axis, 0) + entry(attributes, "pads", axis + rank, 0);
  return subDims(fullSize(size, kernel, attributes, axis), pads);
}

const spatialRank = (attributes: AttributeReader, fallback: number): number => attributes.ints("kernel_shape")?.length ?? attributes.ints("strides")?.length ?? fallback;

/** Products of the transposed filters with every input position, added up where they overlap. */
export function convolveTransposed(x: Tensor, w: Tensor, bias: Tensor | undefined, attributes: AttributeReader, task: Task): { dims: number[]; numbers: Float64Array } {
  const [batch, channels, ...spatial] = x.dims as [number, number, ...number[]];
  const [filterChannels, groupFeatures, ...kernelDims] = w.dims as [number, number, ...number[]];
  const kernel = attributes.ints("kernel_shape") ?? kernelDims;
  const group = attributes.int("group");
  if (filterChannels !== channels || channels % group !== 0) throw new GraphwrightError("conv-shape", `${channels} input channels do not fit filters for ${filterChannels} in ${group} groups.`);
  const window = windowAttributes(attributes, kernel);
  const output = spatial.map((size, i) => transposedSize(size, kernel[i]!, attributes, i) as number);
  const explicit = window.autoPad === "NOTSET" && !attributes.ints("output_shape")?.length;
  const begins = spatial.map((size, i) => {
    if (explicit) return window.begins[i]!;
    if (window.autoPad === "VALID") return 0;
    const total = Math.max(0, (fullSize(size, kernel[i]!, attributes, i) as number) - output[i]!);
    const half = Math.floor(total / 2);
    return window.autoPad === "SAME_UPPER" ? half : total - half;
  });
  const features = groupFeatures * group;
  const positions = elementCount(spatial);
  const volume = elementCount(output);
  const rows = groupFeatures * elementCount(kernel);
  const groupChannels = channels / group;
  const numbers = new Float64Array(batch * features * volume);
  const biases = bias && toNumbers(bias);
  if (biases) for (let n = 0; n < batch; n++) for (let m = 0; m < features; m++) numbers.fill(biases[m]!, (n * features + m) * volume, (n * features + m + 1) * volume);
  const inputs = toNumbers(x);
  const weights = toNumbers(w);
  const columns = new Float64Array(rows * positions);
  for (let n = 0; n < batch; n++)
    for (let g = 0; g < group; g++) {
      columns.fill(0);
      const a = { data: weights, offset: g * groupChannels * rows, rowStride: 1, columnStride: rows };
      const b = { data: inputs, offset: (n * channels + g * groupChannels) * positions, rowStride: positions, columnStride: 1 };
      multiplyMatrices(rows, positions, groupChannels, a, b, columns, 0, positions, task);
      for (let m = 0; m < groupFeatures; m++) {
        task.check();
        foldColumns(columns, m * elementCount(kernel) * positions, output, window, begins, spatial, numbers, (n * features + g * groupFeatures + m) * volume);
      }
    }
  return { dims: [batch, features, ...output], numbers };
}

/**
 * Adds columns [tap, position] into one image: tap k of position o lies at o * stride + k * dilation - begin. The
 * inverse of unfolding a convolution's input.
 */
export function foldColumns(columns: ArrayLike<number>, from: number, image: readonly number[], window: WindowAttributes, begins: readonly number[], counts: readonly number[], out: Float64Array, to: number): void {
  const rank = image.length;
  const taps = elementCount(window.kernel);
  const positions = elementCount(counts);
  for (let tap = 0; tap < taps; tap++) {
    const shift = new Array<number>(rank);
    for (let d = rank - 1, rest = tap; d >= 0; d--) {
      shift[d] = (rest % window.kernel[d]!) * window.dilations[d]! - begins[d]!;
      rest = Math.floor(rest / window.kernel[d]!);
    }
    for (let position = 0; position < positions; position++) {
      let at = 0;
      let step = 1;
      let inside = true;
      for (let d = rank - 1, rest = position; d >= 0; d--) {
        const place = (rest % counts[d]!) * window.strides[d]! + shift[d]!;
        rest = Math.floor(rest / counts[d]!);
        if (place < 0 || place >= image[d]!) {
          inside = false;
          break;
        }
        at += place * step;
        step *= image[d]!;
      }
      if (inside) out[to + at]! += columns[from + tap * positions + position]!;
    }
  }
}
