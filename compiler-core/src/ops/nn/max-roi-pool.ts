import { toNumbers } from "../../ir/tensor.ts";
import { elementCount, staticShape } from "../../ir/value-type.ts";
import { defineOperator } from "../definition.ts";
import { elementOfInput, rankedInput, tensorOutput } from "../support/infer.ts";
import { maxRoiPoolLowering } from "../support/lower-pool.ts";
import { finished, tensorAt, workArray } from "../support/numbers.ts";
import { floats, required, tensors } from "../support/types.ts";

export const maxRoiPool = defineOperator({
  domain: "",
  op: "MaxRoiPool",
  versions: [
    { since: 1 },
    { since: 22, change: "more element types", allows: tensors("bfloat16") },
  ],
  summary: "Divides each region of interest into a grid and takes the largest element of each cell.",
  doc: "Girshick 2015.",
  family: "pooling",
  inputs: [
    required("X", "T", "input"),
    required("rois", "T", "regions as [batch entry, x1, y1, x2, y2]"),
  ],
  outputs: [required("Y", "T", "output")],
  attributes: {
    pooled_shape: { kind: "ints", doc: "height and width of the grid", required: true },
    spatial_scale: { kind: "float", doc: "factor from region coordinates to the input", fallback: 1 },
  },
  types: { T: floats },
  infer: (context, _node, attributes) => {
    const pooled = attributes.ints("pooled_shape") ?? [];
    return [tensorOutput(elementOfInput(context, 0), [rankedInput(context, 1)?.shape[0] ?? null, rankedInput(context, 0)?.shape[1] ?? null, ...pooled])];
  },
  evaluate: (inputs, { attributes }) => {
    const x = tensorAt(inputs, 0);
    const rois = tensorAt(inputs, 1);
    const [ph, pw] = attributes.ints("pooled_shape") as [number, number];
    const scale = attributes.float("spatial_scale");
    const [, channels, height, width] = x.dims as [number, number, number, number];
    const numbers = toNumbers(x);
    const boxes = toNumbers(rois);
    const count = rois.dims[0]!;
    const out = workArray(x.element, count * channels * ph * pw);
    const round = (v: number): number => Math.sign(v) * Math.round(Math.abs(v));
    for (let r = 0; r < count; r++) {
      const [batch, x1, y1, x2, y2] = Array.from({ length: 5 }, (_, i) => (i === 0 ? Math.trunc(boxes[r * 5]!) : round(boxes[r * 5 + i]! * scale))) as [number, number, number, number, number];
      const cellHeight = Math.max(y2 - y1 + 1, 1) / ph;
      const cellWidth = Math.max(x2 - x1 + 1, 1) / pw;
      const clamp = (v: number, top: number): number => Math.min(top, Math.max(0, v));
      for (let c = 0; c < channels; c++)
        for (let i = 0; i < ph; i++)
          for (let j = 0; j < pw; j++) {
            const top = clamp(Math.floor(i * cellHeight) + y1, height);
            const bottom = clamp(Math.ceil((i + 1) * cellHeight) + y1, height);
            const left = clamp(Math.floor(j * cellWidth) + x1, width);
            const right = clamp(Math.ceil((j + 1) * cellWidth) + x1, width);
            let best = bottom > top && right > left ? -Infinity : 0;
            for (let y = top; y < bottom; y++) for (let at = left; at < right; at++) best = Math.max(best, numbers[((batch * channels + c) * height + y) * width + at]!);
            out[((r * channels + c) * ph + i) * pw + j] = best;
          }
    }
    return [finished(x.element, [count, channels, ph, pw], out)];
  },
  cost: ({ outputs }) => ({ flops: elementCount(staticShape(outputs[0]) ?? [0]) }),
  lower: maxRoiPoolLowering,
});
