import { type Draw, type Generator, is, number, vector } from "../node-case.ts";

const recurrent = (op: "RNN" | "GRU" | "LSTM", gates: number): Generator => (d) => {
  const direction = d.pick(["forward", "reverse", "bidirectional"]);
  const ways = direction === "bidirectional" ? 2 : 1;
  const [time, batch, input, hidden] = [d.int(1, 3), d.int(1, 3), d.int(1, 3), d.int(1, 3)];
  const batchFirst = d.bool();
  const lengths = d.bool() ? d.tensor("int32", [batch], [1, time]) : null;
  const state = () => (d.bool() ? d.float(batchFirst ? [batch, ways, hidden] : [ways, batch, hidden]) : null);
  return {
    op,
    inputs: [d.float(batchFirst ? [batch, time, input] : [time, batch, input]), d.float([ways, gates * hidden, input]), d.float([ways, gates * hidden, hidden]), d.bool() ? d.float([ways, 2 * gates * hidden]) : null, lengths, state()],
    attributes: { hidden_size: is.int(hidden), direction: is.string(direction), layout: is.flag(batchFirst) },
    outputs: op === "LSTM" ? 3 : 2,
  };
};

function heads(d: Draw): NonNullable<ReturnType<Generator>> {
  const [batch, kvHeads, length, total, size, width] = [d.int(1, 2), d.int(1, 2), d.int(1, 3), d.int(1, 3), d.int(1, 3), d.int(1, 3)];
  const queryHeads = kvHeads * d.int(1, 2);
  const past = d.bool() ? d.int(1, 2) : 0;
  const packed = d.bool();
  const shape = (h: number, l: number, s: number) => (packed ? [batch, l, h * s] : [batch, h, l, s]);
  return {
    op: "Attention",
    inputs: [
      d.float(shape(queryHeads, length, size)),
      d.float(shape(kvHeads, total, size)),
      d.float(shape(kvHeads, total, width)),
      d.bool() ? d.float([length, past + total]) : null,
      past ? d.float([batch, kvHeads, past, size]) : null,
      past ? d.float([batch, kvHeads, past, width]) : null,
    ],
    attributes: { is_causal: is.flag(d.bool()), ...(packed ? { q_num_heads: is.int(queryHeads), kv_num_heads: is.int(kvHeads) } : {}) },
    outputs: d.pick([1, 3, 4]),
  };
}

const windowFunction = (op: string): Generator => (d) => ({ op, inputs: [number(d.int(1, 8))], constants: [0], attributes: { periodic: is.flag(d.bool()), output_datatype: is.int(d.pick([1, 11])) } });

export const sequenceModels: Readonly<Record<string, Generator>> = {
  RNN: recurrent("RNN", 1),
  GRU: recurrent("GRU", 3),
  LSTM: recurrent("LSTM", 4),
  Attention: heads,
  RotaryEmbedding: (d) => {
    const [batch, heads, length, half] = [d.int(1, 2), d.int(1, 3), d.int(1, 3), d.int(1, 2)];
    const packed = d.bool();
    return {
      op: "RotaryEmbedding",
      inputs: [d.float(packed ? [batch, length, heads * 2 * half] : [batch, heads, length, 2 * half]), d.float([4, half]), d.float([4, half]), d.tensor("int64", [batch, length], [0, 3])],
      attributes: { interleaved: is.flag(d.bool()), ...(packed ? { num_heads: is.int(heads) } : {}) },
    };
  },
  TensorScatter: (d) => {
    const [batch, heads, total, size] = [d.int(1, 2), d.int(1, 2), d.int(2, 4), d.int(1, 3)];
    const added = d.int(1, total - 1);
    return { op: "TensorScatter", inputs: [d.float([batch, heads, total, size]), d.float([batch, heads, added, size]), d.tensor("int64", [batch], [0, 1])], attributes: { axis: is.int(d.pick([2, -2])) } };
  },
  HannWindow: windowFunction("HannWindow"),
  HammingWindow: windowFunction("HammingWindow"),
  BlackmanWindow: windowFunction("BlackmanWindow"),
  MelWeightMatrix: (d) => ({ op: "MelWeightMatrix", inputs: [number(d.int(1, 4)), number(d.pick([8, 16])), number(8192), number(0, "float32"), number(4096, "float32")], constants: [0, 1, 2, 3, 4] }),
  DFT: (d) => {
    const complex = d.bool();
    const inverse = d.bool();
    const dims = [d.int(1, 2), d.int(1, 5), complex || inverse ? 2 : 1];
    const oneSided = !inverse && !complex && d.bool();
    const length = d.bool() ? number(d.int(1, 6)) : null;
    return { op: "DFT", inputs: [d.float(dims), length, number(1)], constants: [1, 2], attributes: { inverse: is.flag(inverse), onesided: is.flag(oneSided) } };
  },
  STFT: (d) => {
    const frame = d.int(2, 4);
    const signal = frame + d.int(0, 6);
    return { op: "STFT", inputs: [d.float([d.int(1, 2), signal, 1]), number(d.int(1, 3)), d.bool() ? d.float([frame]) : null, number(frame)], constants: [1, 3], attributes: { onesided: is.flag(d.bool()) } };
  },
  NegativeLogLikelihoodLoss: (d) => {
    const [n, c] = [d.int(1, 3), d.int(1, 3)];
    const rest = d.dims(0, 2);
    return { op: "NegativeLogLikelihoodLoss", inputs: [d.float([n, c, ...rest]), d.tensor("int64", [n, ...rest], [0, c - 1]), d.bool() ? d.float([c], [0.1, 1]) : null], attributes: { reduction: is.string(d.pick(["none", "sum", "mean"])) } };
  },
  SoftmaxCrossEntropyLoss: (d) => {
    const [n, c] = [d.int(1, 3), d.int(1, 3)];
    const rest = d.dims(0, 2);
    return { op: "SoftmaxCrossEntropyLoss", inputs: [d.float([n, c, ...rest]), d.tensor("int64", [n, ...rest], [0, c - 1])], attributes: { reduction: is.string(d.pick(["none", "sum", "mean"])) }, outputs: d.int(1, 2) };
  },
  RandomUniform: (d) => ({ op: "RandomUniform", inputs: [], attributes: { shape: is.ints(d.dims(0, 3)), dtype: is.int(d.pick([1, 10, 11])) } }),
  RandomNormal: (d) => ({ op: "RandomNormal", inputs: [], attributes: { shape: is.ints(d.dims(0, 3)) } }),
  RandomUniformLike: (d) => ({ op: "RandomUniformLike", inputs: [d.tensor(d.pick(["float32", "float64"] as const), d.dims(0, 3))], ...(d.bool() ? { attributes: { dtype: is.int(11) } } : {}) }),
  RandomNormalLike: (d) => ({ op: "RandomNormalLike", inputs: [d.tensor(d.pick(["float32", "float64"] as const), d.dims(0, 3))], ...(d.bool() ? { attributes: { dtype: is.int(1) } } : {}) }),
  Multinomial: (d) => ({ op: "Multinomial", inputs: [d.float(d.dims(2, 2))], attributes: { sample_size: is.int(d.int(1, 4)), dtype: is.int(d.pick([6, 7])) } }),
  NonMaxSuppression: (d) => {
    const boxes = d.int(1, 4);
    return { op: "NonMaxSuppression", inputs: [d.float([1, boxes, 4]), d.float([1, 2, boxes]), vector([d.int(0, 3)])], open: true };
  },
};
