import { defineOperator } from "../definition.ts";
import { sameAsInput } from "../support/infer.ts";
import { positionAt, sequence, sequenceAt } from "../support/sequences.ts";
import { indices, optional, required } from "../support/types.ts";
import { firstSequences } from "../support/value-types.ts";

export const sequenceErase = defineOperator({
  domain: "",
  op: "SequenceErase",
  versions: [{ since: 11 }],
  summary: "Gives a sequence without the element at a position, by default the last.",
  family: "sequence",
  inputs: [required("input_sequence", "S", "the sequence"), optional("position", "I", "scalar; negative counts from the end")],
  outputs: [required("output_sequence", "S", "the shorter sequence")],
  types: { S: firstSequences, I: indices },
  infer: sameAsInput,
  evaluate: (inputs) => {
    const { items, of } = sequenceAt(inputs, 0);
    const at = positionAt(inputs, 1, items.length, -1);
    return [sequence([...items.slice(0, at), ...items.slice(at + 1)], of)];
  },
});
