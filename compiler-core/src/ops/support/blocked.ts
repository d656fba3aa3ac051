import type { FloatArray } from "./numbers.ts";

/**
 * Channels in blocks: [N, C, ...S] is kept as [N, ceil(C / b), ...S, b], so that b neighbouring channels of one place
 * lie side by side and fill vectors. What is left of the last block is zero in packed weights.
 */
export const blocksOf = (channels: number, block: number): number => Math.ceil(channels / block);

const product = (dims: readonly number[]): number => dims.reduce((a, b) => a * b, 1);

/** [N, C, ...S] -> [N, ceil(C / b), ...S, b]; the lanes beyond C are 0. */
export function blockChannels(x: ArrayLike<number>, dims: readonly number[], block: number): { dims: number[]; numbers: Float32Array };
export function blockChannels(x: ArrayLike<number>, dims: readonly number[], block: number, kind: typeof Float64Array): { dims: number[]; numbers: Float64Array };
export function blockChannels(x: ArrayLike<number>, dims: readonly number[], block: number, kind: typeof Float32Array | typeof Float64Array = Float32Array): { dims: number[]; numbers: FloatArray } {
  const [batch, channels, ...space] = dims as [number, number, ...number[]];
  const blocks = blocksOf(channels, block);
  const positions = product(space);
  const numbers = new kind(batch * blocks * positions * block);
  for (let n = 0; n < batch; n++)
    for (let c = 0; c < channels; c++) {
      const from = (n * channels + c) * positions;
      const to = (n * blocks + Math.floor(c / block)) * positions * block + (c % block);
      for (let p = 0; p < positions; p++) numbers[to + p * block] = x[from + p]!;
    }
  return { dims: [batch, blocks, ...space, block], numbers };
}

/** [N, B, ...S, b] -> [N, channels, ...S]: what lies beyond `channels` is left out. */
export function unblockChannels(x: ArrayLike<number>, dims: readonly number[], channels: number): { dims: number[]; numbers: Float32Array };
export function unblockChannels(x: ArrayLike<number>, dims: readonly number[], channels: number, kind: typeof Float64Array): { dims: number[]; numbers: Float64Array };
export function unblockChannels(x: ArrayLike<number>, dims: readonly number[], channels: number, kind: typeof Float32Array | typeof Float64Array = Float32Array): { dims: number[]; numbers: FloatArray } {
  const [batch, blocks, ...rest] = dims as [number, number, ...number[]];
  const block = rest.at(-1)!;
  const space = rest.slice(0, -1);
  const positions = product(space);
  const numbers = new kind(batch * channels * positions);
  for (let n = 0; n < batch; n++)
    for (let c = 0; c < channels; c++) {
      const to = (n * channels + c) * positions;
      const from = (n * blocks + Math.floor(c / block)) * positions * block + (c % block);
      for (let p = 0; p < positions; p++) numbers[to + p] = x[from + p * block]!;
    }
  return { dims: [batch, channels, ...space], numbers };
}

/**
 * Filters [M, C/g, ...K] as kernels read them: [Mb, Cb, ...K, b, b] with the input channel of a block before the
 * output channel; [Mb, C, ...K, b] for an input that is not blocked; [Mb, ...K, b] when each channel has its own filter.
 */
export type FilterForm = "blocked" | "plain" | "depthwise";

export function packFilters(w: ArrayLike<number>, dims: readonly number[], block: number, form: FilterForm): { dims: number[]; numbers: Float32Array } {
  const [features, channels, ...kernel] = dims as [number, number, ...number[]];
  const taps = product(kernel);
  const outer = blocksOf(features, block);
  const inner = form === "blocked" ? blocksOf(channels, block) : channels;
  const depth = form === "blocked" ? block : 1;
  const numbers = new Float32Array(outer * inner * taps * depth * block);
  for (let m = 0; m < features; m++)
    for (let c = 0; c < channels; c++)
      for (let t = 0; t < taps; t++) {
        const place = ((Math.floor(m / block) * inner + Math.floor(c / depth)) * taps + t) * depth + (c % depth);
        numbers[place * block + (m % block)] = w[(m * channels + c) * taps + t]!;
      }
  const packed = { blocked: [outer, inner, ...kernel, block, block], plain: [outer, channels, ...kernel, block], depthwise: [outer, ...kernel, block] };
  return { dims: packed[form], numbers };
}

/** The filters [M, C/g, ...K] again, M and C being whole blocks. */
export function unpackFilters(w: ArrayLike<number>, dims: readonly number[], form: FilterForm): { dims: number[]; numbers: Float32Array } {
  const block = dims.at(-1)!;
  const [outer, inner] = form === "depthwise" ? [dims[0]!, 1] : [dims[0]!, dims[1]!];
  const depth = form === "blocked" ? block : 1;
  const kernel = dims.slice(form === "depthwise" ? 1 : 2, form === "blocked" ? -2 : -1);
  const taps = product(kernel);
  const channels = inner * depth;
  const numbers = new Float32Array(outer * block * channels * taps);
  for (let m = 0; m < outer * block; m++)
    for (let c = 0; c < channels; c++)
      for (let t = 0; t < taps; t++) {
        const place = ((Math.floor(m / block) * inner + Math.floor(c / depth)) * taps + t) * depth + (c % depth);
        numbers[(m * channels + c) * taps + t] = w[place * block + (m % block)]!;
      }
  return { dims: [outer * block, channels, ...kernel], numbers };
}

/** A vector of a value for each channel as whole blocks: [Mb, b]. */
export function packVector(v: ArrayLike<number>, block: number): { dims: number[]; numbers: Float32Array } {
  const outer = blocksOf(v.length, block);
  const numbers = new Float32Array(outer * block);
  for (let i = 0; i < v.length; i++) numbers[i] = v[i]!;
  return { dims: [outer, block], numbers };
}

/** A right factor [K, N] in panels of columns: [ceil(N / b), K, b]. */
export function packColumns(w: ArrayLike<number>, rows: number, columns: number, block: number): { dims: number[]; numbers: Float32Array } {
  const panels = blocksOf(columns, block);
  const numbers = new Float32Array(panels * rows * block);
  for (let k = 0; k < rows; k++) for (let n = 0; n < columns; n++) numbers[(Math.floor(n / block) * rows + k) * block + (n % block)] = w[k * columns + n]!;
  return { dims: [panels, rows, block], numbers };
}

/** The right factor [K, columns] again. */
export function unpackColumns(w: ArrayLike<number>, dims: readonly number[], columns: number): FloatArray {
  const [, rows, block] = dims as [number, number, number];
  const numbers = new Float32Array(rows * columns);
  for (let k = 0; k < rows; k++) for (let n = 0; n < columns; n++) numbers[k * columns + n] = w[(Math.floor(n / block) * rows + k) * block + (n % block)]!;
  return numbers;
}

/** Terms of a dot product of bytes: what one machine instruction sums up. */
export const dotTerms = 4;

/**
 * Filters [M, C/g, ...K] of 8-bit integers as dot products of four read them: [Mb, Cb, ...K, c / 4, b, 4] for an input in
 * blocks of c channels; [Mb, ...K, b] when each channel has its own filter.
 */
export type IntegerFilterForm = "quads" | "depthwise";

export function packIntegerFilters(w: ArrayLike<number>, dims: readonly number[], block: number, depth: number, form: IntegerFilterForm): { dims: number[]; numbers: Int8Array } {
  const [features, channels, ...kernel] = dims as [number, number, ...number[]];
  const taps = product(kernel);
  const outer = blocksOf(features, block);
  const inner = form === "quads" ? blocksOf(channels, depth) : 1;
  const numbers = new Int8Array(outer * inner * taps * (form === "quads" ? depth : 1) * block);
  for (let m = 0; m < features; m++)
    for (let c = 0; c < channels; c++)
      for (let t = 0; t < taps; t++) numbers[integerPlace(m, c, t, { taps, inner, block, depth: form === "quads" ? depth : 0 })] = w[(m * channels + c) * taps + t]!;
  return { dims: form === "quads" ? [outer, inner, ...kernel, depth / dotTerms, block, dotTerms] : [outer, ...kernel, block], numbers };
}

/** The filters [M, C/g, ...K] again, M and C being whole blocks. */
export function unpackIntegerFilters(w: ArrayLike<number>, dims: readonly number[], form: IntegerFilterForm): { dims: number[]; numbers: Float64Array } {
  const quads = form === "quads";
  const kernel = dims.slice(quads ? 2 : 1, quads ? -3 : -1);
  const taps = product(kernel);
  const block = dims.at(quads ? -2 : -1)!;
  const depth = quads ? dims.at(-3)! * dotTerms : 0;
  const inner = quads ? dims[1]! : 1;
  const channels = quads ? inner * depth : 1;
  const features = dims[0]! * block;
  const numbers = new Float64Array(features * channels * taps);
  for (let m = 0; m < features; m++)
    for (let c = 0; c < channels; c++)
      for (let t = 0; t < taps; t++) numbers[(m * channels + c) * taps + t] = w[integerPlace(m, c, t, { taps, inner, block, depth })]!;
  return { dims: [features, channels, ...kernel], numbers };
}

function integerPlace(m: number, c: number, t: number, { taps, inner, block, depth }: { taps: number; inner: number; block: number; depth: number }): number {
  if (depth === 0) return (Math.floor(m / block) * taps + t) * block + (m % block);
  const tap = (Math.floor(m / block) * inner + Math.floor(c / depth)) * taps + t;
  return ((tap * (depth / dotTerms) + Math.floor((c % depth) / dotTerms)) * block + (m % block)) * dotTerms + (c % dotTerms);
}
