import { defineOperator } from "../definition.ts";
import { cumulate } from "../support/cumulate.ts";
import { costPerOutput } from "../support/elementwise.ts";
import { checkedAxis, sameAsInput } from "../support/infer.ts";
import { cumulateLowering } from "../support/lower-search.ts";
import { numberAt, tensorAt } from "../support/numbers.ts";
import { indices, required, wideNumbers } from "../support/types.ts";

export const cumProd = defineOperator({
  domain: "",
  op: "CumProd",
  versions: [{ since: 26 }],
  summary: "Running product along an axis.",
  family: "reduction",
  inputs: [
    required("x", "T", "input"),
    required("axis", "T2", "dimension it runs along, a scalar; negative counts from the last"),
  ],
  outputs: [required("y", "T", "running result")],
  attributes: {
    exclusive: { kind: "int", doc: "1 leaves the element itself out", fallback: 0 },
    reverse: { kind: "int", doc: "1 runs from the end", fallback: 0 },
  },
  types: { T: wideNumbers, T2: indices },
  infer: sameAsInput,
  evaluate: (inputs, { attributes }) => {
    const x = tensorAt(inputs, 0);
    const axis = checkedAxis(numberAt(inputs, 1), x.dims.length);
    const options = { exclusive: attributes.int("exclusive") !== 0, reverse: attributes.int("reverse") !== 0 };
    return [cumulate(x, axis, options, { start: 1, step: (product, x) => product * x }, { start: 1n, step: (product, x) => product * x })];
  },
  cost: costPerOutput(1),
  lower: cumulateLowering("mul"),
});
