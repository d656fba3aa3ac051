import { GraphwrightError } from "../../support/diagnostic.ts";
import { defineOperator } from "../definition.ts";
import { sameAsInput } from "../support/infer.ts";
import { reverseSequenceLowering } from "../support/lower-indexing.ts";
import { intsAt, tensorAt } from "../support/numbers.ts";
import { copyStrided, gatherStrided, stridesOf } from "../support/strides.ts";
import { ordinary, required, tensors } from "../support/types.ts";

export const reverseSequence = defineOperator({
  domain: "",
  op: "ReverseSequence",
  versions: [
    { since: 10 },
    { since: 28, change: "more element types", allows: tensors("bfloat16") },
  ],
  summary: "Reverses the first elements of each sequence in a batch.",
  family: "shape",
  inputs: [
    required("input", "T", "input"),
    required("sequence_lens", "tensor(int64)", "how many elements of each sequence are reversed"),
  ],
  outputs: [required("Y", "T", "output")],
  attributes: {
    batch_axis: { kind: "int", doc: "dimension of the batch", fallback: 1 },
    time_axis: { kind: "int", doc: "dimension that is reversed", fallback: 0 },
  },
  types: { T: ordinary },
  infer: sameAsInput,
  evaluate: (inputs, { attributes }) => {
    const x = tensorAt(inputs, 0);
    const lengths = intsAt(inputs, 1);
    const time = attributes.int("time_axis");
    const batch = attributes.int("batch_axis");
    const out = gatherStrided(x, x.dims, 0, stridesOf(x.dims));
    const strides = stridesOf(x.dims);
    const dims = x.dims.map((d, i) => (i === batch ? 1 : d));
    for (const [b, length] of lengths.entries()) {
      if (length < 0 || length > x.dims[time]!) throw new GraphwrightError("sequence-length", `the length ${length} lies outside 0 to ${x.dims[time]}.`);
      const part = dims.map((d, i) => (i === time ? length : d));
      const base = b * strides[batch]!;
      copyStrided(x.element, part, { data: out.data, offset: base, strides }, { data: x.data, offset: base + (length - 1) * strides[time]!, strides: strides.map((s, i) => (i === time ? -s : s)) });
    }
    return [out];
  },
  cost: () => ({ flops: 0 }),
  lower: reverseSequenceLowering,
});
