import { sequenceType, tensorType } from "../../ir/value-type.ts";
import { defineOperator } from "../definition.ts";
import { elementOfCode } from "../support/element-codes.ts";
import { sequence } from "../support/sequences.ts";
import { required } from "../support/types.ts";
import { firstSequences } from "../support/value-types.ts";

export const sequenceEmpty = defineOperator({
  domain: "",
  op: "SequenceEmpty",
  versions: [{ since: 11 }],
  summary: "Makes a sequence without elements.",
  family: "sequence",
  inputs: [],
  outputs: [required("output", "S", "the empty sequence")],
  attributes: { dtype: { kind: "int", doc: "number of the element type of the tensors it may take; 1 (float32) when absent", fallback: 1 } },
  types: { S: firstSequences },
  infer: (_context, _node, attributes) => [{ type: sequenceType(tensorType(elementOfCode(attributes.int("dtype")), null)) }],
  evaluate: (_inputs, { attributes }) => [sequence([], tensorType(elementOfCode(attributes.int("dtype")), null))],
});
