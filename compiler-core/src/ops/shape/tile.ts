import { mulDims } from "../../ir/dim.ts";
import { toIntegers } from "../../ir/tensor.ts";
import { shapeOf } from "../../ir/value-type.ts";
import { GraphwrightError } from "../../support/diagnostic.ts";
import { defineOperator } from "../definition.ts";
import { elementOfInput, knownInts, tensorOutput } from "../support/infer.ts";
import { tileLowering } from "../support/lower-shape.ts";
import { intsAt, tensorAt } from "../support/numbers.ts";
import { gatherStrided, reshaped, stridesOf } from "../support/strides.ts";
import { int64, ordinary, required, tensors } from "../support/types.ts";
import { constantInts, type VersionSteps } from "../support/versions.ts";

/** Version 1 repeated one dimension: inputs `tiles` and `axis`, both scalars. */
const oneAxis: VersionSteps = {
  upgrade: (node, context) => {
    const rank = shapeOf(context.type(node.inputs[0]))?.length;
    const tiles = context.constant(node.inputs[1]);
    const axis = context.constant(node.inputs[2]);
    if (rank === undefined || !tiles || !axis) throw new GraphwrightError("version-semantics", "Tile: its computed tiles and axis have no newer form.");
    const repeats = new Array<number>(rank).fill(1);
    repeats[toIntegers(axis)[0]!] = toIntegers(tiles)[0]!;
    node.inputs = [node.inputs[0]!, constantInts(context, repeats, "repeats")];
  },
  downgrade: () => "version 1 repeats one dimension only",
};

export const tile = defineOperator({
  domain: "",
  op: "Tile",
  versions: [
    { since: 1, ...oneAxis },
    { since: 6, change: "repeats is a vector over all dimensions", allows: tensors("int8", "int16", "int32", "uint8", "uint16", "uint32", "uint64", "bool", "string", "complex64", "complex128") },
    { since: 13, change: "more element types", allows: tensors("bfloat16") },
  ],
  summary: "Repeats a tensor along each dimension.",
  family: "shape",
  inputs: [
    required("input", "T", "input"),
    required("repeats", "T1", "number of copies by dimension"),
  ],
  outputs: [required("output", "T", "output")],
  types: { T: ordinary, T1: int64 },
  infer: (context) => {
    const shape = shapeOf(context.type(0));
    const repeats = context.known(1) ?? knownInts(context, 1);
    return [tensorOutput(elementOfInput(context, 0), shape ? shape.map((d, i) => mulDims(d, repeats?.[i] ?? null)) : null)];
  },
  evaluate: (inputs) => {
    const x = tensorAt(inputs, 0);
    const repeats = intsAt(inputs, 1);
    if (repeats.length !== x.dims.length || repeats.some((r) => r < 0)) throw new GraphwrightError("tile", `[${repeats.join(", ")}] are not repeats for a tensor of rank ${x.dims.length}.`);
    const strides = stridesOf(x.dims);
    // Each dimension d becomes a pair (repeat, d), of which the first does not move.
    const tiled = gatherStrided(x, x.dims.flatMap((d, i) => [repeats[i]!, d]), 0, strides.flatMap((s) => [0, s]));
    return [reshaped(tiled, x.dims.map((d, i) => d * repeats[i]!))];
  },
  cost: () => ({ flops: 0 }),
  lower: tileLowering,
});
