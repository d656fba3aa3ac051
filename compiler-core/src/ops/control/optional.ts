import { optionalType, unknownType } from "../../ir/value-type.ts";
import { GraphwrightError } from "../../support/diagnostic.ts";
import { defineOperator } from "../definition.ts";
import { typeOfValue } from "../support/sequences.ts";
import { everything, optional as optionalInput, optionalsOf, required } from "../support/types.ts";
import { withSequences } from "../support/value-types.ts";

export const optional = defineOperator({
  domain: "",
  op: "Optional",
  versions: [{ since: 15 }, { since: 28, change: "more element types" }],
  summary: "Wraps a value as an optional one, or makes an empty optional of a given type.",
  family: "control",
  inputs: [optionalInput("input", "V", "the value; an empty optional is made when it is omitted")],
  outputs: [required("output", "O", "the optional")],
  attributes: { type: { kind: "type", doc: "the type of the missing value; needed when there is no input" } },
  types: { V: withSequences(everything), O: optionalsOf(withSequences(everything)) },
  infer: (context, node, attributes) => {
    const declared = attributes.raw("type");
    if (node.inputs[0]) return [{ type: optionalType(context.type(0)) }];
    return [{ type: optionalType(declared?.kind === "type" ? declared.value : unknownType) }];
  },
  evaluate: (inputs, context) => {
    const value = inputs[0];
    if (value) return [{ kind: "optional", value, of: typeOfValue(value) }];
    const declared = context.attributes.raw("type");
    if (declared?.kind !== "type") throw new GraphwrightError("missing-attribute", `an empty optional needs the attribute "type".`);
    return [{ kind: "optional", value: null, of: declared.value }];
  },
});
