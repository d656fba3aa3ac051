import { isFloat } from "../../ir/element-type.ts";
import { elementOf, shapeOf, tensorType } from "../../ir/value-type.ts";
import { GraphwrightError } from "../../support/diagnostic.ts";
import { defineOperator } from "../definition.ts";
import { elementAsked } from "../support/element-codes.ts";
import { tensorAt } from "../support/numbers.ts";
import { filled, generatorOf, seedAttribute } from "../support/random-fill.ts";
import { floats, ordinary, required, tensors } from "../support/types.ts";

export const randomUniformLike = defineOperator({
  domain: "",
  op: "RandomUniformLike",
  versions: [{ since: 1 }, { since: 22, change: "more element types", allows: tensors("bfloat16") }],
  summary: "Makes a tensor of numbers spread evenly over [low, high), shaped as another.",
  doc: "With a seed, the numbers are those of the Mersenne Twister, as in ONNX's reference evaluation; runtimes draw others.",
  family: "random",
  inputs: [required("input", "T1", "gives the shape, and the element type unless dtype does")],
  outputs: [required("output", "T2", "random numbers")],
  attributes: {
    dtype: { kind: "int", doc: "number of the element type; the input's when absent" },
    low: { kind: "float", doc: "smallest number", fallback: 0 },
    high: { kind: "float", doc: "bound that no number reaches", fallback: 1 },
    seed: seedAttribute,
  },
  types: { T1: ordinary, T2: floats },
  nondeterministic: true,
  infer: (context, _node, attributes) => [{ type: tensorType(elementAsked(attributes, elementOf(context.type(0))), shapeOf(context.type(0))) }],
  evaluate: (inputs, context) => {
    const input = tensorAt(inputs, 0);
    const element = elementAsked(context.attributes, input.element);
    if (!isFloat(element)) throw new GraphwrightError("element-type", `random numbers are floats, not ${element}: the attribute "dtype" must say which.`);
    const low = context.attributes.float("low");
    const high = context.attributes.float("high");
    const random = generatorOf(context);
    return [filled(element, input.dims, () => low + (high - low) * random.uniform())];
  },
});
