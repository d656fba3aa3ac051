import { shapeOf } from "../../ir/value-type.ts";
import { defineOperator } from "../definition.ts";
import { castTensor } from "../support/cast.ts";
import { costPerOutput } from "../support/elementwise.ts";
import { elementOfInput, tensorOutput } from "../support/infer.ts";
import { castLowering } from "../support/lower-elementwise.ts";
import { tensorAt } from "../support/numbers.ts";
import { castable, floats8, required, tensors } from "../support/types.ts";
import { lacksAttribute } from "../support/versions.ts";

export const castLike = defineOperator({
  domain: "",
  op: "CastLike",
  versions: [
    { since: 15, ...lacksAttribute("saturate", 1) },
    { since: 19, change: "attribute saturate added; more element types", allows: floats8 },
    { since: 21, change: "more element types", allows: tensors("int4", "uint4") },
    { since: 23, change: "more element types", allows: tensors("float4e2m1"), ...lacksAttribute("round_mode", "up") },
    { since: 24, change: "attribute round_mode added; more element types", allows: tensors("float8e8m0") },
    { since: 25, change: "more element types", allows: tensors("int2", "uint2") },
  ],
  summary: "Converts elements to the element type of a second tensor.",
  family: "elementwise",
  inputs: [
    required("input", "T1", "input"),
    required("target_type", "T2", "tensor whose element type is taken"),
  ],
  outputs: [required("output", "T2", "output")],
  attributes: {
    round_mode: { kind: "string", doc: "how the scale format rounds: up, down or nearest", fallback: "up" },
    saturate: { kind: "int", doc: "1 turns out-of-range values of 8-bit floats into the largest finite value", fallback: 1 },
  },
  types: { T1: [...castable, ...tensors("string")], T2: [...castable, ...tensors("string")] },
  infer: (context) => [tensorOutput(elementOfInput(context, 1), shapeOf(context.type(0)))],
  evaluate: (inputs, { attributes }) => [
    castTensor(tensorAt(inputs, 0), tensorAt(inputs, 1).element, { saturate: attributes.int("saturate") !== 0, round: attributes.string("round_mode", "up") }),
  ],
  cost: costPerOutput(1),
  lower: castLowering,
});
