import { fromNumbers, toNumbers } from "../../ir/tensor.ts";
import { fusedDomain } from "../../ir/graph.ts";
import { elementCount, staticShape } from "../../ir/value-type.ts";
import { defineOperator } from "../definition.ts";
import { rankedInput, tensorOutput } from "../support/infer.ts";
import { strassenMatMulLowering } from "../support/lower-strassen.ts";
import { optionalTensor, tensorAt } from "../support/numbers.ts";
import { checkStrassen, strassenMultiply } from "../support/strassen.ts";
import { optional, required, tensors } from "../support/types.ts";

export const strassenMatMul = defineOperator({
  domain: fusedDomain,
  op: "StrassenMatMul",
  versions: [{ since: 1 }],
  summary: "A matrix product by a constant with seven products of halves instead of eight: fewer multiplications, a somewhat larger rounding error.",
  doc: "Strassen 1969: both factors are cut into quarters; sums and differences of quarters are multiplied, and sums and differences of these products are the quarters of the result. Those of the right factor are worked out beforehand.",
  family: "linear",
  inputs: [required("X", "T", "[..., R, K] with K even"), required("U", "T", "combined quarters of the right factor in panels [7, columns / 2 / b, K / 2, b]"), optional("B", "T", "bias [columns]")],
  outputs: [required("Y", "T", "[..., R, columns]")],
  attributes: { axis: { kind: "int", doc: "axis of X, from its end, whose elements with even and odd numbers are the two halves of the rows", fallback: -2 } },
  types: { T: tensors("float32") },
  infer: (context, node) => {
    const x = rankedInput(context, 0)?.shape;
    const u = rankedInput(context, 1)?.shape;
    if (x && u) checkStrassen(context, node, x.at(-1), u);
    const [panels, lanes] = [u?.[1], u?.[3]];
    return [tensorOutput("float32", x && u ? [...x.slice(0, -1), typeof panels === "number" && typeof lanes === "number" ? 2 * panels * lanes : null] : null)];
  },
  evaluate: (inputs, context) => {
    const [x, u, bias] = [tensorAt(inputs, 0), tensorAt(inputs, 1), optionalTensor(inputs, 2)];
    // Any halves of the rows have the same result, up to rounding.
    const rows = elementCount(x.dims.slice(0, -1));
    const dims = u.dims as [number, number, number, number];
    const [numbers, weights, row] = [toNumbers(x), toNumbers(u), bias && toNumbers(bias)];
    return [fromNumbers("float32", [...x.dims.slice(0, -1), 2 * dims[1] * dims[3]], strassenMultiply(numbers, rows, weights, dims, row, context.task))];
  },
  cost: ({ inputs, outputs }) => {
    const [x, u, y] = [staticShape(inputs[0]) ?? [0], staticShape(inputs[1]) ?? [0, 0, 0, 0], staticShape(outputs[0]) ?? [0]];
    const rows = elementCount(x.slice(0, -1));
    // Five sums of quarters of the left factor, eight of products, and the bias.
    return { flops: rows * elementCount(u) + (5 * elementCount(x)) / 4 + 2 * elementCount(y) + (inputs[2]?.kind === "tensor" ? elementCount(y) : 0) };
  },
  lower: strassenMatMulLowering,
});
