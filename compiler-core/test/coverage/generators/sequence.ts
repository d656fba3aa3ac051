import type { Attributes } from "../../../src/ir/attribute.ts";
import type { Tensor } from "../../../src/ir/tensor.ts";
import { tensorType } from "../../../src/ir/value-type.ts";
import type { Value } from "../../../src/ops/index.ts";
import { type Draw, type Generator, is, type NodeCase, number, vector } from "../node-case.ts";

const sequence = (items: readonly Tensor[]): Value => ({ kind: "sequence", items, of: tensorType("float32", items[0] ? items[0].dims : null) });

/** A sequence of equally shaped tensors: its type says the shape of every item. */
function drawSequence(d: Draw, least = 1): { items: Tensor[]; value: Value; dims: number[] } {
  const dims = d.dims(1, 3);
  const items = d.list(d.int(least, 3), () => d.float(dims));
  return { items, dims, value: sequence(items) };
}

export const sequences: Readonly<Record<string, Generator>> = {
  SequenceConstruct: (d) => {
    const dims = d.dims(0, 3);
    return { op: "SequenceConstruct", inputs: d.list(d.int(1, 3), () => d.float(dims)) };
  },
  SequenceEmpty: (d) => ({ op: "SequenceEmpty", inputs: [], attributes: { dtype: is.int(d.pick([1, 7, 9])) } }),
  SequenceAt: (d) => {
    const { items, value } = drawSequence(d);
    return { op: "SequenceAt", inputs: [value, number(d.axis(items.length))] };
  },
  SequenceInsert: (d) => {
    const { items, value, dims } = drawSequence(d);
    return { op: "SequenceInsert", inputs: [value, d.float(dims), d.bool() ? number(d.int(-items.length, items.length)) : null] };
  },
  SequenceErase: (d) => {
    const { items, value } = drawSequence(d, 2);
    return { op: "SequenceErase", inputs: [value, d.bool() ? number(d.axis(items.length)) : null] };
  },
  SequenceLength: (d) => ({ op: "SequenceLength", inputs: [drawSequence(d).value] }),
  ConcatFromSequence: (d) => {
    const { value, dims } = drawSequence(d);
    const stack = d.bool();
    const rank = dims.length + (stack ? 1 : 0);
    return { op: "ConcatFromSequence", inputs: [value], attributes: { axis: is.int(d.axis(rank)), new_axis: is.flag(stack) }, open: true };
  },
  SplitToSequence: (d): NodeCase => {
    const dims = d.dims(1, 3, 2);
    const axis = d.axis(dims.length);
    const how = d.int(0, 2);
    if (how === 0) return { op: "SplitToSequence", inputs: [d.float(dims)], attributes: { axis: is.int(axis), keepdims: is.flag(d.bool()) } };
    const size = dims.at(axis)!;
    return { op: "SplitToSequence", inputs: [d.float(dims), how === 1 ? number(d.int(1, size)) : vector([1, size - 1])], constants: [1], attributes: { axis: is.int(axis) } };
  },
  Optional: (d) => ({ op: "Optional", inputs: [d.bool() ? d.float(d.dims(0, 3)) : drawSequence(d).value] }),
  OptionalHasElement: (d) => ({ op: "OptionalHasElement", inputs: [d.bool() ? d.float(d.dims(0, 3)) : { kind: "optional", value: null, of: tensorType("float32", [2]) }] }),
  OptionalGetElement: (d) => ({ op: "OptionalGetElement", inputs: [{ kind: "optional", value: d.float(d.dims(0, 3)) }] }),
  Constant: (d) => ({
    op: "Constant",
    inputs: [],
    attributes: d.pick<Attributes>([
      { value: { kind: "tensor" as const, value: d.float(d.dims(0, 3)) } },
      { value_int: is.int(d.int(-3, 3)) },
      { value_ints: is.ints(d.dims(0, 3)) },
      { value_float: is.float(0.5) },
      { value_floats: { kind: "floats" as const, value: [1, 2.5] } },
      { value_string: is.string("a") },
      { value_strings: { kind: "strings" as const, value: ["a", "b"] } },
    ]),
  }),
  RegexFullMatch: (d) => ({ op: "RegexFullMatch", inputs: [d.tensor("string", d.dims(0, 3))], attributes: { pattern: is.string("[ab]+") } }),
  StringNormalizer: (d) => ({ op: "StringNormalizer", inputs: [d.tensor("string", d.bool() ? [d.int(1, 4)] : [1, d.int(1, 4)])], attributes: { case_change_action: is.string(d.pick(["LOWER", "UPPER", "NONE"])), stopwords: { kind: "strings", value: ["a"] } }, open: true }),
  StringSplit: (d) => ({ op: "StringSplit", inputs: [d.tensor("string", d.dims(0, 3))], ...(d.bool() ? { attributes: { delimiter: is.string("b") } } : {}), outputs: 2, open: true }),
  TfIdfVectorizer: (d) => ({
    op: "TfIdfVectorizer",
    inputs: [d.tensor("int32", d.bool() ? [d.int(1, 5)] : [d.int(1, 3), d.int(1, 5)], [0, 3])],
    attributes: {
      mode: is.string("TF"),
      min_gram_length: is.int(1),
      max_gram_length: is.int(2),
      max_skip_count: is.int(d.int(0, 1)),
      ngram_counts: is.ints([0, 2]),
      ngram_indexes: is.ints([0, 1, 2]),
      pool_int64s: is.ints([1, 2, 1, 2]),
    },
  }),
  CausalConvWithState: (d) => {
    const [batch, channels, length, k] = [d.int(1, 2), d.int(1, 3), d.int(1, 4), d.int(1, 3)];
    return { op: "CausalConvWithState", inputs: [d.float([batch, channels, length]), d.float([channels, 1, k]), d.bool() ? d.float([channels]) : null, d.bool() ? d.float([batch, channels, k - 1]) : null], outputs: 2 };
  },
  LinearAttention: (d) => {
    const [batch, length, kvHeads, size, width] = [d.int(1, 2), d.int(1, 3), d.int(1, 2), d.int(1, 3), d.int(1, 3)];
    const heads = kvHeads * d.int(1, 2);
    return {
      op: "LinearAttention",
      inputs: [d.float([batch, length, heads * size]), d.float([batch, length, kvHeads * size]), d.float([batch, length, kvHeads * width]), d.bool() ? d.float([batch, kvHeads, size, width]) : null],
      attributes: { q_num_heads: is.int(heads), kv_num_heads: is.int(kvHeads), update_rule: is.string("linear") },
      outputs: 2,
    };
  },
};
