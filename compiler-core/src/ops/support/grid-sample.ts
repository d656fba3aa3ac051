import { type Tensor, toNumbers } from "../../ir/tensor.ts";
import { elementCount } from "../../ir/value-type.ts";
import { GraphwrightError } from "../../support/diagnostic.ts";
import type { Task } from "../../support/task.ts";
import type { AttributeReader } from "../definition.ts";
import { cubicKernel } from "./interpolate.ts";
import { roundHalfEven } from "./special-functions.ts";

interface Tap {
  readonly index: number;
  readonly weight: number;
}

/** Samples X [N, C, d1, ..., dr] at the places of a grid [N, ...output, r]. */
export function sampleGrid(x: Tensor, grid: Tensor, attributes: AttributeReader, task: Task): { dims: number[]; numbers: Float64Array } {
  const [batch, channels, ...spatial] = x.dims as [number, number, ...number[]];
  const rank = spatial.length;
  if (grid.dims.length !== rank + 2 || grid.dims.at(-1) !== rank || grid.dims[0] !== batch) throw new GraphwrightError("grid-shape", `a grid of shape [${grid.dims.join(", ")}] does not fit an input of shape [${x.dims.join(", ")}].`);
  const output = grid.dims.slice(1, -1);
  const positions = elementCount(output);
  const volume = elementCount(spatial);
  const aligned = attributes.int("align_corners") !== 0;
  const mode = attributes.string("mode");
  const padding = attributes.string("padding_mode");
  const places = toNumbers(grid);
  const input = toNumbers(x);
  const numbers = new Float64Array(batch * channels * positions);
  for (let n = 0; n < batch; n++)
    for (let p = 0; p < positions; p++) {
      if ((p & 255) === 0) task.check();
      // The grid names the last dimension first.
      const taps = spatial.map((size, d) => tapsAlong(places[(n * positions + p) * rank + (rank - 1 - d)]!, size, aligned, mode, padding));
      for (let c = 0; c < channels; c++) numbers[(n * channels + c) * positions + p] = combine(input, (n * channels + c) * volume, spatial, taps, 0);
    }
  return { dims: [batch, channels, ...output], numbers };
}

function combine(input: ArrayLike<number>, base: number, dims: readonly number[], taps: readonly (readonly Tap[])[], axis: number): number {
  if (axis === dims.length) return input[base]!;
  const step = elementCount(dims.slice(axis + 1));
  let sum = 0;
  for (const { index, weight } of taps[axis]!) sum += weight * combine(input, base + index * step, dims, taps, axis + 1);
  return sum;
}

/** Elements along one axis that a normalized coordinate (-1 to 1) draws on. */
function tapsAlong(coordinate: number, size: number, aligned: boolean, mode: string, padding: string): Tap[] {
  const low = aligned ? 0 : -0.5;
  const high = aligned ? size - 1 : size - 0.5;
  let at = aligned ? ((coordinate + 1) / 2) * (size - 1) : ((coordinate + 1) * size - 1) / 2;
  if (mode === "nearest") at = roundHalfEven(at);
  if (mode !== "cubic" && (at < low || at > high)) {
    if (padding === "border") at = Math.min(size - 1, Math.max(0, at));
    else if (padding === "reflection") at = reflect(at, low, high);
  }
  const base = Math.floor(at);
  const part = at - base;
  const raw: Tap[] =
    mode === "nearest"
      ? [{ index: at, weight: 1 }]
      : mode === "cubic"
        ? [-1, 0, 1, 2].map((k) => ({ index: base + k, weight: cubicKernel(part - k, -0.75) }))
        : [
            { index: base, weight: 1 - part },
            { index: base + 1, weight: part },
          ];
  return raw.flatMap(({ index, weight }) => {
    if (index >= 0 && index < size) return [{ index, weight }];
    if (padding === "border") return [{ index: Math.min(size - 1, Math.max(0, index)), weight }];
    if (padding === "reflection") return [{ index: Math.min(size - 1, Math.max(0, Math.trunc(reflect(index, low, high)))), weight }];
    return [];
  });
}

/** Mirrors a coordinate into low..high. */
function reflect(at: number, low: number, high: number): number {
  const range = high - low;
  if (range <= 0) return low;
  const away = at < low ? low - at : at - high;
  const turns = Math.floor(away / range);
  const rest = away - turns * range;
  const fromLow = at < low === (turns % 2 === 0);
  return fromLow ? low + rest : high - rest;
}
