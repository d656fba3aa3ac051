import { elementTypes } from "../../ir/element-type.ts";
import { tensorBytes, tensorFromBytes } from "../../ir/tensor.ts";
import { shapeOf, tensorType } from "../../ir/value-type.ts";
import { GraphwrightError } from "../../support/diagnostic.ts";
import { defineOperator } from "../definition.ts";
import { elementOfCode } from "../support/element-codes.ts";
import { viewLowering } from "../support/lower-shape.ts";
import { tensorAt } from "../support/numbers.ts";
import { everything, required } from "../support/types.ts";

const types = everything.filter((type) => type !== "tensor(string)");

export const bitCast = defineOperator({
  domain: "",
  op: "BitCast",
  versions: [{ since: 26 }],
  summary: "Reads the bits of every element as another type of the same width.",
  family: "quantization",
  inputs: [required("input", "T1", "what is read anew")],
  outputs: [required("output", "T2", "the same bits in the new type")],
  attributes: { to: { kind: "int", doc: "number of the new element type, as wide as the old", required: true } },
  types: { T1: types, T2: types },
  infer: (context, _node, attributes) => [{ type: tensorType(elementOfCode(attributes.int("to")), shapeOf(context.type(0))) }],
  evaluate: (inputs, { attributes }) => {
    const input = tensorAt(inputs, 0);
    const to = elementOfCode(attributes.int("to"));
    const from = elementTypes[input.element].bits;
    if (from !== elementTypes[to].bits) throw new GraphwrightError("element-type", `${input.element} has ${from} bits and ${to} has ${elementTypes[to].bits}: the widths must be equal.`);
    // A copy, since two tensors of different types must not share storage.
    return [tensorFromBytes(to, input.dims, tensorBytes(input).slice())];
  },
  cost: () => ({ flops: 0 }),
  lower: { ...viewLowering(), bytes: true },
});
