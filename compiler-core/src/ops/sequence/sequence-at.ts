import { unknownType } from "../../ir/value-type.ts";
import { defineOperator } from "../definition.ts";
import { positionAt, sequenceAt as sequenceInput } from "../support/sequences.ts";
import { indices, required } from "../support/types.ts";
import { firstSequences, firstTensors } from "../support/value-types.ts";

export const sequenceAt = defineOperator({
  domain: "",
  op: "SequenceAt",
  versions: [{ since: 11 }],
  summary: "Gives the element at a position of a sequence.",
  family: "sequence",
  inputs: [required("input_sequence", "S", "the sequence"), required("position", "I", "scalar; negative counts from the end")],
  outputs: [required("tensor", "T", "the element")],
  types: { S: firstSequences, T: firstTensors, I: indices },
  infer: (context) => {
    const type = context.type(0);
    return [{ type: type.kind === "sequence" ? type.of : unknownType }];
  },
  evaluate: (inputs) => {
    const { items } = sequenceInput(inputs, 0);
    return [items[positionAt(inputs, 1, items.length, 0)]!];
  },
});
