import { makeTensor } from "../../ir/tensor.ts";
import { tensorType } from "../../ir/value-type.ts";
import { defineOperator } from "../definition.ts";
import { sequenceAt } from "../support/sequences.ts";
import { int64, required } from "../support/types.ts";
import { firstSequences } from "../support/value-types.ts";

export const sequenceLength = defineOperator({
  domain: "",
  op: "SequenceLength",
  versions: [{ since: 11 }],
  summary: "Counts the elements of a sequence.",
  family: "sequence",
  inputs: [required("input_sequence", "S", "the sequence")],
  outputs: [required("length", "I", "scalar")],
  types: { S: firstSequences, I: int64 },
  infer: () => [{ type: tensorType("int64", []) }],
  evaluate: (inputs) => [makeTensor("int64", [], BigInt64Array.of(BigInt(sequenceAt(inputs, 0).items.length)))],
});
