import { fromNumbers, toNumbers } from "../../ir/tensor.ts";
import { fusedDomain } from "../../ir/graph.ts";
import { defineOperator } from "../definition.ts";
import { blockChannels as block, blocksOf } from "../support/blocked.ts";
import { rankedInput, tensorOutput } from "../support/infer.ts";
import { blockChannelsLowering } from "../support/lower-blocked.ts";
import { tensorAt } from "../support/numbers.ts";
import { required, tensors } from "../support/types.ts";

export const blockChannels = defineOperator({
  domain: fusedDomain,
  op: "BlockChannels",
  versions: [{ since: 1 }],
  summary: "Channels in blocks: moves `block` neighbouring channels of each place side by side.",
  doc: "[N, C, ...S] becomes [N, ceil(C / block), ...S, block]; lanes beyond C are 0. Kernels read blocks as vectors.",
  family: "shape",
  inputs: [required("X", "T", "[N, C, ...S]")],
  outputs: [required("Y", "T", "[N, ceil(C / block), ...S, block]")],
  attributes: { block: { kind: "int", doc: "channels in a block", fallback: 16 } },
  types: { T: tensors("float32", "int8", "uint8", "int32") },
  infer: (context, _, attributes) => {
    const { shape, element } = rankedInput(context, 0) ?? {};
    const size = attributes.int("block");
    const [batch, channels, ...space] = shape ?? [];
    return [tensorOutput(element ?? null, shape && shape.length >= 2 ? [batch!, typeof channels === "number" ? blocksOf(channels, size) : null, ...space, size] : null)];
  },
  evaluate: (inputs, context) => {
    const x = tensorAt(inputs, 0);
    const { dims, numbers } = block(toNumbers(x), x.dims, context.attributes.int("block"), Float64Array);
    return [fromNumbers(x.element, dims, numbers)];
  },
  lower: blockChannelsLowering,
});
