import { subDims } from "../../ir/dim.ts";
import { defineOperator } from "../definition.ts";
import { elementwiseBinary } from "../support/elementwise.ts";
import { binaryLowering } from "../support/lower-elementwise.ts";
import { numbers, required, tensors } from "../support/types.ts";
import { legacyBroadcast } from "../support/versions.ts";

export const sub = defineOperator({
  domain: "",
  op: "Sub",
  versions: [
    { since: 1, ...legacyBroadcast },
    { since: 6, change: "attribute consumed_inputs dropped; more element types", allows: tensors("int32", "int64", "uint32", "uint64"), ...legacyBroadcast },
    { since: 7, change: "broadcasts as NumPy does" },
    { since: 13, change: "more element types", allows: tensors("bfloat16") },
    { since: 14, change: "more element types", allows: tensors("int8", "int16", "uint8", "uint16") },
  ],
  summary: "Subtracts the second tensor from the first element by element, with broadcasting.",
  family: "elementwise",
  inputs: [
    required("A", "T", "left operand"),
    required("B", "T", "right operand"),
  ],
  outputs: [required("C", "T", "result")],
  types: { T: numbers },
  ...elementwiseBinary({ combine: (a, b) => a - b, big: (a, b) => a - b, known: subDims }),
  lower: binaryLowering("sub"),
});
