import type { Dim } from "../../ir/dim.ts";
import { shapeOf } from "../../ir/value-type.ts";
import { GraphwrightError } from "../../support/diagnostic.ts";
import { defineOperator } from "../definition.ts";
import { elementOfInput, tensorOutput, unknownShape } from "../support/infer.ts";
import { transposeLowering } from "../support/lower-shape.ts";
import { tensorAt } from "../support/numbers.ts";
import { permuted } from "../support/strides.ts";
import { everything, floats8, required, tensors } from "../support/types.ts";

function permutation(perm: readonly number[] | undefined, rank: number): readonly number[] {
  if (!perm) return Array.from({ length: rank }, (_, i) => rank - 1 - i);
  if (perm.length !== rank || [...perm].sort((a, b) => a - b).some((p, i) => p !== i)) throw new GraphwrightError("permutation", `[${perm.join(", ")}] is not a permutation of ${rank} dimensions.`);
  return perm;
}

/** Known elements of a vector or matrix in their new order. */
function transposedKnown(known: readonly Dim[] | undefined, shape: readonly Dim[], order: readonly number[]): readonly Dim[] | undefined {
  const [rows, columns] = shape;
  if (!known || shape.length < 2 || order[0] === 0) return known;
  if (shape.length > 2 || typeof rows !== "number" || typeof columns !== "number") return undefined;
  return known.map((_, i) => known[(i % rows) * columns + Math.floor(i / rows)]!);
}

export const transpose = defineOperator({
  domain: "",
  op: "Transpose",
  versions: [
    { since: 1 },
    { since: 13, change: "more element types", allows: tensors("bfloat16") },
    { since: 21, change: "more element types", allows: [...floats8, ...tensors("int4", "uint4")] },
    { since: 23, change: "more element types", allows: tensors("float4e2m1") },
    { since: 24, change: "more element types", allows: tensors("float8e8m0") },
    { since: 25, change: "more element types", allows: tensors("int2", "uint2") },
  ],
  summary: "Permutes the dimensions.",
  family: "shape",
  inputs: [required("data", "T", "input")],
  outputs: [required("transposed", "T", "the input with its dimensions in the new order")],
  attributes: {
    perm: { kind: "ints", doc: "for each output dimension the input dimension it is; reversed order when absent" },
  },
  types: { T: everything },
  infer: (context, _node, attributes) => {
    const shape = shapeOf(context.type(0));
    const perm = attributes.ints("perm");
    if (!shape) return [tensorOutput(elementOfInput(context, 0), perm ? unknownShape(perm.length) : null)];
    const order = permutation(perm, shape.length);
    return [tensorOutput(elementOfInput(context, 0), order.map((p) => shape[p]!), transposedKnown(context.known(0), shape, order))];
  },
  evaluate: (inputs, context) => {
    const x = tensorAt(inputs, 0);
    return [permuted(x, permutation(context.attributes.ints("perm"), x.dims.length))];
  },
  cost: () => ({ flops: 0 }),
  lower: transposeLowering,
});
