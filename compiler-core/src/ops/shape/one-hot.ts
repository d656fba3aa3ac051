import { toNumbers } from "../../ir/tensor.ts";
import { elementCount, shapeOf } from "../../ir/value-type.ts";
import { defineOperator } from "../definition.ts";
import { checkedAxis, elementOfInput, tensorOutput } from "../support/infer.ts";
import { sliceAlong } from "../support/join-tensors.ts";
import { oneHotLowering } from "../support/lower-indexing.ts";
import { numberAt, tensorAt } from "../support/numbers.ts";
import { expanded, reshaped } from "../support/strides.ts";
import { integers, ordinary, required, tensors } from "../support/types.ts";

export const oneHot = defineOperator({
  domain: "",
  op: "OneHot",
  versions: [
    { since: 9 },
    { since: 11 },
    { since: 28, change: "more element types", allows: tensors("bfloat16") },
  ],
  summary: "Gives, for each index, a vector with the on-value at that place and the off-value elsewhere.",
  family: "shape",
  inputs: [
    required("indices", "T1", "places; those outside the vector give off-values only"),
    required("depth", "T2", "length of the vectors, one element"),
    required("values", "T3", "the off-value and the on-value"),
  ],
  outputs: [required("output", "T3", "output")],
  attributes: {
    axis: { kind: "int", doc: "where the new dimension stands", fallback: -1 },
  },
  types: { T1: [...integers, ...tensors("float16", "float32", "float64")], T2: [...integers, ...tensors("float16", "float32", "float64")], T3: ordinary },
  infer: (context, _node, attributes) => {
    const shape = shapeOf(context.type(0));
    const element = elementOfInput(context, 2);
    if (!shape) return [tensorOutput(element, null)];
    const constant = context.constant(1);
    const depth = context.known(1)?.[0] ?? (constant ? Math.trunc(toNumbers(constant.tensor())[0]!) : null);
    const axis = checkedAxis(attributes.int("axis"), shape.length + 1);
    return [tensorOutput(element, [...shape.slice(0, axis), depth, ...shape.slice(axis)])];
  },
  evaluate: (inputs, { attributes }) => {
    const indices = tensorAt(inputs, 0);
    const depth = Math.trunc(numberAt(inputs, 1));
    const values = tensorAt(inputs, 2);
    const axis = checkedAxis(attributes.int("axis"), indices.dims.length + 1);
    const dims = [...indices.dims.slice(0, axis), depth, ...indices.dims.slice(axis)];
    const out = expanded(reshaped(sliceAlong(values, 0, 0, 1), []), dims);
    const inner = elementCount(indices.dims.slice(axis));
    const target = out.data as { [i: number]: unknown };
    const width = values.element === "complex64" || values.element === "complex128" ? 2 : 1;
    const picks = toNumbers(indices);
    for (let i = 0; i < picks.length; i++) {
      const pick = Math.trunc(picks[i]!);
      const at = pick < 0 ? pick + depth : pick;
      if (at < 0 || at >= depth) continue;
      const flat = (Math.floor(i / inner) * depth + at) * inner + (i % inner);
      for (let k = 0; k < width; k++) target[flat * width + k] = values.data[width + k];
    }
    return [out];
  },
  cost: () => ({ flops: 0 }),
  lower: oneHotLowering,
});
