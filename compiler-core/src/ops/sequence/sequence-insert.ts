import { sequenceType, unknownType } from "../../ir/value-type.ts";
import { GraphwrightError } from "../../support/diagnostic.ts";
import { defineOperator, isTensor } from "../definition.ts";
import { sequence, sequenceAt } from "../support/sequences.ts";
import { tensorAt } from "../support/numbers.ts";
import { indices, optional, required } from "../support/types.ts";
import { firstSequences, firstTensors, joinTypes } from "../support/value-types.ts";

export const sequenceInsert = defineOperator({
  domain: "",
  op: "SequenceInsert",
  versions: [{ since: 11 }],
  summary: "Gives a sequence with a tensor inserted before a position, by default at the end.",
  doc: "Positions run from -n to n for a sequence of n elements; negative ones count from the end.",
  family: "sequence",
  inputs: [
    required("input_sequence", "S", "the sequence"),
    required("tensor", "T", "the tensor to insert"),
    optional("position", "I", "scalar: the place that the tensor takes"),
  ],
  outputs: [required("output_sequence", "S", "the longer sequence")],
  types: { S: firstSequences, T: firstTensors, I: indices },
  infer: (context) => {
    const type = context.type(0);
    return [{ type: sequenceType(joinTypes(type.kind === "sequence" ? type.of : unknownType, context.type(1))) }];
  },
  evaluate: (inputs) => {
    const { items, of } = sequenceAt(inputs, 0);
    const tensor = tensorAt(inputs, 1);
    const first = items[0];
    if (isTensor(first) && first.element !== tensor.element)
      throw new GraphwrightError("element-type", `a tensor of ${tensor.element} cannot go into a sequence of ${first.element} tensors.`);
    const given = inputs[2] ? Number(tensorAt(inputs, 2).data[0]) : items.length;
    // A negative position counts the elements that are there, not the places to insert at.
    const place = given < 0 ? given + items.length : given;
    if (place < 0 || place > items.length) throw new GraphwrightError("index-range", `the position ${given} lies outside a sequence of ${items.length} elements.`);
    return [sequence([...items.slice(0, place), tensor, ...items.slice(place)], of)];
  },
});
