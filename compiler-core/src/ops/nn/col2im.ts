import { floorDivDims } from "../../ir/dim.ts";
import { toNumbers } from "../../ir/tensor.ts";
import { elementCount, staticShape } from "../../ir/value-type.ts";
import { GraphwrightError } from "../../support/diagnostic.ts";
import { defineOperator } from "../definition.ts";
import { foldColumns } from "../support/conv-transpose.ts";
import { elementOfInput, knownInts, rankedInput, tensorOutput, unknownShape, vectorLength } from "../support/infer.ts";
import { col2imLowering } from "../support/lower-indexing.ts";
import { finished, intsAt, tensorAt } from "../support/numbers.ts";
import { ordinary, required } from "../support/types.ts";
import { windowAttributes, windowOutput } from "../support/window.ts";

export const col2im = defineOperator({
  domain: "",
  op: "Col2Im",
  versions: [{ since: 18 }],
  summary: "Adds column blocks back into the image that they were cut from.",
  family: "shape",
  inputs: [
    required("input", "T", "column blocks [N, C * block size, number of blocks]"),
    required("image_shape", "tensor(int64)", "spatial size of the image"),
    required("block_shape", "tensor(int64)", "size of a block"),
  ],
  outputs: [required("output", "T", "output")],
  attributes: {
    dilations: { kind: "ints", doc: "distance between kernel elements, by spatial dimension; 1 when absent" },
    pads: { kind: "ints", doc: "padding: beginnings of all spatial dimensions, then ends" },
    strides: { kind: "ints", doc: "step of the window by spatial dimension; 1 when absent" },
  },
  types: { T: ordinary },
  infer: (context) => {
    const x = rankedInput(context, 0);
    const image = context.known(1) ?? knownInts(context, 1);
    const block = knownInts(context, 2);
    const rank = image?.length ?? vectorLength(context, 1);
    if (rank === undefined) return [tensorOutput(elementOfInput(context, 0), null)];
    return [tensorOutput(elementOfInput(context, 0), [x?.shape[0] ?? null, x && block ? floorDivDims(x.shape[1]!, elementCount(block)) : null, ...(image ?? unknownShape(rank))])];
  },
  evaluate: (inputs, context) => {
    const x = tensorAt(inputs, 0);
    const image = intsAt(inputs, 1);
    const block = intsAt(inputs, 2);
    const window = windowAttributes(context.attributes, block);
    const taps = elementCount(block);
    const [batch, rows, count] = x.dims as [number, number, number];
    const channels = rows / taps;
    const counts = image.map((size, i) => windowOutput(size, block[i]!, window, i) as number);
    if (!Number.isInteger(channels) || elementCount(counts) !== count) throw new GraphwrightError("col2im", `[${x.dims.join(", ")}] does not hold the blocks of a [${image.join(", ")}] image.`);
    const volume = elementCount(image);
    const out = new Float64Array(batch * channels * volume);
    const numbers = toNumbers(x);
    for (let plane = 0; plane < batch * channels; plane++) {
      context.task.check();
      foldColumns(numbers, plane * taps * count, image, window, window.begins, counts, out, plane * volume);
    }
    return [finished(x.element, [batch, channels, ...image], x.element === "float32" ? Float32Array.from(out) : out)];
  },
  cost: ({ inputs }) => ({ flops: elementCount(staticShape(inputs[0]) ?? [0]) }),
  lower: col2imLowering,
});
