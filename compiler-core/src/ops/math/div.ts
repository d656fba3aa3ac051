import { type Dim, floorDivDims } from "../../ir/dim.ts";
import { defineOperator } from "../definition.ts";
import { elementwiseBinary } from "../support/elementwise.ts";
import { binaryLowering } from "../support/lower-elementwise.ts";
import { numbers, required, tensors } from "../support/types.ts";
import { legacyBroadcast } from "../support/versions.ts";

/** Towards zero; symbolic sizes are not negative. */
const quotient = (a: Dim, b: Dim): Dim => {
  if (typeof a === "number" && typeof b === "number") return b === 0 ? null : Math.trunc(a / b);
  return typeof b === "number" && b <= 0 ? null : floorDivDims(a, b);
};

export const div = defineOperator({
  domain: "",
  op: "Div",
  versions: [
    { since: 1, ...legacyBroadcast },
    { since: 6, change: "attribute consumed_inputs dropped; more element types", allows: tensors("int32", "int64", "uint32", "uint64"), ...legacyBroadcast },
    { since: 7, change: "broadcasts as NumPy does" },
    { since: 13, change: "more element types", allows: tensors("bfloat16") },
    { since: 14, change: "more element types", allows: tensors("int8", "int16", "uint8", "uint16") },
  ],
  summary: "Divides the first tensor by the second element by element, with broadcasting.",
  doc: "Integers divide towards zero; an integer division by zero, which the standard leaves undefined, gives 0.",
  family: "elementwise",
  inputs: [
    required("A", "T", "left operand"),
    required("B", "T", "right operand"),
  ],
  outputs: [required("C", "T", "result")],
  types: { T: numbers },
  ...elementwiseBinary({
    combine: (a, b) => a / b,
    big: (a, b) => (b === 0n ? 0n : a / b),
    integer: (a, b) => (b === 0 ? 0 : Math.trunc(a / b)),
    known: quotient,
  }),
  lower: binaryLowering("div"),
});
