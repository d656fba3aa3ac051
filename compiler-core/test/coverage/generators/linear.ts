import type { Attribute } from "../../../src/ir/attribute.ts";
import { type Draw, type Generator, is, number, vector } from "../node-case.ts";

interface Window {
  readonly spatial: number[];
  readonly kernel: number[];
  readonly strides: number[];
  readonly attributes: Record<string, Attribute>;
}

/** Sizes, kernel, strides, dilations and padding that leave an output of at least one element. */
function drawWindow(d: Draw, options: { dilations?: boolean; autoPad?: boolean; padBelowKernel?: boolean } = {}): Window {
  const rank = d.int(1, 3);
  const kernel = d.list(rank, () => d.int(1, 3));
  const dilations = kernel.map(() => (options.dilations === false ? 1 : d.int(1, 2)));
  const reach = kernel.map((k, i) => (k - 1) * dilations[i]! + 1);
  const spatial = reach.map((r) => r + d.int(0, 4));
  const strides = kernel.map(() => d.int(1, 3));
  const auto = options.autoPad === false ? "NOTSET" : d.pick(["NOTSET", "NOTSET", "SAME_UPPER", "SAME_LOWER", "VALID"]);
  // Padding as wide as the kernel would leave windows with nothing in them.
  const pads = d.list(2 * rank, (i) => d.int(0, options.padBelowKernel ? Math.min(1, kernel[i % rank]! - 1) : 2));
  return {
    spatial,
    kernel,
    strides,
    attributes: {
      kernel_shape: is.ints(kernel),
      ...(d.bool() || options.dilations === false ? { strides: is.ints(strides) } : { strides: is.ints(strides), dilations: is.ints(dilations) }),
      ...(auto === "NOTSET" ? { pads: is.ints(pads) } : { auto_pad: is.string(auto) }),
    },
  };
}

const convolution = (d: Draw, options = {}) => {
  const w = drawWindow(d, options);
  const group = d.int(1, 2);
  const [channels, features] = [group * d.int(1, 2), group * d.int(1, 2)];
  return { ...w, group, channels, features, x: [d.int(1, 2), channels, ...w.spatial], w: [features, channels / group, ...w.kernel], attributes: { ...w.attributes, group: is.int(group) } as Record<string, Attribute> };
};

const pool = (op: "MaxPool" | "AveragePool" | "LpPool"): Generator => (d) => {
  const w = drawWindow(d, { padBelowKernel: true });
  const x = d.float([d.int(1, 2), d.int(1, 2), ...w.spatial]);
  return { op, inputs: [x], attributes: { ...w.attributes, ceil_mode: is.flag(d.bool()) }, outputs: op === "MaxPool" && d.bool() ? 2 : 1 };
};

const globalPool = (op: string): Generator => (d) => ({ op, inputs: [d.float([d.int(1, 2), d.int(1, 3), ...d.dims(1, 3)])] });

/** Shapes of a matrix product with broadcasting. */
function product(d: Draw): [number[], number[]] {
  const [m, k, n] = [d.int(1, 4), d.int(1, 4), d.int(1, 4)];
  const batch = d.dims(0, 2, 1, 3);
  const how = d.int(0, 3);
  if (how === 0) return [[k], [...d.broadcastable(batch), k, n]];
  if (how === 1) return [[...d.broadcastable(batch), m, k], [k]];
  return [[...d.broadcastable(batch), m, k], [...batch, k, n]];
}

export const linear: Readonly<Record<string, Generator>> = {
  Conv: (d) => {
    const c = convolution(d);
    return { op: "Conv", inputs: [d.float(c.x), d.float(c.w), ...(d.bool() ? [d.float([c.features])] : [])], attributes: c.attributes };
  },
  ConvInteger: (d) => {
    const c = convolution(d);
    const x = d.pick(["uint8", "int8"] as const);
    return { op: "ConvInteger", inputs: [d.tensor(x, c.x), d.tensor("uint8", c.w), ...(d.bool() ? [number(1, x)] : [])], attributes: c.attributes };
  },
  QLinearConv: (d) => {
    const c = convolution(d);
    const scale = () => d.float([], [0.1, 1]);
    const zero = () => number(2, "uint8");
    return { op: "QLinearConv", inputs: [d.tensor("uint8", c.x), scale(), zero(), d.tensor("uint8", c.w), scale(), zero(), scale(), zero()], attributes: c.attributes };
  },
  ConvTranspose: (d) => {
    const c = convolution(d, { padBelowKernel: true });
    const attributes = { ...c.attributes };
    if (d.bool()) attributes["output_padding"] = is.ints(c.strides.map((s) => d.int(0, s - 1)));
    return { op: "ConvTranspose", inputs: [d.float([c.x[0]!, c.channels, ...c.spatial]), d.float([c.channels, c.features / c.group, ...c.kernel])], attributes };
  },
  DeformConv: (d) => {
    const [kh, kw] = [d.int(1, 2), d.int(1, 2)];
    const [h, w] = [d.int(kh, 4), d.int(kw, 4)];
    const [oh, ow] = [h - kh + 1, w - kw + 1];
    const mask = d.bool();
    return {
      op: "DeformConv",
      inputs: [d.float([1, 2, h, w]), d.float([3, 2, kh, kw]), d.float([1, 2 * kh * kw, oh, ow]), null, mask ? d.float([1, kh * kw, oh, ow]) : null],
      attributes: { kernel_shape: is.ints([kh, kw]), pads: is.ints([0, 0, 0, 0]) },
    };
  },
  MaxPool: pool("MaxPool"),
  AveragePool: pool("AveragePool"),
  LpPool: pool("LpPool"),
  GlobalAveragePool: globalPool("GlobalAveragePool"),
  GlobalMaxPool: globalPool("GlobalMaxPool"),
  GlobalLpPool: globalPool("GlobalLpPool"),
  MatMul: (d) => {
    const [a, b] = product(d);
    const element = d.element("MatMul");
    return { op: "MatMul", inputs: [d.tensor(element, a), d.tensor(element, b)] };
  },
  MatMulInteger: (d) => {
    const [a, b] = product(d);
    return { op: "MatMulInteger", inputs: [d.tensor("int8", a), d.tensor("uint8", b)] };
  },
  QLinearMatMul: (d) => {
    const [m, k, n] = [d.int(1, 3), d.int(1, 3), d.int(1, 3)];
    const batch = d.dims(0, 2, 1, 2);
    const scale = () => d.float([], [0.1, 1]);
    const zero = () => number(2, "uint8");
    return { op: "QLinearMatMul", inputs: [d.tensor("uint8", [...batch, m, k]), scale(), zero(), d.tensor("uint8", [...batch, k, n]), scale(), zero(), scale(), zero()] };
  },
  Gemm: (d) => {
    const [m, k, n] = [d.int(1, 4), d.int(1, 4), d.int(1, 4)];
    const [ta, tb] = [d.bool(), d.bool()];
    return { op: "Gemm", inputs: [d.float(ta ? [k, m] : [m, k]), d.float(tb ? [n, k] : [k, n]), ...(d.bool() ? [d.float(d.broadcastable([m, n]))] : [])], attributes: { transA: is.flag(ta), transB: is.flag(tb) } };
  },
  Einsum: (d) => {
    const letters = ["i", "j", "k", "l"];
    const size = d.list(4, () => d.int(1, 3));
    const terms = d.list(d.int(1, 3), () => d.list(d.int(1, 3), () => d.int(0, 3)));
    const used = [...new Set(terms.flat())];
    const kept = used.filter(() => d.bool());
    const spell = (term: readonly number[]) => term.map((i) => letters[i]).join("");
    const equation = terms.map(spell).join(",") + (d.bool() ? `->${spell(kept)}` : "");
    return { op: "Einsum", inputs: terms.map((term) => d.float(term.map((i) => size[i]!))), attributes: { equation: is.string(equation) } };
  },
  Col2Im: (d) => {
    const block = [d.int(1, 2), d.int(1, 2)];
    const image = block.map((b) => b + d.int(0, 3));
    const places = image.map((s, i) => s - block[i]! + 1);
    return { op: "Col2Im", inputs: [d.float([d.int(1, 2), d.int(1, 2) * block[0]! * block[1]!, places[0]! * places[1]!]), vector(image), vector(block)], constants: [1, 2] };
  },
  MaxUnpool: (d) => {
    const spatial = d.dims(1, 2, 1, 3);
    const dims = [1, d.int(1, 2), ...spatial];
    return { op: "MaxUnpool", inputs: [d.float(dims), d.tensor("int64", dims, [0, 1])], attributes: { kernel_shape: is.ints(spatial.map(() => 2)), strides: is.ints(spatial.map(() => 2)) } };
  },
  GridSample: (d) => {
    const three = d.bool();
    const [n, c] = [d.int(1, 2), d.int(1, 2)];
    const rank = three ? 3 : 2;
    const mode = d.pick(three ? ["linear", "nearest"] : ["linear", "nearest", "cubic"]);
    return { op: "GridSample", inputs: [d.float([n, c, ...d.list(rank, () => d.int(1, 4))]), d.float([n, ...d.list(rank, () => d.int(1, 3)), rank])], attributes: { mode: is.string(mode), align_corners: is.flag(d.bool()) } };
  },
  AffineGrid: (d) => {
    const spatial = d.list(d.int(2, 3), () => d.int(1, 4));
    const n = d.int(1, 2);
    return { op: "AffineGrid", inputs: [d.float([n, spatial.length, spatial.length + 1]), vector([n, 3, ...spatial])], constants: [1], attributes: { align_corners: is.flag(d.bool()) } };
  },
  RoiAlign: (d) => {
    const rois = d.int(1, 3);
    return { op: "RoiAlign", inputs: [d.float([2, 3, 5, 5]), d.float([rois, 4], [0, 4]), d.tensor("int64", [rois], [0, 1])], attributes: { output_height: is.int(d.int(1, 3)), output_width: is.int(d.int(1, 3)) } };
  },
  MaxRoiPool: (d) => ({ op: "MaxRoiPool", inputs: [d.float([1, 2, 5, 5]), d.float([d.int(1, 3), 5], [0, 0.4])], attributes: { pooled_shape: is.ints([d.int(1, 3), d.int(1, 3)]) } }),
};
