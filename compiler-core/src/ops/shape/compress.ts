import { toNumbers } from "../../ir/tensor.ts";
import { elementCount, shapeOf } from "../../ir/value-type.ts";
import { GraphwrightError } from "../../support/diagnostic.ts";
import { defineOperator } from "../definition.ts";
import { checkedAxis, elementOfInput, productOf, tensorOutput } from "../support/infer.ts";
import { compressLowering } from "../support/lower-indexing.ts";
import { tensorAt } from "../support/numbers.ts";
import { reshaped, takeAlong } from "../support/strides.ts";
import { bool, ordinary, required, tensors } from "../support/types.ts";

export const compress = defineOperator({
  domain: "",
  op: "Compress",
  versions: [
    { since: 9 },
    { since: 11 },
    { since: 28, change: "more element types", allows: tensors("bfloat16") },
  ],
  summary: "Keeps the slices along an axis, or the elements, whose condition is true.",
  family: "shape",
  inputs: [
    required("input", "T", "input"),
    required("condition", "T1", "a bool for each entry; missing ones are false"),
  ],
  outputs: [required("output", "T", "output")],
  attributes: {
    axis: { kind: "int", doc: "dimension; the flattened input when absent" },
  },
  types: { T: ordinary, T1: bool },
  infer: (context, _node, attributes) => {
    const shape = shapeOf(context.type(0));
    const axis = attributes.optionalInt("axis");
    const flags = context.constant(1);
    const size = shape && axis !== undefined ? shape[checkedAxis(axis, shape.length)]! : shape ? productOf(shape) : null;
    const count = flags && typeof size === "number" ? Array.from(toNumbers(flags.tensor())).slice(0, size).filter((f) => f !== 0).length : null;
    if (axis === undefined) return [tensorOutput(elementOfInput(context, 0), [count])];
    return [tensorOutput(elementOfInput(context, 0), shape ? shape.map((d, i) => (i === checkedAxis(axis, shape.length) ? count : d)) : null)];
  },
  evaluate: (inputs, { attributes }) => {
    const x = tensorAt(inputs, 0);
    const axis = attributes.optionalInt("axis");
    const flags = toNumbers(tensorAt(inputs, 1));
    const source = axis === undefined ? reshaped(x, [elementCount(x.dims)]) : x;
    const along = axis === undefined ? 0 : checkedAxis(axis, x.dims.length);
    if (flags.length > source.dims[along]!) throw new GraphwrightError("compress", `${flags.length} conditions are more than the ${source.dims[along]} entries.`);
    return [takeAlong(source, along, Array.from(flags.keys()).filter((i) => flags[i] !== 0))];
  },
  cost: () => ({ flops: 0 }),
  lower: compressLowering,
});
