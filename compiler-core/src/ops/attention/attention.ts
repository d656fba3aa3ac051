import { addDims, type Dim, mulDims } from "../../ir/dim.ts";
import { type Tensor, toNumbers } from "../../ir/tensor.ts";
import { elementCount, elementOf, shapeOf, staticShape, tensorType } from "../../ir/value-type.ts";
import { GraphwrightError } from "../../support/diagnostic.ts";
import { defineOperator } from "../definition.ts";
import { elementOfCode } from "../support/element-codes.ts";
import { multiplyMatrices } from "../support/gemm.ts";
import { headGroup, packHeads, unpackedDims, unpackHeads } from "../support/heads.ts";
import { concatTensors } from "../support/join-tensors.ts";
import { attentionLowering } from "../support/lower-attention.ts";
import { finished, optionalTensor, tensorAt } from "../support/numbers.ts";
import { stepRounder } from "../support/quantization.ts";
import { softmaxRow } from "../support/softmax-row.ts";
import { broadcastStrides } from "../support/strides.ts";
import { bool, floats, integers, optional, required } from "../support/types.ts";
import { lacksAttribute, lacksInput, steps } from "../support/versions.ts";

/** Gives the additive bias of query row `i`, key `j`; -Infinity where a key is not attended. */
type Bias = (batch: number, head: number, i: number, j: number) => number;

/** The mask input as a bias over [batch, heads, queries, keys]; keys behind its end are not attended. */
function maskBias(mask: Tensor, dims: readonly [number, number, number, number]): Bias {
  const width = mask.dims.at(-1) ?? 1;
  const strides = broadcastStrides(mask.dims, [dims[0], dims[1], dims[2], width]);
  const fits = mask.dims.every((d, i) => i === mask.dims.length - 1 || d === 1 || d === dims[i + 4 - mask.dims.length]);
  if (!fits || mask.dims.length > 4 || width > dims[3])
    throw new GraphwrightError("shape-contradiction", `a mask of shape [${mask.dims.join(", ")}] does not fit scores of [${dims.join(", ")}].`);
  const numbers = toNumbers(mask);
  const boolean = mask.element === "bool";
  return (b, h, i, j) => {
    if (j >= width) return -Infinity;
    const value = numbers[b * strides[0]! + h * strides[1]! + i * strides[2]! + j * strides[3]!]!;
    return boolean ? (value ? 0 : -Infinity) : value;
  };
}

export const attention = defineOperator({
  domain: "",
  op: "Attention",
  versions: [
    { since: 23, ...lacksInput(6, "nonpad_kv_seqlen") },
    { since: 24, change: "nonpad_kv_seqlen", ...steps(lacksAttribute("left_window_size", -1), lacksAttribute("right_window_size", -1)) },
    { since: 25, change: "sliding windows" },
  ],
  summary: "Scaled dot-product attention: softmax(Q * K^T * scale + bias) * V for every head.",
  doc:
    "Several query heads may share a key and value head. The scores pass softcap * tanh(scores / softcap) when softcap is not 0; then the mask is added (false means minus infinity), " +
    "with is_causal key j only counts for query i when j <= i + offset, and windows bound i + offset - left <= j <= i + offset + right. The offset is the length of the past, or nonpad_kv_seqlen less the queries. " +
    "A query that attends no key gives zeros. Q and K are each multiplied by the square root of the scale. Sources: Vaswani et al. 2017; Ainslie et al. 2023.",
  family: "linear",
  inputs: [
    required("Q", "T1", "queries [batch, heads, length, size], or [batch, length, heads * size]"),
    required("K", "T1", "keys [batch, kv heads, kv length, size], or [batch, kv length, kv heads * size]"),
    required("V", "T2", "values [batch, kv heads, kv length, v size], or [batch, kv length, kv heads * v size]"),
    optional("attn_mask", "U", "added to the scores, or bool: which keys count; broadcast to [batch, heads, length, all keys], its last dimension may be shorter"),
    optional("past_key", "T1", "earlier keys [batch, kv heads, past, size]"),
    optional("past_value", "T2", "earlier values [batch, kv heads, past, v size]"),
    optional("nonpad_kv_seqlen", "tensor(int64)", "how many keys of each batch entry count [batch]"),
  ],
  outputs: [
    required("Y", "T1", "result, in the form of Q"),
    optional("present_key", "T1", "past and new keys [batch, kv heads, all keys, size]"),
    optional("present_value", "T2", "past and new values [batch, kv heads, all keys, v size]"),
    optional("qk_matmul_output", "T1", "scores at the point that qk_matmul_output_mode names [batch, heads, length, all keys]"),
  ],
  attributes: {
    is_causal: { kind: "int", doc: "1 to let a query attend no later keys", fallback: 0 },
    kv_num_heads: { kind: "int", doc: "number of key and value heads; needed for packed heads" },
    q_num_heads: { kind: "int", doc: "number of query heads; needed for packed heads" },
    qk_matmul_output_mode: { kind: "int", doc: "scores that are given out: 0 the product, 1 after softcap, 2 with the bias, 3 after softmax", fallback: 0 },
    scale: { kind: "float", doc: "factor of the scores; 1 / sqrt(size) when absent" },
    softcap: { kind: "float", doc: "bound of the scores; 0 for none", fallback: 0 },
    softmax_precision: { kind: "int", doc: "number of the type in which the softmax is computed; that of Q when absent" },
    left_window_size: { kind: "int", doc: "how many earlier keys a query attends; -1 for all", fallback: -1 },
    right_window_size: { kind: "int", doc: "how many later keys a query attends; -1 for all", fallback: -1 },
  },
  types: { T1: floats, T2: floats, U: [...floats, ...integers, ...bool] },
  infer: (context, node, attributes) => {
    const element = elementOf(context.type(0));
    const valueElement = elementOf(context.type(2));
    const q = unpackedDims(shapeOf(context.type(0)), attributes.optionalInt("q_num_heads"));
    const k = unpackedDims(shapeOf(context.type(1)), attributes.optionalInt("kv_num_heads"));
    const v = unpackedDims(shapeOf(context.type(2)), attributes.optionalInt("kv_num_heads"));
    const packed = shapeOf(context.type(0))?.length === 3;
    const past: Dim = node.inputs[4] ? (shapeOf(context.type(4))?.[2] ?? null) : 0;
    const all = addDims(past, k?.[2] ?? v?.[2] ?? null);
    const y = q && v ? (packed ? [q[0], q[2], mulDims(q[1], v[3])] : [q[0], q[1], q[2], v[3]]) : null;
    return [
      { type: tensorType(element, y) },
      { type: tensorType(element, k ? [k[0], k[1], all, k[3]] : null) },
      { type: tensorType(valueElement, v ? [v[0], v[1], all, v[3]] : null) },
      { type: tensorType(element, q ? [q[0], q[1], q[2], all] : null) },
    ].slice(0, node.outputs.length);
  },
  evaluate: (inputs, context) => {
    const { attributes, task } = context;
    const queries = tensorAt(inputs, 0);
    const q = unpackHeads(queries, attributes.int("q_num_heads", 0), "Q");
    const kvHeads = attributes.int("kv_num_heads", 0);
    const newKeys = unpackHeads(tensorAt(inputs, 1), kvHeads, "K");
    const newValues = unpackHeads(tensorAt(inputs, 2), kvHeads, "V");
    const pastKeys = optionalTensor(inputs, 4);
    const pastValues = optionalTensor(inputs, 5);
    const k = pastKeys ? concatTensors([pastKeys, newKeys], 2) : newKeys;
    const v = pastValues ? concatTensors([pastValues, newValues], 2) : newValues;
    const [batch, heads, length, size] = q.dims as [number, number, number, number];
    const [, keyHeads, total] = k.dims as [number, number, number];
    const width = v.dims[3]!;
    if (k.dims[3] !== size || v.dims[2] !== total || v.dims[1] !== keyHeads)
      throw new GraphwrightError("shape-contradiction", `Q [${q.dims.join(", ")}], K [${k.dims.join(", ")}] and V [${v.dims.join(", ")}] do not go together.`);
    const group = headGroup(heads, keyHeads);
    const element = q.element;
    const round = stepRounder(element);
    const root = round(Math.sqrt(attributes.optionalFloat("scale") ?? 1 / Math.sqrt(size)));
    const qs = Float64Array.from(toNumbers(q), (x) => round(x * root));
    const ks = Float64Array.from(toNumbers(k), (x) => round(x * root));
    const vs = toNumbers(v);
    const softcap = attributes.float("softcap");
    const precision = attributes.optionalInt("softmax_precision");
    const softmaxElement = precision === undefined ? element : elementOfCode(precision);
    const softmaxRound = stepRounder(softmaxElement);
    const mode = attributes.int("qk_matmul_output_mode");
    const mask = optionalTensor(inputs, 3);
    const masked = mask && maskBias(mask, [batch, heads, length, total]);
    const lengthsTensor = optionalTensor(inputs, 6);
    const lengths = lengthsTensor && toNumbers(lengthsTensor);
    const causal = attributes.int("is_causal") !== 0;
    const left = attributes.int("left_window_size");
    const right = attributes.int("right_window_size");
    const bias: Bias = (b, h, i, j) => {
      const offset = pastKeys ? pastKeys.dims[2]! : lengths ? lengths[b]! - length : 0;
      const distance = i + offset - j;
      if ((causal && distance < 0) || (left >= 0 && distance > left) || (right >= 0 && -distance > right) || (lengths && j >= lengths[b]!)) return -Infinity;
      return masked ? masked(b, h, i, j) : 0;
    };
    const y = new Float64Array(batch * heads * length * width);
    const kept = context.wanted(3) ? new Float64Array(batch * heads * length * total) : undefined;
    const weights = new Float64Array(length * total);
    const row = new Float64Array(total);
    for (let b = 0; b < batch; b++)
      for (let h = 0; h < heads; h++) {
        task.check();
        const at = b * heads + h;
        const from = b * keyHeads + Math.floor(h / group);
        const scores = new Float64Array(length * total);
        multiplyMatrices(
          length, total, size,
          { data: qs, offset: at * length * size, rowStride: size, columnStride: 1 },
          { data: ks, offset: from * total * size, rowStride: 1, columnStride: size },
          scores, 0, total, task,
        );
        for (let i = 0; i < length; i++) {
          let attended = false;
          for (let j = 0; j < total; j++) {
            let score = round(scores[i * total + j]!);
            const place = (at * length + i) * total + j;
            if (kept && mode === 0) kept[place] = score;
            if (softcap > 0) score = round(round(Math.tanh(round(score / softcap))) * softcap);
            if (kept && mode === 1) kept[place] = score;
            const added = bias(b, h, i, j);
            attended ||= added !== -Infinity;
            // A key that is not attended has no weight, even where its score is infinite or not a number.
            score = added === -Infinity ? -Infinity : round(score + added);
            if (kept && mode === 2) kept[place] = score;
            row[j] = softmaxRound(score);
          }
          if (attended) softmaxRow(row, softmaxRound, softmaxElement === "bfloat16");
          else row.fill(0);
          for (let j = 0; j < total; j++) {
            const weight = round(row[j]!);
            weights[i * total + j] = weight;
            if (kept && mode === 3) kept[(at * length + i) * total + j] = weight;
          }
        }
        multiplyMatrices(
          length, width, total,
          { data: weights, offset: 0, rowStride: total, columnStride: 1 },
          { data: vs, offset: from * total * width, rowStride: width, columnStride: 1 },
          y, at * length * width, width, task,
        );
      }
    const result = finished(element, [batch, heads, length, width], y);
    return [
      queries.dims.length === 3 ? packHeads(result) : result,
      context.wanted(1) ? k : null,
      context.wanted(2) ? v : null,
      kept ? finished(element, [batch, heads, length, total], kept) : null,
    ].slice(0, context.outputCount);
  },
  cost: ({ attributes, inputs, outputs }) => {
    const q = staticShape(inputs[0]);
    const k = staticShape(inputs[1]);
    const y = staticShape(outputs[0]);
    if (!q || !k || !y) return { flops: 0 };
    const past = staticShape(inputs[4])?.[2] ?? 0;
    const total = past + (k.length === 4 ? k[2]! : k[1]!);
    const heads = q.length === 4 ? q[1]! : attributes.int("q_num_heads", 1);
    const length = q.length === 4 ? q[2]! : q[1]!;
    return { flops: 2 * total * (elementCount(q) + elementCount(y)) + 5 * q[0]! * heads * length * total };
  },
  lower: attentionLowering,
});
