import { elementOf, shapeOf, tensorType, unknownType } from "../../ir/value-type.ts";
import { defineOperator } from "../definition.ts";
import { checkedAxis } from "../support/infer.ts";
import { concatTensors, stackTensors } from "../support/join-tensors.ts";
import { tensorAt } from "../support/numbers.ts";
import { sequenceAt } from "../support/sequences.ts";
import { required } from "../support/types.ts";
import { firstSequences, firstTensors } from "../support/value-types.ts";
import { GraphwrightError } from "../../support/diagnostic.ts";

export const concatFromSequence = defineOperator({
  domain: "",
  op: "ConcatFromSequence",
  versions: [{ since: 11 }],
  summary: "Joins the tensors of a sequence along an axis, or stacks them along a new one.",
  family: "sequence",
  inputs: [required("input_sequence", "S", "tensors whose shapes agree but for the axis")],
  outputs: [required("concat_result", "T", "the joined tensor")],
  attributes: {
    axis: { kind: "int", doc: "the axis; negative counts from the end of the result", required: true },
    new_axis: { kind: "int", doc: "1 to stack along a new axis", fallback: 0 },
  },
  types: { S: firstSequences, T: firstTensors },
  infer: (context, _node, attributes) => {
    const type = context.type(0);
    const of = type.kind === "sequence" ? type.of : unknownType;
    const shape = shapeOf(of);
    if (shape === null) return [{ type: tensorType(elementOf(of), null) }];
    if (attributes.int("new_axis") === 0) {
      const axis = checkedAxis(attributes.int("axis"), shape.length);
      return [{ type: tensorType(elementOf(of), shape.map((d, i) => (i === axis ? null : d))) }];
    }
    const axis = checkedAxis(attributes.int("axis"), shape.length + 1);
    return [{ type: tensorType(elementOf(of), [...shape.slice(0, axis), null, ...shape.slice(axis)]) }];
  },
  evaluate: (inputs, { attributes }) => {
    const { items } = sequenceAt(inputs, 0);
    const parts = items.map((_, i) => tensorAt(items, i));
    if (parts.length === 0) throw new GraphwrightError("empty-sequence", "a sequence without elements has nothing to join.");
    const rank = parts[0]!.dims.length;
    const axis = attributes.int("axis");
    return [attributes.int("new_axis") === 0 ? concatTensors(parts, checkedAxis(axis, rank)) : stackTensors(parts, checkedAxis(axis, rank + 1))];
  },
});
