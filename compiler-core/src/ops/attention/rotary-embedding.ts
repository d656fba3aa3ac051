import { toNumbers } from "../../ir/tensor.ts";
import { GraphwrightError } from "../../support/diagnostic.ts";
import { defineOperator } from "../definition.ts";
import { costPerOutput } from "../support/elementwise.ts";
import { sameAsInput } from "../support/infer.ts";
import { rotaryEmbeddingLowering } from "../support/lower-attention.ts";
import { finished, optionalTensor, tensorAt, workArray } from "../support/numbers.ts";
import { int64, optional, required, tensors } from "../support/types.ts";

export const rotaryEmbedding = defineOperator({
  domain: "",
  op: "RotaryEmbedding",
  versions: [{ since: 23 }],
  summary: "Rotates pairs of features by angles that grow with the position.",
  doc:
    "Each pair (a, b) of a head becomes (a cos - b sin, a sin + b cos). Pairs are neighbours when interleaved, else entries of the first and second half. " +
    "With rotary_embedding_dim only so many features at the head's beginning are rotated. Source: Su et al. 2021.",
  family: "linear",
  inputs: [
    required("X", "T", "[batch, heads, length, size], or [batch, length, heads * size]"),
    required("cos_cache", "T", "cosines [positions, half], or [batch, length, half] without position_ids"),
    required("sin_cache", "T", "sines, shaped as cos_cache"),
    optional("position_ids", "M", "position of each token [batch, length]"),
  ],
  outputs: [required("Y", "T", "rotated features, shaped as X")],
  attributes: {
    interleaved: { kind: "int", doc: "1 when the features of a pair are neighbours", fallback: 0 },
    num_heads: { kind: "int", doc: "number of heads; needed when they are packed" },
    rotary_embedding_dim: { kind: "int", doc: "how many features of a head are rotated; 0 for all", fallback: 0 },
  },
  types: { T: tensors("float32", "float16", "bfloat16"), M: int64 },
  infer: sameAsInput,
  evaluate: (inputs, { attributes }) => {
    const x = tensorAt(inputs, 0);
    const cosines = tensorAt(inputs, 1);
    const cos = toNumbers(cosines);
    const sin = toNumbers(tensorAt(inputs, 2));
    const positionsTensor = optionalTensor(inputs, 3);
    const positions = positionsTensor && toNumbers(positionsTensor);
    const packed = x.dims.length === 3;
    const batch = x.dims[0]!;
    const heads = packed ? attributes.int("num_heads", 0) : x.dims[1]!;
    const length = packed ? x.dims[1]! : x.dims[2]!;
    const size = packed ? x.dims[2]! / heads : x.dims[3]!;
    const rotated = attributes.int("rotary_embedding_dim") || size;
    const half = rotated / 2;
    if (!Number.isInteger(size) || !Number.isInteger(half) || rotated > size || cosines.dims.at(-1) !== half || cos.length !== sin.length)
      throw new GraphwrightError("shape-contradiction", `caches of shape [${cosines.dims.join(", ")}] do not fit X [${x.dims.join(", ")}] with ${heads} heads and ${rotated} rotated features.`);
    const numbers = toNumbers(x);
    const out = workArray(x.element, numbers.length);
    out.set(numbers);
    const interleaved = attributes.int("interleaved") !== 0;
    const rows = cos.length / half;
    for (let b = 0; b < batch; b++)
      for (let t = 0; t < length; t++) {
        const position = positions ? positions[b * length + t]! : b * length + t;
        if (!(position >= 0 && position < rows)) throw new GraphwrightError("index-range", `the position ${position} lies outside caches of ${rows} rows.`);
        for (let h = 0; h < heads; h++) {
          const at = packed ? ((b * length + t) * heads + h) * size : ((b * heads + h) * length + t) * size;
          for (let p = 0; p < half; p++) {
            const i = at + (interleaved ? 2 * p : p);
            const j = at + (interleaved ? 2 * p + 1 : p + half);
            const c = cos[position * half + p]!;
            const s = sin[position * half + p]!;
            out[i] = c * numbers[i]! - s * numbers[j]!;
            out[j] = s * numbers[i]! + c * numbers[j]!;
          }
        }
      }
    return [finished(x.element, x.dims, out)];
  },
  cost: costPerOutput(3),
  lower: rotaryEmbeddingLowering,
});
