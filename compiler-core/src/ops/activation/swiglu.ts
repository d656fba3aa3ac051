import { defineOperator } from "../definition.ts";
import { costPerOutput, zipTensors } from "../support/elementwise.ts";
import { sameAsInput } from "../support/infer.ts";
import { tensorAt } from "../support/numbers.ts";
import { logistic } from "../support/special-functions.ts";
import { floats, required } from "../support/types.ts";

export const swiglu = defineOperator({
  domain: "",
  op: "SwiGLU",
  versions: [{ since: 28 }],
  summary: "Gated activation of two inputs: swish(A) * B.",
  doc: "swish(a) = a * sigmoid(alpha * a). Source: Shazeer 2020.",
  family: "activation",
  inputs: [required("A", "T", "the gate"), required("B", "T", "what is gated, shaped as A")],
  outputs: [required("Y", "T", "result, shaped as A")],
  attributes: { alpha: { kind: "float", doc: "factor inside the sigmoid", fallback: 1 } },
  types: { T: floats },
  infer: sameAsInput,
  evaluate: (inputs, { attributes }) => {
    const alpha = attributes.float("alpha");
    return [zipTensors(tensorAt(inputs, 0), tensorAt(inputs, 1), (a, b) => a * logistic(alpha * a) * b)];
  },
  cost: costPerOutput(6),
});
