import { toNumbers } from "../../ir/tensor.ts";
import { GraphwrightError } from "../../support/diagnostic.ts";
import { defineOperator } from "../definition.ts";
import { checkedAxis, sameAsInput } from "../support/infer.ts";
import { tensorScatterLowering } from "../support/lower-attention.ts";
import { optionalTensor, tensorAt } from "../support/numbers.ts";
import { copyStrided, gatherStrided, stridesOf } from "../support/strides.ts";
import { everything, optional, required } from "../support/types.ts";

export const tensorScatter = defineOperator({
  domain: "",
  op: "TensorScatter",
  versions: [{ since: 24 }],
  summary: "Writes new entries into a cache along its sequence axis, each batch entry at its own place.",
  doc: "Entry s of batch entry b goes to write_indices[b] + s; in circular mode it wraps around at the cache's end.",
  family: "shape",
  inputs: [
    required("past_cache", "T", "the cache; its first dimension is the batch"),
    required("update", "T", "new entries: the cache's shape, but for a shorter sequence axis"),
    optional("write_indices", "tensor(int64)", "where the first new entry goes [batch]; 0 when omitted"),
  ],
  outputs: [required("present_cache", "T", "the cache with the new entries")],
  attributes: {
    axis: { kind: "int", doc: "the sequence axis; not 0", fallback: -2 },
    mode: { kind: "string", doc: "linear: new entries must fit behind the write index; circular: they wrap around", fallback: "linear" },
  },
  types: { T: everything.filter((type) => type !== "tensor(int2)" && type !== "tensor(uint2)") },
  infer: sameAsInput,
  evaluate: (inputs, { attributes }) => {
    const cache = tensorAt(inputs, 0);
    const update = tensorAt(inputs, 1);
    const indices = optionalTensor(inputs, 2);
    const writes = indices && toNumbers(indices);
    const rank = cache.dims.length;
    const axis = checkedAxis(attributes.int("axis"), rank);
    const mode = attributes.string("mode");
    if (mode !== "linear" && mode !== "circular") throw new GraphwrightError("attribute-range", `mode is "${mode}", which is neither linear nor circular.`);
    const capacity = cache.dims[axis]!;
    const count = update.dims[axis]!;
    if (axis === 0 || update.dims.length !== rank || update.dims.some((d, i) => (i === axis ? d > capacity : d !== cache.dims[i])))
      throw new GraphwrightError("shape-contradiction", `an update of shape [${update.dims.join(", ")}] does not fit a cache of [${cache.dims.join(", ")}] along axis ${axis}.`);
    const to = stridesOf(cache.dims);
    const from = stridesOf(update.dims);
    const result = gatherStrided(cache, cache.dims, 0, to);
    const slice = update.dims.map((d, i) => (i === 0 || i === axis ? 1 : d));
    for (let b = 0; b < cache.dims[0]!; b++)
      for (let s = 0; s < count; s++) {
        let at = (writes ? writes[b]! : 0) + s;
        if (mode === "circular") at = ((at % capacity) + capacity) % capacity;
        if (at < 0 || at >= capacity) throw new GraphwrightError("index-range", `entry ${s} of batch entry ${b} would go to place ${at} of a cache of ${capacity}.`);
        copyStrided(cache.element, slice, { data: result.data, offset: b * to[0]! + at * to[axis]!, strides: to }, { data: update.data, offset: b * from[0]! + s * from[axis]!, strides: from });
      }
    return [result];
  },
  cost: () => ({ flops: 0 }),
  lower: tensorScatterLowering,
});
