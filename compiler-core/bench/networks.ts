/** Networks with seeded weights, built as exporters write them: MobileNetV2 and BERT-base. */
import { float, int, ints, type Attributes } from "../src/ir/attribute.ts";
import { ConstantValue, emptyGraph, type Graph, makeTensor, Rewriter, tensorType, type ValueRef } from "../src/ir/index.ts";
import { typeRules } from "../src/ops/index.ts";
import { Random } from "../src/support/random.ts";

class NetworkBuilder {
  readonly rewriter = new Rewriter(emptyGraph({ opsets: { "": 20 } }), typeRules);
  private readonly random = new Random(1);
  private made = 0;

  input(name: string, element: "float32" | "int64", dims: readonly number[]): ValueRef {
    return this.rewriter.addParameter({ name, type: tensorType(element, [...dims]) });
  }

  weight(name: string, dims: readonly number[], scale: number, mean = 0): ValueRef {
    const data = Float32Array.from({ length: dims.reduce((a, b) => a * b, 1) }, () => mean + scale * this.random.normal());
    return this.rewriter.addConstant({ name, value: ConstantValue.of(makeTensor("float32", [...dims], data)) });
  }

  constant(name: string, values: readonly number[], dims: readonly number[] = [values.length], element: "float32" | "int64" = "int64"): ValueRef {
    const data = element === "int64" ? BigInt64Array.from(values, BigInt) : Float32Array.from(values);
    return this.rewriter.addConstant({ name: `${name}_${this.made++}`, value: ConstantValue.of(makeTensor(element, [...dims], data)) });
  }

  node(op: string, inputs: readonly (ValueRef | null)[], attributes: Attributes = {}, outputs = 1): ValueRef {
    const name = `${op}_${this.made++}`;
    return { node: this.rewriter.addNode({ op, inputs, attributes, outputs: Array.from({ length: outputs }, (_, i) => `${name}_${i}`), name }), output: 0 };
  }

  done(outputs: Readonly<Record<string, ValueRef>>): Graph {
    for (const [name, value] of Object.entries(outputs)) this.rewriter.addOutput(0, { name, value });
    return this.rewriter.commit({ pass: "", rewrite: "", site: "", matched: [] }).graph;
  }
}

/** MobileNetV2 (Sandler et al. 2018), width 1, image of 224 x 224; normalization folded, as exporters write it. */
export function mobileNetV2(): Graph {
  const b = new NetworkBuilder();
  let at = b.input("input", "float32", [1, 3, 224, 224]);
  let channels = 3;
  const conv = (out: number, kernel: number, stride: number, group: number, activation: boolean): void => {
    const perGroup = channels / group;
    const pad = (kernel - 1) / 2;
    const w = b.weight(`w${out}_${at.node}`, [out, perGroup, kernel, kernel], Math.sqrt(2 / (perGroup * kernel * kernel)));
    at = b.node("Conv", [at, w, b.weight(`b${at.node}`, [out], 0.1)], { kernel_shape: ints([kernel, kernel]), strides: ints([stride, stride]), pads: ints([pad, pad, pad, pad]), group: int(group) });
    if (activation) at = b.node("Clip", [at, b.constant("low", [0], [], "float32"), b.constant("high", [6], [], "float32")]);
    channels = out;
  };
  conv(32, 3, 2, 1, true);
  for (const [expand, out, count, stride] of [[1, 16, 1, 1], [6, 24, 2, 2], [6, 32, 3, 2], [6, 64, 4, 2], [6, 96, 3, 1], [6, 160, 3, 2], [6, 320, 1, 1]] as const)
    for (let i = 0; i < count; i++) {
      const [before, from] = [at, channels];
      if (expand > 1) conv(from * expand, 1, 1, 1, true);
      conv(channels, 3, i === 0 ? stride : 1, channels, true);
      conv(out, 1, 1, 1, false);
      if (from === out && (i > 0 || stride === 1)) at = b.node("Add", [before, at]);
    }
  conv(1280, 1, 1, 1, true);
  at = b.node("Flatten", [b.node("GlobalAveragePool", [at])], { axis: int(1) });
  return b.done({ logits: b.node("Gemm", [at, b.weight("classifier", [1000, 1280], 0.03), b.weight("classifier_bias", [1000], 0.1)], { transB: int(1) }) });
}

/** The encoder of BERT-base (Devlin et al. 2018): 12 layers, 12 heads, 768 wide, with embeddings of 128 tokens. */
export function bertBase(tokens = 128, layers = 12): Graph {
  const b = new NetworkBuilder();
  const [width, heads, inner, vocabulary] = [768, 12, 3072, 30522];
  const ids = b.input("input_ids", "int64", [1, tokens]);
  const norm = (x: ValueRef, name: string): ValueRef => b.node("LayerNormalization", [x, b.weight(`${name}.scale`, [width], 0.05, 1), b.weight(`${name}.shift`, [width], 0.05)], { axis: int(-1), epsilon: float(1e-12) });
  const dense = (x: ValueRef, name: string, from: number, to: number): ValueRef => b.node("Add", [b.weight(`${name}.bias`, [to], 0.02), b.node("MatMul", [x, b.weight(`${name}.weight`, [from, to], 1 / Math.sqrt(from))])]);
  const words = b.node("Gather", [b.weight("words", [vocabulary, width], 0.5), ids], { axis: int(0) });
  let x = norm(b.node("Add", [words, b.weight("positions", [1, tokens, width], 0.2)]), "embeddings");
  for (let l = 0; l < layers; l++) {
    const split = (y: ValueRef): ValueRef => b.node("Transpose", [b.node("Reshape", [y, b.constant("shape", [1, tokens, heads, width / heads])])], { perm: ints([0, 2, 1, 3]) });
    const [q, k, v] = ["query", "key", "value"].map((n) => dense(x, `layer${l}.${n}`, width, width)) as [ValueRef, ValueRef, ValueRef];
    const scores = b.node("Div", [b.node("MatMul", [split(q), b.node("Transpose", [split(k)], { perm: ints([0, 1, 3, 2]) })]), b.constant("root", [8], [], "float32")]);
    const mixed = b.node("MatMul", [b.node("Softmax", [scores], { axis: int(-1) }), split(v)]);
    const joined = b.node("Reshape", [b.node("Transpose", [mixed], { perm: ints([0, 2, 1, 3]) }), b.constant("shape", [1, tokens, width])]);
    x = norm(b.node("Add", [dense(joined, `layer${l}.out`, width, width), x]), `layer${l}.attention`);
    const wide = dense(x, `layer${l}.wide`, width, inner);
    // GELU as PyTorch's exporter writes it: x (1 + erf(x / sqrt 2)) / 2.
    const erf = b.node("Erf", [b.node("Div", [wide, b.constant("sqrt2", [Math.SQRT2], [], "float32")])]);
    const gelu = b.node("Mul", [b.node("Mul", [wide, b.node("Add", [erf, b.constant("one", [1], [], "float32")])]), b.constant("half", [0.5], [], "float32")]);
    x = norm(b.node("Add", [dense(gelu, `layer${l}.narrow`, inner, width), x]), `layer${l}.output`);
  }
  return b.done({ last_hidden_state: x });
}
