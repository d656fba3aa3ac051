import { makeTensor, type Tensor } from "../../ir/tensor.ts";
import { shapeOf, tensorType } from "../../ir/value-type.ts";
import { GraphwrightError } from "../../support/diagnostic.ts";
import { type AttributeReader, defineOperator } from "../definition.ts";
import { tensorAt } from "../support/numbers.ts";
import { indices, required, string, tensors } from "../support/types.ts";

const width = (attributes: AttributeReader): number => Math.max(-1, ...(attributes.ints("ngram_indexes") ?? [])) + 1;

/** The n-grams of the pool by their text key, with their places among all n-grams. */
function readPool(attributes: AttributeReader, shortest: number, longest: number): Map<string, number> {
  const pool: readonly (string | number)[] = attributes.strings("pool_strings") ?? attributes.ints("pool_int64s") ?? [];
  const starts = attributes.ints("ngram_counts") ?? [];
  const grams = new Map<string, number>();
  let place = 0;
  for (const [i, start] of starts.entries()) {
    const length = i + 1;
    const end = starts[i + 1] ?? pool.length;
    if ((end - start) % length !== 0) throw new GraphwrightError("attribute-range", `the pool has ${end - start} entries for ${length}-grams, which is not a multiple of ${length}.`);
    for (let at = start; at < end; at += length, place++) if (length >= shortest && length <= longest) grams.set(keyOf(pool.slice(at, at + length)), place);
  }
  return grams;
}

const keyOf = (gram: readonly (string | number | bigint)[]): string => JSON.stringify(gram.map(String));

export const tfIdfVectorizer = defineOperator({
  domain: "",
  op: "TfIdfVectorizer",
  versions: [{ since: 9 }],
  summary: "Counts the n-grams of a pool in sequences of words or numbers, plain or weighted.",
  doc:
    "The members of an n-gram lie 1 + s places apart, for every skip s from 0 to max_skip_count (single words count once). Mode TF gives counts, IDF the weight of every n-gram that occurs, TFIDF the count times the weight.",
  family: "text",
  inputs: [required("X", "T", "sequences [C] or [N, C]")],
  outputs: [required("Y", "T1", "[max(ngram_indexes) + 1], or one such row for each sequence")],
  attributes: {
    max_gram_length: { kind: "int", doc: "longest n-grams to count", required: true },
    max_skip_count: { kind: "int", doc: "most words left out between two members", required: true },
    min_gram_length: { kind: "int", doc: "shortest n-grams to count", required: true },
    mode: { kind: "string", doc: "TF, IDF or TFIDF", required: true },
    ngram_counts: { kind: "ints", doc: "where the 1-grams, 2-grams, ... begin in the pool", required: true },
    ngram_indexes: { kind: "ints", doc: "place in the output of each n-gram of the pool", required: true },
    pool_int64s: { kind: "ints", doc: "the pool: all 1-grams, then all 2-grams, ..." },
    pool_strings: { kind: "strings", doc: "the pool for string inputs" },
    weights: { kind: "floats", doc: "weight of each n-gram of the pool; 1 when absent" },
  },
  types: { T: [...string, ...indices], T1: tensors("float32") },
  infer: (context, _node, attributes) => {
    const shape = shapeOf(context.type(0));
    return [{ type: tensorType("float32", shape === null ? null : shape.length === 2 ? [shape[0]!, width(attributes)] : [width(attributes)]) }];
  },
  evaluate: (inputs, { attributes }) => {
    const x: Tensor = tensorAt(inputs, 0);
    if (x.dims.length !== 1 && x.dims.length !== 2) throw new GraphwrightError("shape-contradiction", `the input must be [C] or [N, C], but is [${x.dims.join(", ")}].`);
    const shortest = attributes.int("min_gram_length");
    const longest = attributes.int("max_gram_length");
    const skips = attributes.int("max_skip_count");
    const mode = attributes.string("mode");
    if (!["TF", "IDF", "TFIDF"].includes(mode)) throw new GraphwrightError("attribute-range", `mode is "${mode}", which is none of TF, IDF and TFIDF.`);
    const grams = readPool(attributes, shortest, longest);
    const places = attributes.ints("ngram_indexes") ?? [];
    const weights = attributes.floats("weights");
    const size = width(attributes);
    const rows = x.dims.length === 2 ? x.dims[0]! : 1;
    const length = x.dims.at(-1)!;
    const out = new Float32Array(rows * size);
    const words = x.data as ArrayLike<string | number | bigint>;
    for (let row = 0; row < rows; row++) {
      const sequence = Array.from({ length }, (_, i) => words[row * length + i]!);
      const counts = new Map<number, number>();
      for (let n = shortest; n <= longest; n++)
        for (let step = 1; step <= (n === 1 ? 1 : skips + 1); step++)
          for (let start = 0; start + (n - 1) * step < length; start++) {
            const gram = grams.get(keyOf(Array.from({ length: n }, (_, i) => sequence[start + i * step]!)));
            if (gram !== undefined) counts.set(gram, (counts.get(gram) ?? 0) + 1);
          }
      for (const [gram, count] of counts) {
        const weight = mode === "TF" ? 1 : (weights?.[gram] ?? 1);
        out[row * size + places[gram]!]! += mode === "IDF" ? weight : count * weight;
      }
    }
    return [makeTensor("float32", x.dims.length === 2 ? [rows, size] : [size], out)];
  },
});
