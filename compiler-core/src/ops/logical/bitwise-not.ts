import { defineOperator } from "../definition.ts";
import { elementwiseUnary } from "../support/elementwise.ts";
import { unaryLowering } from "../support/lower-elementwise.ts";
import { integers, required } from "../support/types.ts";

export const bitwiseNot = defineOperator({
  domain: "",
  op: "BitwiseNot",
  versions: [{ since: 18 }],
  summary: "Inverts every bit of each integer.",
  family: "elementwise",
  inputs: [required("X", "T", "input")],
  outputs: [required("Y", "T", "output")],
  types: { T: integers },
  ...elementwiseUnary({ apply: (x) => ~x, big: (x) => ~x }),
  lower: unaryLowering("bitnot"),
});
