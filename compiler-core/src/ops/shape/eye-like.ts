import { fromNumbers } from "../../ir/tensor.ts";
import { shapeOf } from "../../ir/value-type.ts";
import { GraphwrightError } from "../../support/diagnostic.ts";
import { defineOperator } from "../definition.ts";
import { elementAsked } from "../support/element-codes.ts";
import { elementOfInput, tensorOutput } from "../support/infer.ts";
import { eyeLikeLowering } from "../support/lower-indexing.ts";
import { tensorAt } from "../support/numbers.ts";
import { numbers, required, tensors } from "../support/types.ts";

export const eyeLike = defineOperator({
  domain: "",
  op: "EyeLike",
  versions: [
    { since: 9 },
    { since: 22, change: "more element types", allows: tensors("bfloat16") },
  ],
  summary: "Gives a matrix shaped like its input, with ones on a diagonal.",
  family: "shape",
  inputs: [required("input", "T1", "input")],
  outputs: [required("output", "T2", "output")],
  attributes: {
    dtype: { kind: "int", doc: "element type of the result as its ONNX number; that of the input when absent" },
    k: { kind: "int", doc: "diagonal: 0 main, positive above, negative below", fallback: 0 },
  },
  types: { T1: [...numbers, ...tensors("bool")], T2: [...numbers, ...tensors("bool")] },
  infer: (context, _node, attributes) => [tensorOutput(elementAsked(attributes, elementOfInput(context, 0)), shapeOf(context.type(0)))],
  evaluate: (inputs, { attributes }) => {
    const x = tensorAt(inputs, 0);
    if (x.dims.length !== 2) throw new GraphwrightError("eye-like", "the input must be a matrix.");
    const k = attributes.int("k");
    const [rows, columns] = x.dims as [number, number];
    const ones = new Float64Array(rows * columns);
    for (let i = 0; i < rows; i++) if (i + k >= 0 && i + k < columns) ones[i * columns + i + k] = 1;
    return [fromNumbers(elementAsked(attributes, x.element), x.dims, ones)];
  },
  cost: () => ({ flops: 0 }),
  lower: eyeLikeLowering,
});
