import { defineOperator } from "../definition.ts";
import { elementwiseBinary } from "../support/elementwise.ts";
import { bitwiseLowering } from "../support/lower-elementwise.ts";
import { integers, required } from "../support/types.ts";

export const bitwiseAnd = defineOperator({
  domain: "",
  op: "BitwiseAnd",
  versions: [{ since: 18 }],
  summary: "Bitwise and of two integer tensors, with broadcasting.",
  family: "elementwise",
  inputs: [
    required("A", "T", "left operand"),
    required("B", "T", "right operand"),
  ],
  outputs: [required("C", "T", "result")],
  types: { T: integers },
  ...elementwiseBinary({ combine: (a, b) => a & b, big: (a, b) => a & b }),
  lower: bitwiseLowering("bitand"),
});
