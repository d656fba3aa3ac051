import { fromNumbers, toNumbers } from "../../ir/tensor.ts";
import { fusedDomain } from "../../ir/graph.ts";
import { defineOperator } from "../definition.ts";
import { unblockChannels as unblock } from "../support/blocked.ts";
import { rankedInput, tensorOutput } from "../support/infer.ts";
import { unblockChannelsLowering } from "../support/lower-blocked.ts";
import { tensorAt } from "../support/numbers.ts";
import { required, tensors } from "../support/types.ts";

export const unblockChannels = defineOperator({
  domain: fusedDomain,
  op: "UnblockChannels",
  versions: [{ since: 1 }],
  summary: "The inverse of BlockChannels: channels one after the other again.",
  doc: "[N, B, ...S, b] becomes [N, channels, ...S]; lanes beyond `channels` are left out.",
  family: "shape",
  inputs: [required("X", "T", "[N, B, ...S, b]")],
  outputs: [required("Y", "T", "[N, channels, ...S]")],
  attributes: { channels: { kind: "int", doc: "channels of the output, at most B * b", required: true } },
  types: { T: tensors("float32", "int8", "uint8", "int32") },
  infer: (context, _, attributes) => {
    const { shape, element } = rankedInput(context, 0) ?? {};
    return [tensorOutput(element ?? null, shape && shape.length >= 3 ? [shape[0]!, attributes.int("channels"), ...shape.slice(2, -1)] : null)];
  },
  evaluate: (inputs, context) => {
    const x = tensorAt(inputs, 0);
    const { dims, numbers } = unblock(toNumbers(x), x.dims, context.attributes.int("channels"), Float64Array);
    return [fromNumbers(x.element, dims, numbers)];
  },
  lower: unblockChannelsLowering,
});
