import { toNumbers } from "../../ir/tensor.ts";
import { elementCount } from "../../ir/value-type.ts";
import { defineOperator } from "../definition.ts";
import { costPerOutput } from "../support/elementwise.ts";
import { checkedAxis, sameAsInput } from "../support/infer.ts";
import { hardmaxLowering } from "../support/lower-search.ts";
import { finished, tensorAt, workArray } from "../support/numbers.ts";
import { flattensFromAxis } from "../support/softmax.ts";
import { floats, required, tensors } from "../support/types.ts";

export const hardmax = defineOperator({
  domain: "",
  op: "Hardmax",
  versions: [
    { since: 1 },
    { since: 11, ...flattensFromAxis },
    { since: 13, change: "works along one axis, the last by default, instead of flattening", allows: tensors("bfloat16") },
  ],
  summary: "Gives 1 to the first largest element along an axis and 0 to the others.",
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
    const axis = checkedAxis(context.attributes.int("axis"), x.dims.length);
    const numbers = toNumbers(x);
    const out = workArray(x.element, numbers.length);
    const size = x.dims[axis]!;
    const inner = elementCount(x.dims.slice(axis + 1));
    const outer = elementCount(x.dims.slice(0, axis));
    for (let o = 0; o < outer; o++)
      for (let i = 0; i < inner; i++) {
        const start = o * size * inner + i;
        let best = start;
        for (let k = 1; k < size; k++) if (numbers[start + k * inner]! > numbers[best]!) best = start + k * inner;
        if (size > 0) out[best] = 1;
      }
    return [finished(x.element, x.dims, out)];
  },
  cost: costPerOutput(1),
  lower: hardmaxLowering,
});
