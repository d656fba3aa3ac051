import { makeTensor } from "../../ir/tensor.ts";
import { shapeOf, tensorType } from "../../ir/value-type.ts";
import { GraphwrightError } from "../../support/diagnostic.ts";
import { defineOperator } from "../definition.ts";
import { tensorAt } from "../support/numbers.ts";
import { fullMatch } from "../support/re2.ts";
import { bool, required, string } from "../support/types.ts";

export const regexFullMatch = defineOperator({
  domain: "",
  op: "RegexFullMatch",
  versions: [{ since: 20 }],
  summary: "Tells which strings a regular expression matches as a whole.",
  doc: "The pattern has the syntax of RE2: no look-around and no back references. Patterns whose meaning would differ here are refused.",
  family: "text",
  inputs: [required("X", "T1", "strings")],
  outputs: [required("Y", "T2", "true where the whole string matches")],
  attributes: { pattern: { kind: "string", doc: "the regular expression" } },
  types: { T1: string, T2: bool },
  infer: (context) => [{ type: tensorType("bool", shapeOf(context.type(0))) }],
  evaluate: (inputs, { attributes }) => {
    const x = tensorAt(inputs, 0);
    if (!attributes.has("pattern")) throw new GraphwrightError("missing-attribute", `the attribute "pattern" is required.`);
    const expression = fullMatch(attributes.string("pattern"));
    return [makeTensor("bool", x.dims, Uint8Array.from(x.data as string[], (text) => (expression.test(text) ? 1 : 0)))];
  },
});
