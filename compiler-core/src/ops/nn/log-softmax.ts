import { defineOperator } from "../definition.ts";
import { costPerOutput } from "../support/elementwise.ts";
import { checkedAxis, sameAsInput } from "../support/infer.ts";
import { softmaxLowering } from "../support/lower-normalization.ts";
import { tensorAt } from "../support/numbers.ts";
import { flattensFromAxis, softmaxAlong } from "../support/softmax.ts";
import { floats, required, tensors } from "../support/types.ts";

export const logSoftmax = defineOperator({
  domain: "",
  op: "LogSoftmax",
  versions: [
    { since: 1 },
    { since: 11, ...flattensFromAxis },
    { since: 13, change: "works along one axis, the last by default, instead of flattening", allows: tensors("bfloat16") },
  ],
  summary: "Logarithm of the softmax along an axis.",
  family: "activation",
  inputs: [required("input", "T", "input")],
  outputs: [required("output", "T", "output")],
  attributes: {
    axis: { kind: "int", doc: "dimension it works along; negative counts from the last", fallback: -1 },
  },
  types: { T: floats },
  infer: sameAsInput,
  evaluate: (inputs, context) => {
    const x = tensorAt(inputs, 0);
    return [softmaxAlong(x, checkedAxis(context.attributes.int("axis"), x.dims.length), "log", context.task)];
  },
  cost: costPerOutput(6),
  lower: softmaxLowering(true),
});
