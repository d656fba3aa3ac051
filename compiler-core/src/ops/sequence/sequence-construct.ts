import { sequenceType } from "../../ir/value-type.ts";
import { GraphwrightError } from "../../support/diagnostic.ts";
import { defineOperator } from "../definition.ts";
import { tensorAt } from "../support/numbers.ts";
import { sequence } from "../support/sequences.ts";
import { required, variadic } from "../support/types.ts";
import { firstSequences, firstTensors, joinTypes } from "../support/value-types.ts";

export const sequenceConstruct = defineOperator({
  domain: "",
  op: "SequenceConstruct",
  versions: [{ since: 11 }],
  summary: "Makes a sequence of its inputs, in order.",
  family: "sequence",
  inputs: [variadic("inputs", "T", "tensors of one element type")],
  outputs: [required("output_sequence", "S", "the sequence")],
  types: { T: firstTensors, S: firstSequences },
  infer: (context, node) => [{ type: sequenceType(node.inputs.map((_, i) => context.type(i)).reduce(joinTypes)) }],
  evaluate: (inputs) => {
    const items = inputs.map((_, i) => tensorAt(inputs, i));
    const other = items.find((item) => item.element !== items[0]!.element);
    if (other) throw new GraphwrightError("element-type", `a sequence holds one element type, but ${items[0]!.element} and ${other.element} are given.`);
    return [sequence(items)];
  },
});
