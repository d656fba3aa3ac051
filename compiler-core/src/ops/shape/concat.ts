import { addDims, type Dim, dimsDiffer } from "../../ir/dim.ts";
import { shapeOf } from "../../ir/value-type.ts";
import { defineOperator } from "../definition.ts";
import { checkedAxis, elementOfInput, reportConflict, tensorOutput } from "../support/infer.ts";
import { concatTensors } from "../support/join-tensors.ts";
import { concatLowering } from "../support/lower-shape.ts";
import { tensorAt } from "../support/numbers.ts";
import { ordinary, required, tensors, variadic } from "../support/types.ts";
import type { VersionSteps } from "../support/versions.ts";

/** Version 1 joined along dimension 1 unless told otherwise. */
const axisBecomesRequired: VersionSteps = {
  upgrade: (node) => {
    node.attributes.axis ??= { kind: "int", value: 1 };
  },
};

export const concat = defineOperator({
  domain: "",
  op: "Concat",
  versions: [
    { since: 1, ...axisBecomesRequired },
    { since: 4, change: "axis is required", allows: tensors("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "bool", "string", "complex64", "complex128") },
    { since: 11 },
    { since: 13, change: "more element types", allows: tensors("bfloat16") },
  ],
  summary: "Joins tensors along an axis.",
  family: "shape",
  inputs: [variadic("inputs", "T", "tensors of one type whose other dimensions agree")],
  outputs: [required("concat_result", "T", "the joined tensor")],
  attributes: {
    axis: { kind: "int", doc: "dimension it works along; negative counts from the last", required: true },
  },
  types: { T: ordinary },
  infer: (context, node, attributes) => {
    const element = elementOfInput(context, 0);
    const shapes = node.inputs.map((_, i) => shapeOf(context.type(i)));
    const some = shapes.find((s) => s !== null);
    if (!some) return [tensorOutput(element, null)];
    const axis = checkedAxis(attributes.int("axis"), some.length);
    const dims = [...some];
    const from = dims.map(() => shapes.indexOf(some));
    let length: Dim = 0;
    for (const [index, shape] of shapes.entries()) {
      if (!shape) {
        length = null;
        continue;
      }
      if (shape.length !== some.length) {
        reportConflict(context, node, shapes.indexOf(some), index, `ranks ${some.length} and ${shape.length} cannot be joined`);
        return [tensorOutput(element, null)];
      }
      length = addDims(length, shape[axis]!);
      for (const [i, d] of shape.entries()) {
        if (i === axis) continue;
        if (dimsDiffer(dims[i]!, d)) reportConflict(context, node, from[i]!, index, `dimension ${i} is ${dims[i]} and ${d}, but must be equal outside axis ${axis}`);
        if (dims[i] === null || (typeof dims[i] !== "number" && typeof d === "number")) {
          dims[i] = d;
          from[i] = index;
        }
      }
    }
    dims[axis] = length;
    const parts = node.inputs.map((_, i) => context.known(i));
    return [tensorOutput(element, dims, some.length === 1 && parts.every((p) => p !== undefined) ? parts.flat() : undefined)];
  },
  evaluate: (inputs, context) => {
    const parts = inputs.map((_, i) => tensorAt(inputs, i));
    return [concatTensors(parts, checkedAxis(context.attributes.int("axis"), parts[0]?.dims.length ?? 0))];
  },
  cost: () => ({ flops: 0 }),
  lower: concatLowering,
});
