import { isBigArray, makeTensor } from "../../ir/tensor.ts";
import { defineOperator } from "../definition.ts";
import { costPerOutput, mapNumbers } from "../support/elementwise.ts";
import { sameAsInput } from "../support/infer.ts";
import { binarizerLowering } from "../support/lower-features.ts";
import { tensorAt } from "../support/numbers.ts";
import { required, tensors } from "../support/types.ts";

export const binarizer = defineOperator({
  domain: "ai.onnx.ml",
  op: "Binarizer",
  versions: [{ since: 1 }],
  summary: "1 where an element exceeds a threshold, else 0.",
  family: "ml",
  inputs: [required("X", "T", "input")],
  outputs: [required("Y", "T", "zeros and ones, shaped as X")],
  attributes: { threshold: { kind: "float", doc: "what an element must exceed", fallback: 0 } },
  types: { T: tensors("float32", "float64", "int64", "int32") },
  infer: sameAsInput,
  evaluate: (inputs, { attributes }) => {
    const x = tensorAt(inputs, 0);
    const threshold = attributes.float("threshold");
    if (isBigArray(x.data)) return [makeTensor(x.element, x.dims, BigInt64Array.from(x.data, (v) => (Number(v) > threshold ? 1n : 0n)))];
    return [mapNumbers(x, (v) => (v > threshold ? 1 : 0))];
  },
  cost: costPerOutput(1),
  lower: binarizerLowering,
});
