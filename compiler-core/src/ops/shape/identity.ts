import { defineOperator } from "../definition.ts";
import { output } from "../support/infer.ts";
import { viewLowering } from "../support/lower-shape.ts";
import { classic, everything, floats8, optionalsOf, required, sequencesOf, tensors } from "../support/types.ts";

export const identity = defineOperator({
  domain: "",
  op: "Identity",
  versions: [
    { since: 1 },
    { since: 13, change: "more element types", allows: tensors("bfloat16") },
    { since: 14, change: "more element types" },
    { since: 16, change: "more element types" },
    { since: 19, change: "more element types", allows: floats8 },
    { since: 21, change: "more element types", allows: tensors("int4", "uint4") },
    { since: 23, change: "more element types", allows: tensors("float4e2m1") },
    { since: 24, change: "more element types", allows: tensors("float8e8m0") },
    { since: 25, change: "more element types", allows: tensors("int2", "uint2") },
  ],
  summary: "Gives its input unchanged.",
  family: "shape",
  inputs: [required("input", "V", "input")],
  outputs: [required("output", "V", "output")],
  types: { V: [...everything, ...sequencesOf(classic), ...optionalsOf([...classic, ...sequencesOf(classic)])] },
  infer: (context) => [output(context.type(0), context.known(0))],
  evaluate: (inputs) => [inputs[0]!],
  cost: () => ({ flops: 0 }),
  lower: viewLowering(),
});
