import { tensorType } from "../../ir/value-type.ts";
import { defineOperator } from "../definition.ts";
import { elementOfCode } from "../support/element-codes.ts";
import { filled, generatorOf, seedAttribute, shapeAsked } from "../support/random-fill.ts";
import { floats, required, tensors } from "../support/types.ts";

export const randomUniform = defineOperator({
  domain: "",
  op: "RandomUniform",
  versions: [{ since: 1 }, { since: 22, change: "more element types", allows: tensors("bfloat16") }],
  summary: "Makes a tensor of numbers spread evenly over [low, high).",
  doc: "With a seed, the numbers are those of the Mersenne Twister, as in ONNX's reference evaluation; runtimes draw others.",
  family: "random",
  inputs: [],
  outputs: [required("output", "T", "random numbers")],
  attributes: {
    shape: { kind: "ints", doc: "shape of the tensor", required: true },
    dtype: { kind: "int", doc: "number of the element type", fallback: 1 },
    low: { kind: "float", doc: "smallest number", fallback: 0 },
    high: { kind: "float", doc: "bound that no number reaches", fallback: 1 },
    seed: seedAttribute,
  },
  types: { T: floats },
  nondeterministic: true,
  infer: (_context, _node, attributes) => [{ type: tensorType(elementOfCode(attributes.int("dtype")), shapeAsked(attributes)) }],
  evaluate: (_inputs, context) => {
    const { attributes } = context;
    const low = attributes.float("low");
    const high = attributes.float("high");
    const random = generatorOf(context);
    return [filled(elementOfCode(attributes.int("dtype")), shapeAsked(attributes), () => low + (high - low) * random.uniform())];
  },
});
