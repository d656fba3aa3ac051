import { toNumbers } from "../../ir/tensor.ts";
import { shapeOf, tensorType } from "../../ir/value-type.ts";
import { GraphwrightError } from "../../support/diagnostic.ts";
import { defineOperator } from "../definition.ts";
import { elementOfCode } from "../support/element-codes.ts";
import { tensorAt } from "../support/numbers.ts";
import { filled, generatorOf, seedAttribute } from "../support/random-fill.ts";
import { floats, indices, required, tensors } from "../support/types.ts";

export const multinomial = defineOperator({
  domain: "",
  op: "Multinomial",
  versions: [{ since: 7 }, { since: 22, change: "more element types", allows: tensors("bfloat16") }],
  summary: "Draws class numbers by unnormalised logarithms of their probabilities.",
  doc: "Each row is a distribution: class c comes with the probability exp(row[c]) / sum of exp(row). The same seed gives the same numbers here; runtimes draw others.",
  family: "random",
  inputs: [required("input", "T1", "logarithms of weights [batch, classes]")],
  outputs: [required("output", "T2", "class numbers [batch, sample_size]")],
  attributes: {
    dtype: { kind: "int", doc: "number of the element type: int32 or int64", fallback: 6 },
    sample_size: { kind: "int", doc: "how many are drawn for each row", fallback: 1 },
    seed: seedAttribute,
  },
  types: { T1: floats, T2: indices },
  nondeterministic: true,
  infer: (context, _node, attributes) => [{ type: tensorType(elementOfCode(attributes.int("dtype")), [shapeOf(context.type(0))?.[0] ?? null, attributes.int("sample_size")]) }],
  evaluate: (inputs, context) => {
    const input = tensorAt(inputs, 0);
    const [batch, classes] = input.dims;
    if (input.dims.length !== 2 || classes === 0) throw new GraphwrightError("shape-contradiction", `the input must be [batch, classes], but is [${input.dims.join(", ")}].`);
    const logarithms = toNumbers(input);
    const random = generatorOf(context);
    const samples = context.attributes.int("sample_size");
    const cumulative = new Float64Array(classes!);
    let drawn = 0;
    return [
      filled(elementOfCode(context.attributes.int("dtype")), [batch!, samples], () => {
        if (drawn % samples === 0) {
          const row = logarithms.slice((drawn / samples) * classes!, (drawn / samples + 1) * classes!);
          let top = -Infinity;
          for (let c = 0; c < classes!; c++) top = Math.max(top, row[c]!);
          let sum = 0;
          for (let c = 0; c < classes!; c++) cumulative[c] = sum += Math.exp(row[c]! - top);
        }
        drawn++;
        const mark = random.uniform() * cumulative[classes! - 1]!;
        return Math.min(classes! - 1, cumulative.findIndex((sum) => mark < sum));
      }),
    ];
  },
});
