import type { Dim } from "../../ir/dim.ts";
import type { Tensor } from "../../ir/tensor.ts";
import { defineOperator } from "../definition.ts";
import { broadcastDims, costPerOutput } from "../support/elementwise.ts";
import { broadcastInputs, elementOfInput, tensorOutput } from "../support/infer.ts";
import { activations, elementwiseLowering } from "../support/lower-elementwise.ts";
import { tensorAt } from "../support/numbers.ts";
import { expanded } from "../support/strides.ts";
import { bool, ordinary, required, tensors } from "../support/types.ts";

export const where = defineOperator({
  domain: "",
  op: "Where",
  versions: [
    { since: 9 },
    { since: 16, change: "more element types", allows: tensors("bfloat16") },
  ],
  summary: "Picks from one of two tensors by a condition, with broadcasting.",
  family: "elementwise",
  inputs: [
    required("condition", "B", "true picks the first"),
    required("X", "T", "taken where the condition is true"),
    required("Y", "T", "taken where it is false"),
  ],
  outputs: [required("output", "T", "the picked elements")],
  types: { B: bool, T: ordinary },
  infer: (context, node) => {
    const shape = broadcastInputs(context, node, [0, 1, 2]);
    const [condition, x, y] = [context.known(0), context.known(1), context.known(2)];
    const count = Math.max(condition?.length ?? 0, x?.length ?? 0, y?.length ?? 0);
    const at = (list: readonly Dim[], i: number): Dim => list[list.length === 1 ? 0 : i] ?? null;
    const flat = shape !== null && shape.length <= 1;
    const known = flat && condition && x && y ? Array.from({ length: count }, (_, i): Dim => (at(condition, i) === 1 ? at(x, i) : at(condition, i) === 0 ? at(y, i) : null)) : undefined;
    return [tensorOutput(elementOfInput(context, 1) ?? elementOfInput(context, 2), shape, known)];
  },
  evaluate: (inputs) => {
    const [condition, x, y] = [0, 1, 2].map((i) => tensorAt(inputs, i)) as [Tensor, Tensor, Tensor];
    const dims = broadcastDims(condition.dims, x.dims, y.dims);
    const flags = expanded(condition, dims).data as Uint8Array;
    const out = expanded(y, dims);
    const picked = expanded(x, dims);
    const target = out.data as { [i: number]: unknown };
    const source = picked.data as ArrayLike<unknown>;
    const width = x.element === "complex64" || x.element === "complex128" ? 2 : 1;
    for (let i = 0; i < flags.length; i++) if (flags[i]) for (let k = 0; k < width; k++) target[i * width + k] = source[i * width + k];
    return [out];
  },
  cost: costPerOutput(1),
  lower: elementwiseLowering(activations.where),
});
