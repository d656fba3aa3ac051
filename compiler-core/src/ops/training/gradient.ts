import { defineOperator } from "../definition.ts";
import { tensors, variadic } from "../support/types.ts";
import { firstTensors } from "../support/value-types.ts";
import { unknownType } from "../../ir/value-type.ts";

export const gradient = defineOperator({
  domain: "ai.onnx.preview.training",
  op: "Gradient",
  versions: [{ since: 1 }],
  summary: "Gives the derivatives of a value of the graph by other values of it.",
  doc: "The value and those it is derived by are given by their names in the graph, and the inputs are what they are set to. It is shown and carried, but not evaluated.",
  family: "training",
  inputs: [variadic("Inputs", "T1", "values of xs, then of zs")],
  outputs: [variadic("Outputs", "T2", "derivative of y by each of xs")],
  attributes: {
    xs: { kind: "strings", doc: "names of the values by which y is derived", required: true },
    y: { kind: "string", doc: "name of the value that is derived", required: true },
    zs: { kind: "strings", doc: "names of further values on which y depends" },
  },
  types: { T1: firstTensors, T2: tensors("float16", "float32", "float64") },
  // The derivative of a scalar y has the shape of each x.
  infer: (context, node, attributes) => node.outputs.map((_, i) => ({ type: i < (attributes.strings("xs")?.length ?? 0) ? context.type(i) : unknownType })),
});
