import { defineOperator } from "../definition.ts";
import { lpPoolLowering } from "../support/lower-pool.ts";
import { wholeOrder } from "../support/lp-norm.ts";
import { tensorAt } from "../support/numbers.ts";
import { inferPool, poolCost, slidePool } from "../support/pool.ts";
import { floats, required, tensors } from "../support/types.ts";
import { lacksAttribute, steps } from "../support/versions.ts";

export const lpPool = defineOperator({
  domain: "",
  op: "LpPool",
  versions: [
    { since: 1, ...wholeOrder },
    { since: 2, change: "p is an integer" },
    { since: 11, ...steps(lacksAttribute("ceil_mode", 0), lacksAttribute("dilations", undefined)) },
    { since: 18, change: "attribute ceil_mode added; attribute dilations added" },
    { since: 22, change: "more element types", allows: tensors("bfloat16") },
  ],
  summary: "Takes the p-norm of each window.",
  family: "pooling",
  inputs: [required("X", "T", "input")],
  outputs: [required("Y", "T", "output")],
  attributes: {
    auto_pad: { kind: "string", doc: "NOTSET uses pads; SAME_UPPER and SAME_LOWER pad to input size / stride; VALID pads nothing", fallback: "NOTSET" },
    ceil_mode: { kind: "int", doc: "1 rounds output sizes up", fallback: 0 },
    dilations: { kind: "ints", doc: "distance between kernel elements, by spatial dimension; 1 when absent" },
    kernel_shape: { kind: "ints", doc: "window size by spatial dimension", required: true },
    p: { kind: "int", doc: "order of the norm", fallback: 2 },
    pads: { kind: "ints", doc: "padding: beginnings of all spatial dimensions, then ends" },
    strides: { kind: "ints", doc: "step of the window by spatial dimension; 1 when absent" },
  },
  types: { T: floats },
  infer: (context, _node, attributes) => inferPool(context, attributes),
  evaluate: (inputs, context) => {
    const p = context.attributes.int("p");
    return [
      slidePool(tensorAt(inputs, 0), context.attributes, context.task, (numbers, base, offsets, count) => {
        let sum = 0;
        for (let i = 0; i < count; i++) sum += Math.abs(numbers[base + offsets[i]!]!) ** p;
        return sum ** (1 / p);
      }),
    ];
  },
  cost: poolCost,
  lower: lpPoolLowering,
});
