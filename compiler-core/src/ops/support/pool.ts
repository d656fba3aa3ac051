import type { Dim } from "../../ir/dim.ts";
import { toNumbers, type Tensor } from "../../ir/tensor.ts";
import type { InferContext } from "../../ir/type-rules.ts";
import { elementCount, staticShape } from "../../ir/value-type.ts";
import { GraphwrightError } from "../../support/diagnostic.ts";
import type { Task } from "../../support/task.ts";
import type { AttributeReader, CostContext } from "../definition.ts";
import { rankedInput, tensorOutput } from "./infer.ts";
import { finished, workArray } from "./numbers.ts";
import { placeWindow, refuseNegativePads, windowAttributes, type WindowAttributes, windowOutput } from "./window.ts";

/** Shape of a pooled tensor [N, C, ...spatial], for each of `elements`. */
export function inferPool(context: InferContext, attributes: AttributeReader, second?: "int64") {
  const x = rankedInput(context, 0);
  const element = context.type(0).kind === "tensor" ? (x?.element ?? null) : null;
  const kernel = attributes.ints("kernel_shape") ?? [];
  let shape: Dim[] | null = null;
  if (x) {
    if (x.shape.length !== kernel.length + 2) throw new GraphwrightError("window", `a kernel of ${kernel.length} dimensions needs an input of rank ${kernel.length + 2}, not ${x.shape.length}.`);
    const window = windowAttributes(attributes, kernel);
    shape = [x.shape[0]!, x.shape[1]!, ...kernel.map((k, i) => windowOutput(x.shape[i + 2]!, k, window, i))];
  }
  return second ? [tensorOutput(element, shape), tensorOutput(second, shape)] : [tensorOutput(element, shape)];
}

export const poolCost = ({ attributes, outputs }: CostContext): { flops: number } => ({
  flops: elementCount(staticShape(outputs[0]) ?? [0]) * elementCount(attributes.ints("kernel_shape") ?? []),
});

/** What a pooling does at one output position: `offsets` are the flat spatial positions inside the input, `count` of them. */
export type PoolPoint = (x: ArrayLike<number>, base: number, offsets: Int32Array, count: number, padded: number) => number;

/**
 * Slides a window over every channel. `point` reduces the input positions of one window; `padded` is the number of
 * window elements that lie within the input extended by its padding.
 */
export function slidePool(x: Tensor, attributes: AttributeReader, task: Task, point: PoolPoint, note?: (output: number, base: number) => void): Tensor {
  const kernel = attributes.ints("kernel_shape") ?? [];
  const window = windowAttributes(attributes, kernel);
  refuseNegativePads(window);
  const [batch, channels, ...spatial] = x.dims as [number, number, ...number[]];
  if (spatial.length !== kernel.length) throw new GraphwrightError("window", `a kernel of ${kernel.length} dimensions needs an input of rank ${kernel.length + 2}, not ${x.dims.length}.`);
  const { begins, output } = placeWindow(spatial, window);
  const places = windowPlaces(spatial, window, begins, output);
  const numbers = toNumbers(x);
  const positions = elementCount(output);
  const volume = elementCount(spatial);
  const out = workArray(x.element, batch * channels * positions);
  for (let plane = 0; plane < batch * channels; plane++) {
    task.check();
    const base = plane * volume;
    for (let p = 0; p < positions; p++) {
      const place = places[p]!;
      out[plane * positions + p] = point(numbers, base, place.offsets, place.offsets.length, place.padded);
      note?.(plane * positions + p, base);
    }
  }
  return finished(x.element, [batch, channels, ...output], out);
}

interface Place {
  readonly offsets: Int32Array;
  readonly padded: number;
}

/** For every output position, the input positions its window covers. */
function windowPlaces(spatial: readonly number[], window: WindowAttributes, begins: readonly number[], output: readonly number[]): Place[] {
  let places: { offsets: number[]; padded: number }[] = [{ offsets: [0], padded: 1 }];
  for (const [d, size] of spatial.entries()) {
    // SAME pads as far as windows reach; VALID pads nothing, though with ceil_mode a window reaches beyond the end.
    const extended = size + (window.autoPad.startsWith("SAME") ? Infinity : window.ends[d]!);
    const along = Array.from({ length: output[d]! }, (_, o) => {
      const start = o * window.strides[d]! - begins[d]!;
      const inside: number[] = [];
      let padded = 0;
      for (let k = 0; k < window.kernel[d]!; k++) {
        const at = start + k * window.dilations[d]!;
        if (at < extended) padded++;
        if (at >= 0 && at < size) inside.push(at);
      }
      return { inside, padded };
    });
    places = places.flatMap((place) => along.map((next) => ({ offsets: place.offsets.flatMap((o) => next.inside.map((i) => o * size + i)), padded: place.padded * next.padded })));
  }
  return places.map(({ offsets, padded }) => ({ offsets: Int32Array.from(offsets), padded }));
}
