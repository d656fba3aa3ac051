import { fromNumbers, toNumbers } from "../../ir/tensor.ts";
import { fusedDomain } from "../../ir/graph.ts";
import { elementCount, staticShape } from "../../ir/value-type.ts";
import { defineOperator } from "../definition.ts";
import { rankedInput, tensorOutput } from "../support/infer.ts";
import { winogradConvLowering } from "../support/lower-winograd.ts";
import { optionalTensor, tensorAt } from "../support/numbers.ts";
import { optional, required, tensors } from "../support/types.ts";
import { winogradConvolve, winogradOf } from "../support/winograd.ts";

export const winogradConv = defineOperator({
  domain: fusedDomain,
  op: "WinogradConv",
  versions: [{ since: 1 }],
  summary: "A 3 x 3 convolution of stride 1 over blocks by minimal filtering: fewer multiplications, a larger rounding error.",
  doc: "F(m, 3): each m x m tile of outputs takes (m + 2)^2 products a channel instead of 9 m^2. The filters are transformed beforehand. The error grows to about 1e-5 of the largest value for m = 4, and a few 1e-6 for m = 2, where summing directly makes 1e-6.",
  family: "linear",
  inputs: [required("X", "T", "[N, Cb, H, W, b] with H and W at least m ceil(size / m) + 2"), required("U", "T", "transformed filters [(m + 2)^2, Mb, Cb, b, b]"), optional("B", "T", "bias in blocks [Mb, b]")],
  outputs: [required("Y", "T", "[N, Mb, OH, OW, b]")],
  attributes: {
    outputs: { kind: "int", doc: "m: outputs along one side of a tile, 4 or 2", fallback: 4 },
    size: { kind: "ints", doc: "[OH, OW]", required: true },
  },
  types: { T: tensors("float32") },
  infer: (context, _, attributes) => {
    const x = rankedInput(context, 0)?.shape;
    const u = rankedInput(context, 1)?.shape;
    const [height, width] = attributes.ints("size") ?? [];
    return [tensorOutput("float32", x && u ? [x[0]!, u[1]!, height ?? null, width ?? null, u.at(-1)!] : null)];
  },
  evaluate: (inputs, context) => {
    const [x, u, bias] = [tensorAt(inputs, 0), tensorAt(inputs, 1), optionalTensor(inputs, 2)];
    const size = context.attributes.ints("size") as [number, number];
    const { dims, numbers } = winogradConvolve(toNumbers(x), x.dims, toNumbers(u), u.dims, bias && toNumbers(bias), size, winogradOf(context.attributes.int("outputs")));
    return [fromNumbers("float32", dims, numbers)];
  },
  cost: ({ attributes, inputs, outputs }) => {
    const u = staticShape(inputs[1]) ?? [0, 0, 0, 0, 0];
    const y = staticShape(outputs[0]) ?? [0, 0, 0, 0, 0];
    const m = attributes.int("outputs");
    return { flops: 2 * y[0]! * Math.ceil(y[2]! / m) * Math.ceil(y[3]! / m) * elementCount(u) };
  },
  lower: winogradConvLowering,
});
