import type { Tensor } from "../../ir/tensor.ts";
import { toNumbers } from "../../ir/tensor.ts";
import { elementCount } from "../../ir/value-type.ts";
import { GraphwrightError } from "../../support/diagnostic.ts";
import type { Task } from "../../support/task.ts";
import { multiplyMatrices } from "./gemm.ts";
import { type FloatArray, workArray } from "./numbers.ts";
import { placeWindow, type WindowAttributes } from "./window.ts";

/** Elements of one unfolded panel: the panel and its packed copy stay near the cache. */
const panelElements = 1 << 19;

export interface ConvolutionInput {
  /** [batch, channels, ...spatial] */
  readonly dims: readonly number[];
  readonly numbers: ArrayLike<number>;
}

/**
 * Cross-correlation, as ONNX has it: out[n, m, o] = bias[m] + sum over c, k of x[n, c, o * stride + k * dilation - pad] * w[m, c, k].
 * Each panel of output positions is unfolded into columns (im2col) and multiplied by the weights.
 */
export function convolve(x: ConvolutionInput, w: ConvolutionInput, bias: ArrayLike<number> | undefined, group: number, window: WindowAttributes, out: "float32" | "float64", task: Task): { dims: number[]; numbers: FloatArray } {
  const [batch, channels, ...spatial] = x.dims as [number, number, ...number[]];
  const [features, groupChannels] = w.dims as [number, number];
  if (channels !== groupChannels * group || features % group !== 0)
    throw new GraphwrightError("conv-shape", `${channels} input channels and ${features} filters of ${groupChannels} channels do not fit ${group} group${group === 1 ? "" : "s"}.`);
  if (bias && bias.length !== features) throw new GraphwrightError("conv-shape", `the bias has ${bias.length} entries for ${features} filters.`);
  const { begins, output } = placeWindow(spatial, window);
  const positions = elementCount(output);
  const taps = elementCount(window.kernel);
  const numbers = workArray(out, batch * features * positions);
  const groupFeatures = features / group;
  const depth = groupChannels * taps;
  if (bias) for (let n = 0; n < batch; n++) for (let m = 0; m < features; m++) numbers.fill(bias[m]!, (n * features + m) * positions, (n * features + m + 1) * positions);
  if (positions === 0 || depth === 0) return { dims: [batch, features, ...output], numbers };
  const plain = taps === 1 && window.strides.every((s) => s === 1) && begins.every((b) => b === 0) && elementCount(spatial) === positions;
  const panel = plain ? positions : Math.max(16, Math.min(positions, Math.floor(panelElements / depth)));
  const columns = plain ? undefined : new Float64Array(depth * panel);
  for (let n = 0; n < batch; n++)
    for (let g = 0; g < group; g++) {
      const source = (n * channels + g * groupChannels) * elementCount(spatial);
      const target = (n * features + g * groupFeatures) * positions;
      const a = { data: w.numbers, offset: g * groupFeatures * depth, rowStride: depth, columnStride: 1 };
      if (depth <= 32 && groupFeatures <= 2) {
        direct(x.numbers, source, groupChannels, spatial, w.numbers, g * groupFeatures * depth, groupFeatures, window, begins, output, numbers, target);
        task.check();
        continue;
      }
      if (!columns) {
        multiplyMatrices(groupFeatures, positions, depth, a, { data: x.numbers, offset: source, rowStride: positions, columnStride: 1 }, numbers, target, positions, task);
        continue;
      }
      for (let p0 = 0; p0 < positions; p0 += panel) {
        const count = Math.min(panel, positions - p0);
        unfold(x.numbers, source, groupChannels, spatial, window, begins, output, p0, count, columns);
        multiplyMatrices(groupFeatures, count, depth, a, { data: columns, offset: 0, rowStride: count, columnStride: 1 }, numbers, target + p0, positions, task);
      }
    }
  return { dims: [batch, features, ...output], numbers };
}

/** Few channels a group (depthwise): one pass over the output a filter tap, without unfolding. */
function direct(x: ArrayLike<number>, source: number, channels: number, spatial: readonly number[], w: ArrayLike<number>, wAt: number, features: number, window: WindowAttributes, begins: readonly number[], output: readonly number[], out: FloatArray, target: number): void {
  const rank = spatial.length;
  const positions = elementCount(output);
  const volume = elementCount(spatial);
  const taps = elementCount(window.kernel);
  const sums = new Float64Array(positions);
  const last = rank - 1;
  const rowLength = output[last] ?? 1;
  const rows = positions / rowLength;
  const stride = window.strides[last] ?? 1;
  const size = spatial[last] ?? 1;
  const at = new Array<number>(rank).fill(0);
  for (let m = 0; m < features; m++) {
    for (let i = 0; i < positions; i++) sums[i] = out[target + m * positions + i]!;
    for (let c = 0; c < channels; c++)
      for (let tap = 0; tap < taps; tap++) {
        const weight = w[wAt + (m * channels + c) * taps + tap]!;
        let rest = tap;
        for (let d = last; d >= 0; d--) {
          at[d] = (rest % window.kernel[d]!) * window.dilations[d]! - begins[d]!;
          rest = Math.floor(rest / window.kernel[d]!);
        }
        const shift = at[last] ?? 0;
        const from = Math.max(0, Math.ceil(-shift / stride));
        const to = Math.min(rowLength, Math.floor((size - 1 - shift) / stride) + 1);
        for (let row = 0; row < rows; row++) {
          let index = row;
          let offset = 0;
          let step = size;
          let inside = true;
          for (let d = last - 1; d >= 0; d--) {
            const y = (index % output[d]!) * window.strides[d]! + at[d]!;
            index = Math.floor(index / output[d]!);
            if (y < 0 || y >= spatial[d]!) {
              inside = false;
              break;
            }
            offset += y * step;
            step *= spatial[d]!;
          }
          if (!inside) continue;
          const base = source + c * volume + offset + shift;
          for (let o = from, i = base + from * stride, s = row * rowLength + from; o < to; o++, i += stride, s++) sums[s]! += x[i]! * weight;
        }
      }
    for (let i = 0; i < positions; i++) out[target + m * positions + i] = sums[i]!;
  }
}

/** Writes columns[(channel, tap), position] for output positions p0 .. p0 + count; padding is zero. */
function unfold(x: ArrayLike<number>, source: number, channels: number, spatial: readonly number[], window: WindowAttributes, begins: readonly number[], output: readonly number[], p0: number, count: number, columns: Float64Array): void {
  const rank = spatial.length;
  const volume = elementCount(spatial);
  const taps = elementCount(window.kernel);
  const last = rank - 1;
  const rowLength = output[last]!;
  const stride = window.strides[last]!;
  const size = spatial[last]!;
  const at = new Array<number>(rank).fill(0);
  for (let tap = 0; tap < taps; tap++) {
    let rest = tap;
    for (let d = last; d >= 0; d--) {
      at[d] = (rest % window.kernel[d]!) * window.dilations[d]! - begins[d]!;
      rest = Math.floor(rest / window.kernel[d]!);
    }
    const shift = at[last]!;
    for (let p = 0; p < count; ) {
      const flat = p0 + p;
      const column = flat % rowLength;
      const length = Math.min(rowLength - column, count - p);
      let index = Math.floor(flat / rowLength);
      let offset = 0;
      let step = size;
      let inside = true;
      for (let d = last - 1; d >= 0; d--) {
        const y = (index % output[d]!) * window.strides[d]! + at[d]!;
        index = Math.floor(index / output[d]!);
        if (y < 0 || y >= spatial[d]!) {
          inside = false;
          break;
        }
        offset += y * step;
        step *= spatial[d]!;
      }
      const first = column * stride + shift;
      const from = inside ? Math.min(length, Math.max(0, Math.ceil(-first / stride))) : length;
      const to = inside ? Math.max(from, Math.min(length, Math.floor((size - 1 - first) / stride) + 1)) : length;
      for (let c = 0; c < channels; c++) {
        const row = (c * taps + tap) * count + p;
        columns.fill(0, row, row + from);
        columns.fill(0, row + to, row + length);
        for (let o = from, i = source + c * volume + offset + first + from * stride; o < to; o++, i += stride) columns[row + o] = x[i]!;
      }
      p += length;
    }
  }
}

export const convolutionInput = (tensor: Tensor): ConvolutionInput => ({ dims: tensor.dims, numbers: toNumbers(tensor) });
