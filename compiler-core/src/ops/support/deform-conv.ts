import { type Tensor, toNumbers } from "../../ir/tensor.ts";
import { elementCount } from "../../ir/value-type.ts";
import { GraphwrightError } from "../../support/diagnostic.ts";
import type { Task } from "../../support/task.ts";
import type { AttributeReader } from "../definition.ts";
import { linearCorners } from "./interpolate.ts";
import { forEachIndex } from "./strides.ts";
import { placeWindow, windowAttributes } from "./window.ts";

/** Deformable convolution: tap k of output o samples x at o * stride + k * dilation - pad + offset[k, o], times mask[k, o]. */
export function convolveDeformed(x: Tensor, w: Tensor, offset: Tensor, bias: Tensor | undefined, mask: Tensor | undefined, attributes: AttributeReader, task: Task): { dims: number[]; numbers: Float64Array } {
  const [batch, channels, ...spatial] = x.dims as [number, number, ...number[]];
  const [features, groupChannels, ...kernelDims] = w.dims as [number, number, ...number[]];
  const kernel = attributes.ints("kernel_shape") ?? kernelDims;
  const group = attributes.int("group");
  const offsetGroups = attributes.int("offset_group");
  if (channels !== groupChannels * group || channels % offsetGroups !== 0) throw new GraphwrightError("conv-shape", `${channels} input channels do not fit ${group} groups of ${groupChannels} and ${offsetGroups} offset groups.`);
  const rank = kernel.length;
  const { begins, output } = placeWindow(spatial, windowAttributes(attributes, kernel));
  const window = windowAttributes(attributes, kernel);
  const taps = elementCount(kernel);
  const positions = elementCount(output);
  const volume = elementCount(spatial);
  const [input, weights, shifts] = [toNumbers(x), toNumbers(w), toNumbers(offset)];
  const masks = mask && toNumbers(mask);
  const biases = bias && toNumbers(bias);
  const numbers = new Float64Array(batch * features * positions);
  if (biases) for (let i = 0; i < numbers.length; i++) numbers[i] = biases[Math.floor(i / positions) % features]!;
  const perOffset = channels / offsetGroups;
  const groupFeatures = features / group;
  const samples = new Float64Array(channels);
  for (let n = 0; n < batch; n++)
    forEachIndex(output, (index, position) => {
      task.check();
      forEachIndex(kernel, (at, tap) => {
        for (let og = 0; og < offsetGroups; og++) {
          const first = (n * offsetGroups + og) * taps + tap;
          const point = index.map((o, d) => o * window.strides[d]! + at[d]! * window.dilations[d]! - begins[d]! + shifts[(first * rank + d) * positions + position]!);
          const weight = masks ? masks[first * positions + position]! : 1;
          samples.fill(0, og * perOffset, (og + 1) * perOffset);
          linearCorners(point, spatial, (flat, share) => {
            for (let c = og * perOffset; c < (og + 1) * perOffset; c++) samples[c]! += input[(n * channels + c) * volume + flat]! * share * weight;
          });
        }
        for (let m = 0; m < features; m++) {
          const g = Math.floor(m / groupFeatures);
          let sum = 0;
          for (let c = 0; c < groupChannels; c++) sum += samples[g * groupChannels + c]! * weights[(m * groupChannels + c) * taps + tap]!;
          numbers[(n * features + m) * positions + position]! += sum;
        }
      });
    });
  return { dims: [batch, features, ...output], numbers };
}
