import { defineOperator } from "../definition.ts";
import { costPerOutput, mapNumbers } from "../support/elementwise.ts";
import { shapedLike } from "../support/infer.ts";
import { isInfLowering } from "../support/lower-elementwise.ts";
import { tensorAt } from "../support/numbers.ts";
import { bool, floats8, required, tensors } from "../support/types.ts";

export const isInf = defineOperator({
  domain: "",
  op: "IsInf",
  versions: [
    { since: 10 },
    { since: 20, change: "more element types", allows: [...floats8, ...tensors("float16", "bfloat16")] },
  ],
  summary: "True where an element is infinite.",
  family: "elementwise",
  inputs: [required("X", "T1", "input")],
  outputs: [required("Y", "T2", "output")],
  attributes: {
    detect_negative: { kind: "int", doc: "1 counts negative infinity", fallback: 1 },
    detect_positive: { kind: "int", doc: "1 counts positive infinity", fallback: 1 },
  },
  types: { T1: tensors("float16", "float32", "float64", "bfloat16", "float8e4m3fn", "float8e4m3fnuz", "float8e5m2", "float8e5m2fnuz"), T2: bool },
  infer: shapedLike(0, "bool"),
  evaluate: (inputs, { attributes }) => {
    const positive = attributes.int("detect_positive") !== 0;
    const negative = attributes.int("detect_negative") !== 0;
    return [mapNumbers(tensorAt(inputs, 0), (x) => ((x === Infinity && positive) || (x === -Infinity && negative) ? 1 : 0), "bool")];
  },
  cost: costPerOutput(1),
  lower: isInfLowering,
});
