import { GraphwrightError } from "../../support/diagnostic.ts";
import { defineOperator, isTensor } from "../definition.ts";
import { everything, optionalsOf, required } from "../support/types.ts";
import { viewLowering } from "../support/lower-shape.ts";
import { withSequences } from "../support/value-types.ts";

export const optionalGetElement = defineOperator({
  domain: "",
  op: "OptionalGetElement",
  versions: [{ since: 15 }, { since: 18, change: "takes tensors and sequences" }, { since: 28, change: "more element types" }],
  summary: "Gives the value that an optional holds.",
  doc: "A tensor or a sequence is given as it is. An empty optional is an error.",
  family: "control",
  inputs: [required("input", "O", "the optional")],
  outputs: [required("output", "V", "its value")],
  types: { O: [...withSequences(everything), ...optionalsOf(withSequences(everything))], V: withSequences(everything) },
  infer: (context) => {
    const type = context.type(0);
    return [{ type: type.kind === "optional" ? type.of : type }];
  },
  evaluate: ([value]) => {
    if (value && (isTensor(value) || value.kind !== "optional")) return [value];
    if (value && value.kind === "optional" && value.value) return [value.value];
    throw new GraphwrightError("empty-optional", "the optional holds no value.", undefined, "Ask OptionalHasElement first.");
  },
  // Of a tensor.
  lower: viewLowering(),
});
