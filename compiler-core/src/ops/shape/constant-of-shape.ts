import type { Dim } from "../../ir/dim.ts";
import { makeTensor, toIntegers } from "../../ir/tensor.ts";
import { GraphwrightError } from "../../support/diagnostic.ts";
import { defineOperator } from "../definition.ts";
import { knownInts, tensorOutput, unknownShape, vectorLength } from "../support/infer.ts";
import { fillLowering } from "../support/lower-shape.ts";
import { intsAt } from "../support/numbers.ts";
import { expanded, reshaped } from "../support/strides.ts";
import { castable, floats8, int64, required, tensors } from "../support/types.ts";

export const constantOfShape = defineOperator({
  domain: "",
  op: "ConstantOfShape",
  versions: [
    { since: 9 },
    { since: 20, change: "more element types", allows: [...floats8, ...tensors("bfloat16")] },
    { since: 21, change: "more element types", allows: tensors("int4", "uint4") },
    { since: 23, change: "more element types", allows: tensors("float4e2m1") },
    { since: 24, change: "more element types", allows: tensors("float8e8m0") },
    { since: 25, change: "more element types", allows: tensors("int2", "uint2") },
  ],
  summary: "Fills a tensor of the given shape with one value.",
  family: "shape",
  inputs: [required("input", "T1", "the sizes")],
  outputs: [required("output", "T2", "the filled tensor")],
  attributes: {
    value: { kind: "tensor", doc: "one-element tensor with the value; float32 0 when absent" },
  },
  types: { T1: int64, T2: castable },
  infer: (context, _node, attributes) => {
    const value = attributes.tensor("value");
    const dims = context.known(0) ?? knownInts(context, 0);
    const element = value?.element ?? "float32";
    if (!dims) {
      const rank = vectorLength(context, 0);
      return [tensorOutput(element, rank === undefined ? null : unknownShape(rank))];
    }
    const count = dims.length === 1 ? dims[0]! : null;
    const fill = value && (element === "int64" || element === "int32") && typeof count === "number" && count <= 64 ? toIntegers(value)[0] : undefined;
    return [tensorOutput(element, dims, fill === undefined ? undefined : new Array<Dim>(count as number).fill(fill))];
  },
  evaluate: (inputs, context) => {
    const dims = intsAt(inputs, 0);
    if (dims.some((d) => d < 0)) throw new GraphwrightError("negative-size", `the shape [${dims.join(", ")}] has a negative size.`);
    const value = context.attributes.tensor("value");
    if (!value) return [makeTensor("float32", dims)];
    return [expanded(reshaped(value, []), dims)];
  },
  cost: () => ({ flops: 0 }),
  lower: fillLowering,
});
