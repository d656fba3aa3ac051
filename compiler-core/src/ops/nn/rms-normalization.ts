import { toNumbers } from "../../ir/tensor.ts";
import { elementCount, shapeOf } from "../../ir/value-type.ts";
import { defineOperator } from "../definition.ts";
import { costPerOutput, zipArrays } from "../support/elementwise.ts";
import { checkedAxis, elementOfInput, tensorOutput } from "../support/infer.ts";
import { layerNormalizationLowering } from "../support/lower-normalization.ts";
import { finished, tensorAt, workArray } from "../support/numbers.ts";
import { floats, required } from "../support/types.ts";

export const rmsNormalization = defineOperator({
  domain: "",
  op: "RMSNormalization",
  versions: [{ since: 23 }],
  summary: "Divides by the root mean square over the dimensions from an axis on, then scales.",
  doc: "Zhang and Sennrich 2019.",
  family: "normalization",
  inputs: [
    required("X", "T", "input"),
    required("scale", "V", "scale over the normalized dimensions"),
  ],
  outputs: [required("Y", "V", "output")],
  attributes: {
    axis: { kind: "int", doc: "first normalized dimension", fallback: -1 },
    epsilon: { kind: "float", doc: "added to the variance, so that the root is never of zero", fallback: 1e-05 },
    stash_type: { kind: "int", doc: "element type of the statistics as its ONNX number", fallback: 1 },
  },
  types: { T: floats, V: floats },
  infer: (context) => [tensorOutput(elementOfInput(context, 1), shapeOf(context.type(0)))],
  evaluate: (inputs, context) => {
    const x = tensorAt(inputs, 0);
    const axis = checkedAxis(context.attributes.int("axis"), x.dims.length);
    const epsilon = context.attributes.float("epsilon");
    const scale = tensorAt(inputs, 1);
    const numbers = toNumbers(x);
    const size = elementCount(x.dims.slice(axis));
    const normal = new Float64Array(numbers.length);
    for (let start = 0; start < numbers.length; start += size) {
      let squares = 0;
      for (let i = start; i < start + size; i++) squares += numbers[i]! ** 2;
      const inverse = 1 / Math.sqrt(squares / size + epsilon);
      for (let i = start; i < start + size; i++) normal[i] = numbers[i]! * inverse;
    }
    const out = workArray(scale.element, numbers.length);
    zipArrays<number, number>(x.dims, out, normal, x.dims, toNumbers(scale), scale.dims, (a, b) => a * b);
    return [finished(scale.element, x.dims, out)];
  },
  cost: costPerOutput(4),
  lower: layerNormalizationLowering(true),
});
