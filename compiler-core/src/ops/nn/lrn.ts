import { toNumbers } from "../../ir/tensor.ts";
import { elementCount, staticShape } from "../../ir/value-type.ts";
import { defineOperator } from "../definition.ts";
import { sameAsInput } from "../support/infer.ts";
import { lrnLowering } from "../support/lower-normalization.ts";
import { finished, tensorAt, workArray } from "../support/numbers.ts";
import { floats, required, tensors } from "../support/types.ts";

export const lrn = defineOperator({
  domain: "",
  op: "LRN",
  versions: [
    { since: 1 },
    { since: 13, change: "more element types", allows: tensors("bfloat16") },
  ],
  summary: "Divides each element by a power of the sum of squares over nearby channels (local response normalization).",
  doc: "Y = X / (bias + alpha / size * sum of squares)^beta over the channels c - floor((size - 1) / 2) to c + ceil((size - 1) / 2). Krizhevsky et al. 2012.",
  family: "normalization",
  inputs: [required("X", "T", "input")],
  outputs: [required("Y", "T", "output")],
  attributes: {
    alpha: { kind: "float", doc: "factor of the mean square", fallback: 0.0001 },
    beta: { kind: "float", doc: "exponent", fallback: 0.75 },
    bias: { kind: "float", doc: "added to the scaled mean square", fallback: 1 },
    size: { kind: "int", doc: "number of channels summed over", required: true },
  },
  types: { T: floats },
  infer: sameAsInput,
  evaluate: (inputs, context) => {
    const x = tensorAt(inputs, 0);
    const numbers = toNumbers(x);
    const { attributes } = context;
    const size = attributes.int("size");
    const alpha = attributes.float("alpha") / size;
    const beta = attributes.float("beta");
    const bias = attributes.float("bias");
    const [batch = 1, channels = 1] = x.dims;
    const plane = elementCount(x.dims.slice(2));
    const out = workArray(x.element, numbers.length);
    const before = Math.floor((size - 1) / 2);
    const after = Math.ceil((size - 1) / 2);
    for (let n = 0; n < batch; n++)
      for (let c = 0; c < channels; c++) {
        context.task.check();
        const first = Math.max(0, c - before);
        const last = Math.min(channels - 1, c + after);
        for (let i = 0; i < plane; i++) {
          let squares = 0;
          for (let at = first; at <= last; at++) squares += numbers[(n * channels + at) * plane + i]! ** 2;
          const at = (n * channels + c) * plane + i;
          out[at] = numbers[at]! / (bias + alpha * squares) ** beta;
        }
      }
    return [finished(x.element, x.dims, out)];
  },
  cost: ({ attributes, outputs }) => ({ flops: elementCount(staticShape(outputs[0]) ?? [0]) * (2 * attributes.int("size") + 3) }),
  lower: lrnLowering,
});
