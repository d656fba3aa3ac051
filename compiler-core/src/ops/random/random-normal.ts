import { tensorType } from "../../ir/value-type.ts";
import { defineOperator } from "../definition.ts";
import { elementOfCode } from "../support/element-codes.ts";
import { filled, generatorOf, seedAttribute, shapeAsked } from "../support/random-fill.ts";
import { floats, required, tensors } from "../support/types.ts";

export const randomNormal = defineOperator({
  domain: "",
  op: "RandomNormal",
  versions: [{ since: 1 }, { since: 22, change: "more element types", allows: tensors("bfloat16") }],
  summary: "Makes a tensor of normally distributed numbers.",
  doc: "With a seed, the numbers are those of the Mersenne Twister, as in ONNX's reference evaluation; runtimes draw others.",
  family: "random",
  inputs: [],
  outputs: [required("output", "T", "random numbers")],
  attributes: {
    shape: { kind: "ints", doc: "shape of the tensor", required: true },
    dtype: { kind: "int", doc: "number of the element type", fallback: 1 },
    mean: { kind: "float", doc: "mean of the numbers", fallback: 0 },
    scale: { kind: "float", doc: "standard deviation of the numbers", fallback: 1 },
    seed: seedAttribute,
  },
  types: { T: floats },
  nondeterministic: true,
  infer: (_context, _node, attributes) => [{ type: tensorType(elementOfCode(attributes.int("dtype")), shapeAsked(attributes)) }],
  evaluate: (_inputs, context) => {
    const { attributes } = context;
    const mean = attributes.float("mean");
    const scale = attributes.float("scale");
    const random = generatorOf(context);
    return [filled(elementOfCode(attributes.int("dtype")), shapeAsked(attributes), () => mean + scale * random.normal())];
  },
});
