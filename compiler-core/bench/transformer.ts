/**
 * Transformers of any size as ONNX files, small in width and real in structure: decoder layers with weights of their own.
 * "plain" has the names of an exporter without scopes ("MatMul_17"); "llm" has scopes ("/model/layers.3/attn/q/MatMul"),
 * and one mask, one table of cosines and one of sines feed every layer.
 */
import { exportOnnx, fileBytes } from "../src/backends/onnx/index.ts";
import { ConstantValue, emptyGraph, makeTensor, Rewriter, tensorType, type Graph, type ValueRef } from "../src/ir/index.ts";
import { typeRules } from "../src/ops/index.ts";
import { Random } from "../src/support/random.ts";

export type TransformerKind = "plain" | "llm";
const [batch, length, heads, head] = [1, 16, 2, 4];
const hidden = heads * head;
const wide = 4 * hidden;

function transformerGraph(kind: TransformerKind, nodeCount: number, seed = 1): Graph {
  const random = new Random(seed);
  const rewriter = new Rewriter(emptyGraph({ opsets: { "": 21 } }), typeRules);
  const llm = kind === "llm";
  let made = 0;
  const floats = (name: string, dims: readonly number[]): ValueRef =>
    rewriter.addConstant({ name, value: ConstantValue.of(makeTensor("float32", dims, Float32Array.from({ length: dims.reduce((a, b) => a * b, 1) }, () => random.normal() / 4))) });
  const integers = (name: string, values: readonly number[]): ValueRef =>
    rewriter.addConstant({ name, value: ConstantValue.of(makeTensor("int64", [values.length], BigInt64Array.from(values, BigInt))) });
  let layer = -1;
  const names = new Map<string, number>();
  const node = (op: string, scope: string, inputs: readonly (ValueRef | null)[], attributes: Parameters<Rewriter["addNode"]>[0]["attributes"] = {}): ValueRef => {
    let name = `${op}_${made}`;
    if (llm) {
      name = layer < 0 ? `/model/${scope}/${op}` : `/model/layers.${layer}/${scope}/${op}`.replace("//", "/");
      const seen = names.get(name) ?? 0;
      names.set(name, seen + 1);
      if (seen > 0) name += `_${seen}`;
    }
    made++;
    return { node: rewriter.addNode({ op, inputs, attributes, outputs: [`${name}_output_0`], name }), output: 0 };
  };
  const ints = (...value: number[]) => ({ kind: "ints", value }) as const;
  const int = (value: number) => ({ kind: "int", value }) as const;
  const ids = rewriter.addParameter({ name: "input_ids", type: tensorType("int64", [batch, length]) });
  const mask = llm ? rewriter.addParameter({ name: "attention_mask", type: tensorType("float32", [batch, 1, length, length]) }) : null;
  const angle = llm ? rewriter.addParameter({ name: "position_angles", type: tensorType("float32", [batch, 1, length, head]) }) : null;
  const cos = llm ? node("Cos", "rotary", [angle]) : null;
  const sin = llm ? node("Sin", "rotary", [angle]) : null;
  let x = node("Gather", "embed", [floats("model.embed.weight", [32, hidden]), ids]);
  // The last operators are one norm and one product: whole layers until they fit.
  while (made + 2 < nodeCount) {
    layer++;
    const weight = (part: string, dims: readonly number[]): ValueRef => floats(`model.layers.${layer}.${part}`, dims);
    const linear = (part: string, input: ValueRef, from = hidden, to = hidden): ValueRef =>
      node("Add", part, [node("MatMul", part, [input, weight(`${part}.weight`.replace("/", "."), [from, to])]), weight(`${part}.bias`.replace("/", "."), [to])]);
    const norm = (part: string, input: ValueRef): ValueRef => node("LayerNormalization", part, [input, weight(`${part}.weight`, [hidden]), weight(`${part}.bias`, [hidden])], { axis: int(-1) });
    const split = (part: string, input: ValueRef, perm: readonly number[]): ValueRef =>
      node("Transpose", part, [node("Reshape", part, [linear(part, input), integers(`model.layers.${layer}.${part.replace("/", ".")}.shape`, [batch, length, heads, head])])], { perm: ints(...perm) });
    const rotated = (part: string, input: ValueRef): ValueRef => {
      const half = (from: number, to: number): ValueRef =>
        node("Slice", part, [input, integers(`${layer}.${part}.${from}.starts`, [from]), integers(`${layer}.${part}.${from}.ends`, [to]), integers(`${layer}.${part}.${from}.axes`, [3])]);
      const turned = node("Concat", part, [node("Neg", part, [half(head / 2, head)]), half(0, head / 2)], { axis: int(-1) });
      return node("Add", part, [node("Mul", part, [input, cos]), node("Mul", part, [turned, sin])]);
    };
    const normed = norm("input_norm", x);
    let q = split("attn/q", normed, [0, 2, 1, 3]);
    let k = split("attn/k", normed, [0, 2, 1, 3]);
    const v = split("attn/v", normed, [0, 2, 1, 3]);
    if (llm) [q, k] = [rotated("attn/rope_q", q), rotated("attn/rope_k", k)];
    let scores = node("Mul", "attn", [node("MatMul", "attn", [q, node("Transpose", "attn", [k], { perm: ints(0, 1, 3, 2) })]), floats(`model.layers.${layer}.scale`, [])]);
    if (mask) scores = node("Add", "attn", [scores, mask]);
    const mixed = node("MatMul", "attn", [node("Softmax", "attn", [scores], { axis: int(-1) }), v]);
    const merged = node("Reshape", "attn", [node("Transpose", "attn", [mixed], { perm: ints(0, 2, 1, 3) }), integers(`model.layers.${layer}.merged.shape`, [batch, length, hidden])]);
    const middle = node("Add", "", [x, linear("attn/o", merged)]);
    const second = norm("post_norm", middle);
    const gate = linear("mlp/gate", second, hidden, wide);
    const up = linear("mlp/up", second, hidden, wide);
    const active = node("Mul", "mlp", [node("Mul", "mlp", [gate, node("Sigmoid", "mlp", [gate])]), up]);
    x = node("Add", "", [middle, linear("mlp/down", active, wide, hidden)]);
  }
  layer = -1;
  const last = node("LayerNormalization", "norm", [x, floats("model.norm.weight", [hidden])], { axis: int(-1) });
  rewriter.addOutput(0, { name: "logits", value: node("MatMul", "head", [last, floats("model.head.weight", [hidden, 32])]) });
  return rewriter.commit({ pass: "", rewrite: "", site: "", matched: [] }).graph;
}

/** The ONNX file of such a graph. */
export const transformerFile = (kind: TransformerKind, nodeCount: number, seed = 1): Uint8Array =>
  fileBytes(exportOnnx(transformerGraph(kind, nodeCount, seed), { name: `${kind}-${nodeCount}` }).files[0]!);
