import { defineOperator } from "../definition.ts";
import { averagePoolLowering } from "../support/lower-pool.ts";
import { tensorAt } from "../support/numbers.ts";
import { inferPool, poolCost, slidePool } from "../support/pool.ts";
import { floats, required, tensors } from "../support/types.ts";
import { lacksAttribute } from "../support/versions.ts";

export const averagePool = defineOperator({
  domain: "",
  op: "AveragePool",
  versions: [
    { since: 1, ...lacksAttribute("count_include_pad", 0) },
    { since: 7, change: "attribute count_include_pad added", ...lacksAttribute("ceil_mode", 0) },
    { since: 10, change: "attribute ceil_mode added" },
    { since: 11, ...lacksAttribute("dilations", undefined) },
    { since: 19, change: "attribute dilations added" },
    { since: 22, change: "more element types", allows: tensors("bfloat16") },
  ],
  summary: "Takes the mean of each window.",
  family: "pooling",
  inputs: [required("X", "T", "input")],
  outputs: [required("Y", "T", "output")],
  attributes: {
    auto_pad: { kind: "string", doc: "NOTSET uses pads; SAME_UPPER and SAME_LOWER pad to input size / stride; VALID pads nothing", fallback: "NOTSET" },
    ceil_mode: { kind: "int", doc: "1 rounds output sizes up", fallback: 0 },
    count_include_pad: { kind: "int", doc: "1 counts padding in the mean", fallback: 0 },
    dilations: { kind: "ints", doc: "distance between kernel elements, by spatial dimension; 1 when absent" },
    kernel_shape: { kind: "ints", doc: "window size by spatial dimension", required: true },
    pads: { kind: "ints", doc: "padding: beginnings of all spatial dimensions, then ends" },
    strides: { kind: "ints", doc: "step of the window by spatial dimension; 1 when absent" },
  },
  types: { T: floats },
  infer: (context, _node, attributes) => inferPool(context, attributes),
  evaluate: (inputs, context) => {
    const withPadding = context.attributes.int("count_include_pad") !== 0;
    return [
      slidePool(tensorAt(inputs, 0), context.attributes, context.task, (numbers, base, offsets, count, padded) => {
        let sum = 0;
        for (let i = 0; i < count; i++) sum += numbers[base + offsets[i]!]!;
        return sum / (withPadding ? padded : count);
      }),
    ];
  },
  cost: poolCost,
  lower: averagePoolLowering,
});
