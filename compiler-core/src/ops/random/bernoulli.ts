import { toNumbers } from "../../ir/tensor.ts";
import { elementOf, shapeOf, tensorType } from "../../ir/value-type.ts";
import { defineOperator } from "../definition.ts";
import { elementAsked } from "../support/element-codes.ts";
import { tensorAt } from "../support/numbers.ts";
import { filled, generatorOf, seedAttribute } from "../support/random-fill.ts";
import { bool, floats, numbers, required, tensors } from "../support/types.ts";

export const bernoulli = defineOperator({
  domain: "",
  op: "Bernoulli",
  versions: [{ since: 15 }, { since: 22, change: "more element types", allows: tensors("bfloat16") }],
  summary: "Draws 1 or 0 for every element, 1 with the probability that the element gives.",
  doc: "The same seed gives the same numbers here; runtimes draw others.",
  family: "random",
  inputs: [required("input", "T1", "probabilities in [0, 1]")],
  outputs: [required("output", "T2", "zeros and ones, shaped as the input")],
  attributes: { dtype: { kind: "int", doc: "number of the element type; the input's when absent" }, seed: seedAttribute },
  types: { T1: floats, T2: [...numbers, ...bool] },
  nondeterministic: true,
  infer: (context, _node, attributes) => [{ type: tensorType(elementAsked(attributes, elementOf(context.type(0))), shapeOf(context.type(0))) }],
  evaluate: (inputs, context) => {
    const input = tensorAt(inputs, 0);
    const probabilities = toNumbers(input);
    const random = generatorOf(context);
    let at = 0;
    return [filled(elementAsked(context.attributes, input.element), input.dims, () => (random.uniform() < probabilities[at++]! ? 1 : 0))];
  },
});
