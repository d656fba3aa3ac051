import { fusedDomain } from "../../ir/graph.ts";
import { fromNumbers, toNumbers } from "../../ir/tensor.ts";
import { defineOperator } from "../definition.ts";
import { blockChannels, blocksOf, unblockChannels } from "../support/blocked.ts";
import { rankedInput, tensorOutput } from "../support/infer.ts";
import { concatChannelsLowering } from "../support/lower-blocked.ts";
import { tensorAt } from "../support/numbers.ts";
import { required, tensors, variadic } from "../support/types.ts";

export const concatChannels = defineOperator({
  domain: fusedDomain,
  op: "ConcatChannels",
  versions: [{ since: 1 }],
  summary: "Joins channels in blocks where parts are not whole blocks.",
  doc: "Inputs [N, B, ...S, b] of `channels` channels each become [N, ceil(sum / b), ...S, b]; lanes beyond an input's channels are left out, those beyond the sum are 0.",
  family: "shape",
  inputs: [variadic("X", "T", "parts [N, B, ...S, b]")],
  outputs: [required("Y", "T", "[N, ceil(sum / b), ...S, b]")],
  attributes: { channels: { kind: "ints", doc: "channels of each part, at most B * b", required: true } },
  types: { T: tensors("float32", "int8", "uint8", "int32") },
  infer: (context, _, attributes) => {
    const { shape, element } = rankedInput(context, 0) ?? {};
    const sum = (attributes.ints("channels") ?? []).reduce((a, b) => a + b, 0);
    const block = shape?.at(-1);
    return [tensorOutput(element ?? null, shape && shape.length >= 3 && typeof block === "number" ? [shape[0]!, blocksOf(sum, block), ...shape.slice(2)] : null)];
  },
  evaluate: (inputs, context) => {
    const counts = context.attributes.ints("channels")!;
    const first = tensorAt(inputs, 0);
    const [batch, , ...rest] = first.dims as [number, number, ...number[]];
    const positions = rest.slice(0, -1).reduce((a, b) => a * b, 1);
    const sum = counts.reduce((a, b) => a + b, 0);
    const joined = new Float64Array(batch * sum * positions);
    let begin = 0;
    for (const [i, count] of counts.entries()) {
      const x = tensorAt(inputs, i);
      const { numbers } = unblockChannels(toNumbers(x), x.dims, count, Float64Array);
      for (let n = 0; n < batch; n++) joined.set(numbers.subarray(n * count * positions, (n + 1) * count * positions), (n * sum + begin) * positions);
      begin += count;
    }
    const { dims, numbers } = blockChannels(joined, [batch, sum, ...rest.slice(0, -1)], rest.at(-1)!, Float64Array);
    return [fromNumbers(first.element, dims, numbers)];
  },
  lower: concatChannelsLowering,
});
