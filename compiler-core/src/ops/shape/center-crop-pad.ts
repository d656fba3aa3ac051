import { shapeOf } from "../../ir/value-type.ts";
import { defineOperator } from "../definition.ts";
import { checkedAxis, elementOfInput, knownInts, tensorOutput } from "../support/infer.ts";
import { centerCropPadLowering } from "../support/lower-shape.ts";
import { intsAt, tensorAt } from "../support/numbers.ts";
import { padTensor } from "../support/padding.ts";
import { indices, ordinary, required } from "../support/types.ts";

export const centerCropPad = defineOperator({
  domain: "",
  op: "CenterCropPad",
  versions: [{ since: 18 }],
  summary: "Crops or zero-pads dimensions around their centre to given sizes.",
  family: "shape",
  inputs: [
    required("input_data", "T", "input"),
    required("shape", "Tind", "sizes of the result"),
  ],
  outputs: [required("output_data", "T", "the cropped and padded tensor")],
  attributes: {
    axes: { kind: "ints", doc: "dimensions that change; all when absent" },
  },
  types: { T: ordinary, Tind: indices },
  infer: (context, _node, attributes) => {
    const shape = shapeOf(context.type(0));
    if (!shape) return [tensorOutput(elementOfInput(context, 0), null)];
    const axes = attributes.ints("axes")?.map((axis) => checkedAxis(axis, shape.length)) ?? shape.map((_, i) => i);
    const sizes = context.known(1) ?? knownInts(context, 1);
    return [tensorOutput(elementOfInput(context, 0), shape.map((d, i) => (axes.includes(i) ? (sizes?.[axes.indexOf(i)] ?? null) : d)))];
  },
  evaluate: (inputs, { attributes }) => {
    const x = tensorAt(inputs, 0);
    const axes = attributes.ints("axes")?.map((axis) => checkedAxis(axis, x.dims.length)) ?? x.dims.map((_, i) => i);
    const sizes = intsAt(inputs, 1);
    const begins = x.dims.map(() => 0);
    const ends = x.dims.map(() => 0);
    for (const [i, axis] of axes.entries()) {
      const grow = sizes[i]! - x.dims[axis]!;
      begins[axis] = Math.sign(grow) * Math.floor(Math.abs(grow) / 2);
      ends[axis] = grow - begins[axis]!;
    }
    return [padTensor(x, begins, ends, "constant", undefined)];
  },
  cost: () => ({ flops: 0 }),
  lower: centerCropPadLowering,
});
