import { mulDims } from "../../ir/dim.ts";
import { toNumbers } from "../../ir/tensor.ts";
import { elementOf, shapeOf, staticShape, tensorType } from "../../ir/value-type.ts";
import { GraphwrightError } from "../../support/diagnostic.ts";
import { defineOperator } from "../definition.ts";
import { headGroup, unpackedDims } from "../support/heads.ts";
import { linearAttentionLowering } from "../support/lower-attention.ts";
import { finished, optionalTensor, tensorAt } from "../support/numbers.ts";
import { optional, required, tensors } from "../support/types.ts";

const types = tensors("float32", "float16", "bfloat16");

export const linearAttention = defineOperator({
  domain: "",
  op: "LinearAttention",
  versions: [{ since: 27 }],
  summary: "Attention without softmax, as a recurrence over a matrix of state for every head.",
  doc:
    "For every token: S = exp(decay) * S (gated rules); v = beta * (v - S^T k) (delta rules); S = S + k v^T; output = scale * S^T q. Several query heads may share a state. " +
    "Computed in float32 or better whatever the input type. Sources: Katharopoulos et al. 2020; Yang et al. 2024 (gated delta networks).",
  family: "linear",
  inputs: [
    required("query", "T", "[batch, length, heads * size]"),
    required("key", "T", "[batch, length, kv heads * size]"),
    required("value", "T", "[batch, length, kv heads * v size]"),
    optional("past_state", "S", "[batch, kv heads, size, v size]; 0 when omitted"),
    optional("decay", "T", "logarithms of the decay [batch, length, kv heads * size] or [batch, length, kv heads]"),
    optional("beta", "T", "update rates [batch, length, kv heads] or [batch, length, 1]"),
  ],
  outputs: [required("output", "T", "[batch, length, heads * v size]"), required("present_state", "S", "[batch, kv heads, size, v size]")],
  attributes: {
    q_num_heads: { kind: "int", doc: "number of query heads", required: true },
    kv_num_heads: { kind: "int", doc: "number of key and value heads", required: true },
    scale: { kind: "float", doc: "factor of the output; 0 for 1 / sqrt(size)", fallback: 0 },
    update_rule: { kind: "string", doc: "linear, gated, delta or gated_delta", fallback: "gated_delta" },
    chunk_size: { kind: "int", doc: "a hint for parallel implementations; changes no result", fallback: 64 },
  },
  types: { T: types, S: types },
  infer: (context, node, attributes) => {
    const heads = attributes.int("q_num_heads");
    const kvHeads = attributes.int("kv_num_heads");
    const q = unpackedDims(shapeOf(context.type(0)), heads);
    const k = unpackedDims(shapeOf(context.type(1)), kvHeads);
    const v = unpackedDims(shapeOf(context.type(2)), kvHeads);
    const state = elementOf(context.type(node.inputs[3] ? 3 : 0));
    return [
      { type: tensorType(elementOf(context.type(0)), q && v ? [q[0], q[2], mulDims(heads, v[3])] : null) },
      { type: tensorType(state, k && v ? [k[0], kvHeads, k[3], v[3]] : null) },
    ];
  },
  evaluate: (inputs, { attributes, task }) => {
    const query = tensorAt(inputs, 0);
    const key = tensorAt(inputs, 1);
    const value = tensorAt(inputs, 2);
    const past = optionalTensor(inputs, 3);
    const decayTensor = optionalTensor(inputs, 4);
    const betaTensor = optionalTensor(inputs, 5);
    const rule = attributes.string("update_rule");
    if (!["linear", "gated", "delta", "gated_delta"].includes(rule)) throw new GraphwrightError("attribute-range", `update_rule is "${rule}", which is none of linear, gated, delta and gated_delta.`);
    const gated = rule.startsWith("gated");
    const delta = rule.endsWith("delta");
    if (gated !== !!decayTensor || delta !== !!betaTensor)
      throw new GraphwrightError("missing-input", `the rule ${rule} takes ${gated ? "" : "no "}decay and ${delta ? "" : "no "}beta.`);
    const heads = attributes.int("q_num_heads");
    const kvHeads = attributes.int("kv_num_heads");
    const group = headGroup(heads, kvHeads);
    const [batch, length] = query.dims as [number, number];
    const size = query.dims[2]! / heads;
    const width = value.dims[2]! / kvHeads;
    const q = toNumbers(query);
    const k = toNumbers(key);
    const v = toNumbers(value);
    const decay = decayTensor && toNumbers(decayTensor);
    const perKey = decayTensor !== undefined && decayTensor.dims[2] !== kvHeads;
    const beta = betaTensor && toNumbers(betaTensor);
    const betaHeads = betaTensor?.dims[2] ?? 1;
    const state = new Float64Array(batch * kvHeads * size * width);
    if (past) state.set(toNumbers(past));
    const scale = attributes.float("scale") || 1 / Math.sqrt(size);
    const out = new Float64Array(batch * length * heads * width);
    const write = new Float64Array(width);
    for (let b = 0; b < batch; b++)
      for (let t = 0; t < length; t++) {
        task.check();
        const token = b * length + t;
        for (let h = 0; h < kvHeads; h++) {
          const s = (b * kvHeads + h) * size * width;
          const kAt = (token * kvHeads + h) * size;
          if (decay)
            for (let d = 0; d < size; d++) {
              const factor = Math.exp(decay[perKey ? kAt + d : token * kvHeads + h]!);
              for (let m = 0; m < width; m++) state[s + d * width + m]! *= factor;
            }
          for (let m = 0; m < width; m++) write[m] = v[(token * kvHeads + h) * width + m]!;
          if (beta) {
            const rate = beta[token * betaHeads + (betaHeads === 1 ? 0 : h)]!;
            for (let m = 0; m < width; m++) {
              let found = 0;
              for (let d = 0; d < size; d++) found += state[s + d * width + m]! * k[kAt + d]!;
              write[m] = rate * (write[m]! - found);
            }
          }
          for (let d = 0; d < size; d++) for (let m = 0; m < width; m++) state[s + d * width + m]! += k[kAt + d]! * write[m]!;
          for (let g = 0; g < group; g++) {
            const head = h * group + g;
            const qAt = (token * heads + head) * size;
            for (let m = 0; m < width; m++) {
              let sum = 0;
              for (let d = 0; d < size; d++) sum += q[qAt + d]! * state[s + d * width + m]!;
              out[(token * heads + head) * width + m] = scale * sum;
            }
          }
        }
      }
    return [finished(query.element, [batch, length, heads * width], out), finished(past?.element ?? query.element, [batch, kvHeads, size, width], state)];
  },
  cost: ({ inputs, outputs, attributes }) => {
    const state = staticShape(outputs[1]);
    const query = staticShape(inputs[0]);
    if (!state || !query) return { flops: 0 };
    const [batch, kvHeads, size, width] = state as [number, number, number, number];
    return { flops: 2 * batch * query[1]! * size * width * (3 * kvHeads + attributes.int("q_num_heads")) };
  },
  lower: linearAttentionLowering,
});
