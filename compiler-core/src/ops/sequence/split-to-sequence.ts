import type { Dim } from "../../ir/dim.ts";
import { toNumbers } from "../../ir/tensor.ts";
import { elementOf, sequenceType, shapeOf, tensorType } from "../../ir/value-type.ts";
import { GraphwrightError } from "../../support/diagnostic.ts";
import { defineOperator } from "../definition.ts";
import { checkedAxis, knownInts } from "../support/infer.ts";
import { entryAt, sliceAlong } from "../support/join-tensors.ts";
import { optionalTensor, tensorAt } from "../support/numbers.ts";
import { sequence } from "../support/sequences.ts";
import { indices, optional, required, sequencesOf, tensors } from "../support/types.ts";
import { firstTensors } from "../support/value-types.ts";

export const splitToSequence = defineOperator({
  domain: "",
  op: "SplitToSequence",
  versions: [{ since: 11 }, { since: 24, change: "more element types", allows: tensors("bfloat16") }],
  summary: "Cuts a tensor along an axis into a sequence of tensors.",
  doc: "Without `split` every part is one entry long; with `keepdims` 0 the axis then disappears. A scalar `split` gives parts of that size (the last may be smaller), a vector the size of each part.",
  family: "sequence",
  inputs: [required("input", "T", "the tensor"), optional("split", "I", "size of all parts (scalar) or of each (vector)")],
  outputs: [required("output_sequence", "S", "the parts, in order")],
  attributes: {
    axis: { kind: "int", doc: "the axis to cut; negative counts from the end", fallback: 0 },
    keepdims: { kind: "int", doc: "0 to drop the axis from parts of one entry; used only without split", fallback: 1 },
  },
  types: { T: [...firstTensors, ...tensors("bfloat16")], I: indices, S: sequencesOf([...firstTensors, ...tensors("bfloat16")]) },
  infer: (context, node, attributes) => {
    const type = context.type(0);
    const shape = shapeOf(type);
    if (shape === null) return [{ type: sequenceType(tensorType(elementOf(type), null)) }];
    const axis = checkedAxis(attributes.int("axis"), shape.length);
    if (!node.inputs[1] && attributes.int("keepdims") === 0) return [{ type: sequenceType(tensorType(elementOf(type), shape.filter((_, i) => i !== axis))) }];
    let part: Dim = 1;
    if (node.inputs[1]) {
      const sizes = knownInts(context, 1);
      const scalar = shapeOf(context.type(1))?.length === 0;
      const extent = shape[axis]!;
      if (!sizes || sizes.length === 0) part = null;
      else if (scalar) part = typeof extent === "number" && (extent % sizes[0]! === 0 || extent < sizes[0]!) ? Math.min(extent, sizes[0]!) : null;
      else part = sizes.every((size) => size === sizes[0]) ? sizes[0]! : null;
    }
    return [{ type: sequenceType(tensorType(elementOf(type), shape.map((d, i) => (i === axis ? part : d)))) }];
  },
  evaluate: (inputs, { attributes, node }) => {
    const input = tensorAt(inputs, 0);
    const split = optionalTensor(inputs, 1);
    const axis = checkedAxis(attributes.int("axis"), input.dims.length);
    const extent = input.dims[axis]!;
    const of = node.outputs[0]?.type.kind === "sequence" ? node.outputs[0].type.of : tensorType(input.element, null);
    if (!split && attributes.int("keepdims") === 0) return [sequence(Array.from({ length: extent }, (_, i) => entryAt(input, axis, i)), of)];
    const given = split ? Array.from(toNumbers(split)) : [1];
    let sizes = given;
    if (!split || split.dims.length === 0) {
      const size = given[0]!;
      if (!(size > 0)) throw new GraphwrightError("attribute-range", `parts of size ${size} cannot be cut.`);
      sizes = Array.from({ length: Math.ceil(extent / size) }, (_, i) => Math.min(size, extent - i * size));
    } else if (given.reduce((a, b) => a + b, 0) !== extent || given.some((size) => size < 0))
      throw new GraphwrightError("shape-contradiction", `the parts [${given.join(", ")}] do not add up to the ${extent} entries of axis ${axis}.`);
    let at = 0;
    const parts = sizes.map((size) => {
      const part = sliceAlong(input, axis, at, size);
      at += size;
      return part;
    });
    return [sequence(parts, of)];
  },
});
