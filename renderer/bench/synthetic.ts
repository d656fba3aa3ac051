/** Model-like graphs of any size, for benchmarks, tests and the canvas's development page. No weights, only shape. */

export interface SyntheticNode {
  readonly id: string;
  readonly name: string;
  readonly op: string;
  readonly attributes?: string;
  readonly constant?: boolean;
  readonly io?: "input" | "output";
}

export interface SyntheticEdge {
  readonly from: string;
  readonly to: string;
  readonly toPort: number;
  /** Shape of the value, "" when it is not said. */
  readonly shape: string;
}

export interface SyntheticGraph {
  readonly nodes: SyntheticNode[];
  readonly edges: SyntheticEdge[];
}

class Builder {
  readonly nodes: SyntheticNode[] = [];
  readonly edges: SyntheticEdge[] = [];
  readonly #shapes = new Map<string, string>();

  /** Adds a node fed by `inputs` and gives its id. */
  add(op: string, name: string, inputs: readonly string[], shape = "", attributes?: string): string {
    this.nodes.push({ id: name, name, op, ...(attributes === undefined ? {} : { attributes }) });
    this.#join(name, inputs);
    this.#shapes.set(name, shape);
    return name;
  }

  constant(name: string, shape: string): string {
    this.nodes.push({ id: name, name, op: "Constant", attributes: shape, constant: true });
    return name;
  }

  io(kind: "input" | "output", name: string, inputs: readonly string[], shape: string): string {
    this.nodes.push({ id: name, name, op: kind === "input" ? "Input" : "Output", attributes: shape, io: kind });
    this.#join(name, inputs);
    this.#shapes.set(name, shape);
    return name;
  }

  #join(to: string, inputs: readonly string[]): void {
    inputs.forEach((from, toPort) => this.edges.push({ from, to, toPort, shape: this.#shapes.get(from) ?? "" }));
  }
}

export function chain(length: number): SyntheticGraph {
  const b = new Builder();
  let x = b.io("input", "x", [], "1×64");
  for (let i = 1; i < length; i++) x = b.add(i % 2 === 1 ? "Gemm" : "Relu", `node_${i}`, [x], "1×64");
  return b;
}

/** Decoder layers; `shared` gives every layer the same mask, cos and sin; `scoped` names nodes by their layer. */
export function transformer(
  size: number,
  { shared = false, scoped = false, constants = false, hidden = "1×128×4096" } = {},
): SyntheticGraph {
  const b = new Builder();
  let x = b.io("input", "input_ids", [], "1×128 i64");
  const mask = shared ? b.io("input", "attention_mask", [], "1×1×128×128") : "";
  const cos = shared ? b.add("Cos", "rotary.cos", [b.io("input", "position_ids", [], "1×128")], "1×128×64") : "";
  const sin = shared ? b.add("Sin", "rotary.sin", ["position_ids"], "1×128×64") : "";
  x = b.add("Gather", scoped ? "/model/embed/Gather" : "embed", [x], hidden);
  for (let layer = 0; b.nodes.length < size; layer++) {
    const name = (part: string, op: string): string =>
      scoped ? `/model/layers.${layer}/${part}/${op}` : `${op}_${b.nodes.length}`;
    const weight = (part: string, shape: string): string[] =>
      constants ? [b.constant(`layers.${layer}.${part}.weight`, shape)] : [];
    const linear = (part: string, input: string): string =>
      b.add("MatMul", name(part, "MatMul"), [input, ...weight(part, "4096×4096")], hidden);
    const norm1 = b.add("LayerNormalization", name("input_norm", "Norm"), [x, ...weight("input_norm", "4096")], hidden);
    const heads = (part: string): string => {
      const split = b.add("Reshape", name(part, "Reshape"), [linear(part, norm1)], "1×128×32×128", "32×128");
      return b.add("Transpose", name(part, "Transpose"), [split], "1×32×128×128", "0,2,1,3");
    };
    let q = heads("attn/q");
    let k = heads("attn/k");
    const v = heads("attn/v");
    if (shared) {
      q = b.add("Add", name("attn/rope_q", "Add"), [b.add("Mul", name("attn/rope_q", "Mul"), [q, cos]), b.add("Mul", name("attn/rope_q", "Mul_1"), [q, sin])]);
      k = b.add("Add", name("attn/rope_k", "Add"), [b.add("Mul", name("attn/rope_k", "Mul"), [k, cos]), b.add("Mul", name("attn/rope_k", "Mul_1"), [k, sin])]);
    }
    let scores = b.add("MatMul", name("attn", "MatMul"), [q, k], "1×32×128×128");
    if (shared) scores = b.add("Add", name("attn", "Add"), [scores, mask], "1×32×128×128");
    const soft = b.add("Softmax", name("attn", "Softmax"), [scores], "1×32×128×128", "axis −1");
    const mixed = b.add("MatMul", name("attn", "MatMul_1"), [soft, v], "1×32×128×128");
    const merged = b.add("Reshape", name("attn", "Reshape"), [b.add("Transpose", name("attn", "Transpose"), [mixed], "1×128×32×128", "0,2,1,3")], hidden);
    const out = linear("attn/o", merged);
    const mid = b.add("Add", name("residual", "Add"), [x, out], hidden);
    const norm2 = b.add("LayerNormalization", name("post_norm", "Norm"), [mid, ...weight("post_norm", "4096")], hidden);
    const gate = b.add("Sigmoid", name("mlp/act", "Sigmoid"), [linear("mlp/gate", norm2)], "1×128×11008");
    const up = linear("mlp/up", norm2);
    const down = linear("mlp/down", b.add("Mul", name("mlp", "Mul"), [gate, up], "1×128×11008"));
    x = b.add("Add", name("residual", "Add_1"), [mid, down], hidden);
  }
  b.io("output", "logits", [x], "1×128×32000");
  return b;
}

/** ResNet-50 as exported: bottleneck blocks with BatchNorm, weights as constants, names with scopes. */
export function resnet(depths: readonly number[] = [3, 4, 6, 3]): SyntheticGraph {
  const b = new Builder();
  const conv = (scope: string, input: string, kernel: number, stride: number, channels: number, size: number): string => {
    const w = b.constant(`${scope}.weight`.replaceAll("/", "."), `${channels}×64×${kernel}×${kernel}`);
    return b.add("Conv", `${scope}/Conv`, [input, w], `1×${channels}×${size}×${size}`, `${kernel}×${kernel}, s${stride}`);
  };
  const norm = (scope: string, input: string, channels: number, size: number): string => {
    const weights = ["scale", "bias", "mean", "var"].map((p) => b.constant(`${scope}.${p}`.replaceAll("/", "."), `${channels}`));
    return b.add("BatchNormalization", `${scope}/BatchNorm`, [input, ...weights], `1×${channels}×${size}×${size}`, "ε 1e-5");
  };
  const relu = (scope: string, input: string, channels: number, size: number): string =>
    b.add("Relu", `${scope}/Relu`, [input], `1×${channels}×${size}×${size}`);
  let x = b.io("input", "input", [], "1×3×224×224");
  x = conv("/stem/conv", x, 7, 2, 64, 112);
  x = norm("/stem/bn", x, 64, 112);
  x = relu("/stem", x, 64, 112);
  x = b.add("MaxPool", "/stem/MaxPool", [x], "1×64×56×56", "3×3, s2");
  let size = 56;
  depths.forEach((blocks, stage) => {
    const width = 64 << stage;
    for (let block = 0; block < blocks; block++) {
      const stride = block === 0 && stage > 0 ? 2 : 1;
      const scope = `/layer${stage + 1}/block${block}`;
      if (stride === 2) size /= 2;
      let y = relu(`${scope}/a`, norm(`${scope}/a/bn`, conv(`${scope}/a/conv`, x, 1, 1, width, size), width, size), width, size);
      y = relu(`${scope}/b`, norm(`${scope}/b/bn`, conv(`${scope}/b/conv`, y, 3, stride, width, size), width, size), width, size);
      y = norm(`${scope}/c/bn`, conv(`${scope}/c/conv`, y, 1, 1, width * 4, size), width * 4, size);
      const skip = block === 0 ? norm(`${scope}/down/bn`, conv(`${scope}/down/conv`, x, 1, stride, width * 4, size), width * 4, size) : x;
      x = relu(scope, b.add("Add", `${scope}/Add`, [y, skip], `1×${width * 4}×${size}×${size}`), width * 4, size);
    }
  });
  x = b.add("GlobalAveragePool", "/head/GlobalAveragePool", [x], "1×2048×1×1");
  x = b.add("Flatten", "/head/Flatten", [x], "1×2048");
  x = b.add("Gemm", "/head/fc/Gemm", [x, b.constant("head.fc.weight", "1000×2048"), b.constant("head.fc.bias", "1000")], "1×1000");
  b.io("output", "logits", [x], "1×1000");
  return b;
}

/** Four parallel branches joined by Concat, over and over. */
export function inception(blocks: number): SyntheticGraph {
  const b = new Builder();
  let x = b.io("input", "input", [], "1×3×299×299");
  for (let i = 0; i < blocks; i++) {
    const conv = (branch: number, step: number, from: string): string =>
      b.add("Relu", `mixed_${i}.b${branch}.relu${step}`, [b.add("Conv", `mixed_${i}.b${branch}.conv${step}`, [from], "1×192×35×35", "1×1")], "1×192×35×35");
    const branches = [
      conv(0, 0, x),
      conv(1, 1, conv(1, 0, x)),
      conv(2, 2, conv(2, 1, conv(2, 0, x))),
      conv(3, 0, b.add("AveragePool", `mixed_${i}.b3.pool`, [x], "1×192×35×35", "3×3")),
    ];
    x = b.add("Concat", `mixed_${i}.concat`, branches, "1×768×35×35", "axis 1");
  }
  b.io("output", "output", [x], "1×768×35×35");
  return b;
}

/** Encoder and decoder with skip connections across the whole depth. */
export function unet(levels: number, width: number): SyntheticGraph {
  const b = new Builder();
  let x = b.io("input", "sample", [], "1×4×64×64");
  const skips: string[] = [];
  const stack = (scope: string, from: string): string => {
    let y = from;
    for (let i = 0; i < width; i++) {
      const h = b.add("Conv", `${scope}.${i}.conv`, [b.add("Sigmoid", `${scope}.${i}.act`, [y])], "", "3×3");
      y = b.add("Add", `${scope}.${i}.add`, [y, h]);
    }
    return y;
  };
  for (let level = 0; level < levels; level++) {
    x = stack(`down.${level}`, x);
    skips.push(x);
    x = b.add("Conv", `down.${level}.pool`, [x], "", "3×3, s2");
  }
  x = stack("mid", x);
  for (let level = levels - 1; level >= 0; level--) {
    x = b.add("Resize", `up.${level}.resize`, [x], "", "×2");
    x = b.add("Concat", `up.${level}.concat`, [x, skips[level]!], "", "axis 1");
    x = stack(`up.${level}`, x);
  }
  b.io("output", "noise", [x], "1×4×64×64");
  return b;
}

/** Small deterministic generator (mulberry32). */
export function random(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/** Each node reads one or two earlier ones, mostly near; one in twenty from anywhere. */
export function randomDag(size: number, seed = 1): SyntheticGraph {
  const b = new Builder();
  const next = random(seed);
  for (let i = 0; i < size; i++) {
    const inputs: string[] = [];
    const wanted = i === 0 ? 0 : 1 + Math.floor(next() * 2);
    for (let k = 0; k < wanted; k++) {
      const back = next() < 0.05 ? Math.floor(next() * i) : Math.max(0, i - 1 - Math.floor(next() * 12));
      inputs.push(`n${back}`);
    }
    b.add("Op", `n${i}`, [...new Set(inputs)]);
  }
  return b;
}
