import { shapeOf } from "../../ir/value-type.ts";
import { defineOperator } from "../definition.ts";
import { elementOfInput, knownInts, tensorOutput, unknownShape, vectorLength } from "../support/infer.ts";
import { viewLowering } from "../support/lower-shape.ts";
import { intsAt, tensorAt } from "../support/numbers.ts";
import { resolveDims, resolveShape } from "../support/reshape.ts";
import { reshaped } from "../support/strides.ts";
import { everything, floats8, required, tensors } from "../support/types.ts";
import { dropsAttributes, intsBecomeInput, lacksAttribute, steps } from "../support/versions.ts";

export const reshape = defineOperator({
  domain: "",
  op: "Reshape",
  versions: [
    { since: 1, ...steps(dropsAttributes("consumed_inputs"), intsBecomeInput("shape", 1)) },
    { since: 5, change: "attribute consumed_inputs dropped; shape became an input; more element types", allows: tensors("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "bool", "string", "complex64", "complex128") },
    { since: 13, change: "more element types", allows: tensors("bfloat16"), ...lacksAttribute("allowzero", 0) },
    { since: 14, change: "attribute allowzero added" },
    { since: 19, change: "more element types", allows: floats8 },
    { since: 21, change: "more element types", allows: tensors("int4", "uint4") },
    { since: 23, change: "more element types", allows: tensors("float4e2m1") },
    { since: 24, change: "more element types", allows: tensors("float8e8m0") },
    { since: 25, change: "more element types", allows: tensors("int2", "uint2") },
  ],
  summary: "Gives the same elements under other dimensions.",
  doc: "An entry of 0 copies the input size at that place (unless allowzero is 1), and one entry of -1 takes what remains.",
  family: "shape",
  inputs: [
    required("data", "T", "input"),
    required("shape", "tensor(int64)", "the new dimensions"),
  ],
  outputs: [required("reshaped", "T", "the input under its new dimensions")],
  attributes: {
    allowzero: { kind: "int", doc: "1 means a 0 in the shape is a size of 0, not a copy of the input's", fallback: 0 },
  },
  types: { T: everything },
  infer: (context, node, attributes) => {
    const element = elementOfInput(context, 0);
    const input = shapeOf(context.type(0));
    const target = context.known(1) ?? knownInts(context, 1);
    if (target) {
      const known = context.known(0);
      const dims = resolveShape(input, target, attributes.int("allowzero") !== 0, context, node);
      return [tensorOutput(element, dims, dims.length <= 2 && dims.every((d) => typeof d === "number") ? known : undefined)];
    }
    const rank = vectorLength(context, 1);
    return [tensorOutput(element, rank === undefined ? null : unknownShape(rank))];
  },
  evaluate: (inputs, context) => {
    const x = tensorAt(inputs, 0);
    return [reshaped(x, resolveDims(x.dims, intsAt(inputs, 1), context.attributes.int("allowzero") !== 0))];
  },
  cost: () => ({ flops: 0 }),
  lower: viewLowering({ compileTimeInputs: [1] }),
});
