import { defineOperator } from "../definition.ts";
import { elementwiseUnary } from "../support/elementwise.ts";
import { knownNot } from "../support/known-conditions.ts";
import { unaryLowering } from "../support/lower-elementwise.ts";
import { bool, required } from "../support/types.ts";

export const not = defineOperator({
  domain: "",
  op: "Not",
  versions: [{ since: 1 }],
  summary: "Inverts each bool.",
  family: "elementwise",
  inputs: [required("X", "T", "input")],
  outputs: [required("Y", "T", "output")],
  types: { T: bool },
  ...elementwiseUnary({ apply: (x) => 1 - x, known: knownNot }),
  lower: unaryLowering("not"),
});
