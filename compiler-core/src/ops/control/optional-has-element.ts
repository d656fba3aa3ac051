import { scalar } from "../../ir/tensor.ts";
import { tensorType } from "../../ir/value-type.ts";
import { step } from "../../tensor/build.ts";
import { truth } from "../../tensor/expression.ts";
import { defineOperator, isTensor } from "../definition.ts";
import { bool, everything, optional, optionalsOf, required } from "../support/types.ts";
import { outputOf } from "../support/lower-common.ts";
import { withSequences } from "../support/value-types.ts";

export const optionalHasElement = defineOperator({
  domain: "",
  op: "OptionalHasElement",
  versions: [
    { since: 15 },
    { since: 18, change: "takes tensors and sequences, and an omitted input" },
    { since: 28, change: "more element types" },
  ],
  summary: "Tells whether an optional holds a value.",
  doc: "A tensor or a sequence counts as a value; an omitted input as none.",
  family: "control",
  inputs: [optional("input", "O", "the optional")],
  outputs: [required("output", "B", "true when there is a value")],
  types: { O: [...withSequences(everything), ...optionalsOf(withSequences(everything))], B: bool },
  infer: () => [{ type: tensorType("bool", []) }],
  evaluate: ([value]) => [scalar("bool", !value || (!isTensor(value) && value.kind === "optional" && value.value === null) ? 0 : 1)],
  // Of a tensor, or of nothing.
  lower: { build: (context) => [step("has_element", outputOf(context), [], truth(Boolean(context.inputs[0])))] },
});
