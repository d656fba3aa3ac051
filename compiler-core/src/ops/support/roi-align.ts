import { type Tensor, toNumbers } from "../../ir/tensor.ts";
import { GraphwrightError } from "../../support/diagnostic.ts";
import type { Task } from "../../support/task.ts";
import type { AttributeReader } from "../definition.ts";

/** RoiAlign on X [N, C, H, W] with boxes [x1, y1, x2, y2]. */
export function alignRegions(x: Tensor, boxes: ArrayLike<number>, batches: readonly number[], attributes: AttributeReader, task: Task): { dims: number[]; numbers: Float64Array } {
  const [batchSize, channels, height, width] = x.dims as [number, number, number, number];
  const rows = attributes.int("output_height");
  const columns = attributes.int("output_width");
  const ratio = attributes.int("sampling_ratio");
  const scale = attributes.float("spatial_scale");
  const shifted = attributes.string("coordinate_transformation_mode") === "half_pixel";
  const largest = attributes.string("mode") === "max";
  const numbers = new Float64Array(batches.length * channels * rows * columns);
  const input = toNumbers(x);
  for (const [r, batch] of batches.entries()) {
    task.check();
    if (batch < 0 || batch >= batchSize) throw new GraphwrightError("index-range", `the batch index ${batch} lies outside 0 to ${batchSize - 1}.`);
    const shift = shifted ? 0.5 : 0;
    const [x1, y1, x2, y2] = [0, 1, 2, 3].map((k) => boxes[r * 4 + k]! * scale - shift) as [number, number, number, number];
    const least = shifted ? -Infinity : 1;
    const cellHeight = Math.max(y2 - y1, least) / rows;
    const cellWidth = Math.max(x2 - x1, least) / columns;
    const down = ratio > 0 ? ratio : Math.ceil(cellHeight);
    const across = ratio > 0 ? ratio : Math.ceil(cellWidth);
    for (let i = 0; i < rows; i++)
      for (let j = 0; j < columns; j++) {
        const samples: Sample[] = [];
        for (let a = 0; a < down; a++)
          for (let b = 0; b < across; b++) samples.push(sampleAt(y1 + (i + (a + 0.5) / down) * cellHeight, x1 + (j + (b + 0.5) / across) * cellWidth, height, width));
        for (let c = 0; c < channels; c++) {
          const base = (batch * channels + c) * height * width;
          let sum = 0;
          let top = -Infinity;
          for (const { offsets, weights } of samples) {
            const parts = offsets.map((offset, k) => input[base + offset]! * weights[k]!);
            sum += parts.reduce((u, v) => u + v, 0);
            top = Math.max(top, ...parts);
          }
          numbers[((r * channels + c) * rows + i) * columns + j] = largest ? (samples.length > 0 ? top : 0) : sum / Math.max(1, samples.length);
        }
      }
  }
  return { dims: [batches.length, channels, rows, columns], numbers };
}

interface Sample {
  readonly offsets: readonly number[];
  readonly weights: readonly number[];
}

/** The four elements around a place, with their weights; zero more than one element outside. */
function sampleAt(y: number, x: number, height: number, width: number): Sample {
  if (y < -1 || y > height || x < -1 || x > width) return { offsets: [0], weights: [0] };
  const along = (at: number, size: number): [number, number, number] => {
    const inside = Math.max(0, at);
    const low = Math.min(Math.floor(inside), size - 1);
    return low >= size - 1 ? [low, low, 0] : [low, low + 1, inside - low];
  };
  const [top, bottom, ly] = along(y, height);
  const [left, right, lx] = along(x, width);
  return {
    offsets: [top * width + left, top * width + right, bottom * width + left, bottom * width + right],
    weights: [(1 - ly) * (1 - lx), (1 - ly) * lx, ly * (1 - lx), ly * lx],
  };
}
