import fc from "fast-check";
import { expect, test } from "vitest";
import { evaluateModel } from "../../src/evaluate/index.ts";
import { type Attribute, ConstantValue, type Dim, emptyGraph, fromNumbers, int, ints, makeTensor, Rewriter, string, symbol, type Tensor, tensorType } from "../../src/ir/index.ts";
import { isTensor, typeRules, type Value } from "../../src/ops/index.ts";
import { sizeOf } from "./symbolic.ts";

/** One node to try: its inputs (with `fixed`, known at compile time) and attributes. */
interface Sample {
  readonly op: string;
  readonly inputs: readonly (Tensor | null)[];
  readonly fixed?: readonly number[];
  readonly attributes?: Readonly<Record<string, Attribute>>;
  readonly outputs?: number;
}

const filled = (dims: readonly number[], element: Tensor["element"] = "float32"): Tensor => fromNumbers(element, dims, Float64Array.from({ length: dims.reduce((a, b) => a * b, 1) }, (_, i) => ((i * 7) % 11) - 3));
const list = (values: readonly number[]): Tensor => makeTensor("int64", [values.length], BigInt64Array.from(values, BigInt));
const size = fc.integer({ min: 1, max: 5 });
const shape = (min = 0, max = 4): fc.Arbitrary<number[]> => fc.array(size, { minLength: min, maxLength: max });
const axisOf = (rank: number): fc.Arbitrary<number> => fc.integer({ min: -rank, max: rank - 1 });
const pick = <T>(...items: readonly T[]): fc.Arbitrary<T> => fc.constantFrom(...items);

/** Shapes that broadcast: dimensions of a common shape, some of them 1 or left out. */
const broadcastPair = shape(0, 4).chain((dims) => {
  const part = fc.tuple(fc.integer({ min: 0, max: dims.length }), fc.array(fc.boolean(), { minLength: dims.length, maxLength: dims.length })).map(([drop, ones]) => dims.map((d, i) => (ones[i] ? 1 : d)).slice(drop));
  return fc.tuple(part, part);
});

const window = (ceil: boolean) =>
  fc.integer({ min: 1, max: 3 }).chain((rank) => {
    const each = (arbitrary: fc.Arbitrary<number>): fc.Arbitrary<number[]> => fc.array(arbitrary, { minLength: rank, maxLength: rank });
    return fc.record({
      spatial: each(fc.integer({ min: 5, max: 9 })),
      kernel: each(fc.integer({ min: 1, max: 3 })),
      strides: each(fc.integer({ min: 1, max: 3 })),
      dilations: each(fc.integer({ min: 1, max: 2 })),
      pads: fc.array(fc.integer({ min: 0, max: 1 }), { minLength: 2 * rank, maxLength: 2 * rank }),
      autoPad: pick("NOTSET", "NOTSET", "VALID", "SAME_UPPER", "SAME_LOWER"),
      ceil: ceil ? fc.boolean() : fc.constant(false),
    });
  });
type Window = { spatial: number[]; kernel: number[]; strides: number[]; dilations: number[]; pads: number[]; autoPad: string; ceil: boolean };
const windowAttributes = (w: Window, pooling: boolean): Record<string, Attribute> => ({
  strides: ints(w.strides),
  dilations: ints(w.dilations),
  ...(w.autoPad === "NOTSET" ? { pads: ints(w.pads) } : { auto_pad: string(w.autoPad) }),
  ...(pooling ? { kernel_shape: ints(w.kernel), ceil_mode: int(w.ceil ? 1 : 0) } : {}),
});

const generators: Readonly<Record<string, fc.Arbitrary<Sample>>> = {
  unary: fc.tuple(pick("Relu", "Exp", "Neg", "Sigmoid", "Gelu", "Floor", "LeakyRelu"), shape()).map(([op, dims]) => ({ op, inputs: [filled(dims)] })),
  binary: fc.tuple(pick("Add", "Sub", "Mul", "Div", "Pow", "Max", "Sum", "PRelu"), broadcastPair).map(([op, [a, b]]) => (op === "PRelu" ? { op: "Sum", inputs: [filled(a), filled(b), filled(b)] } : { op, inputs: [filled(a), filled(b)] })),
  comparison: fc.tuple(pick("Equal", "Less", "GreaterOrEqual"), broadcastPair).map(([op, [a, b]]) => ({ op, inputs: [filled(a, "int64"), filled(b, "int64")] })),
  where: broadcastPair.map(([a, b]) => ({ op: "Where", inputs: [filled(a, "bool"), filled(b), filled([])] })),
  cast: fc.tuple(shape(), pick(1, 2, 3, 6, 7, 9, 10, 11, 16, 17, 22)).map(([dims, to]) => ({ op: "Cast", inputs: [filled(dims)], attributes: { to: int(to) } })),
  matmul: fc.tuple(broadcastPair, size, size, size).map(([[a, b], m, k, n]) => ({ op: "MatMul", inputs: [filled([...a, m, k]), filled([...b, k, n])] })),
  gemm: fc.tuple(size, size, size, fc.boolean(), fc.boolean()).map(([m, k, n, ta, tb]) => ({ op: "Gemm", inputs: [filled(ta ? [k, m] : [m, k]), filled(tb ? [n, k] : [k, n]), filled([n])], attributes: { transA: int(ta ? 1 : 0), transB: int(tb ? 1 : 0) } })),
  conv: fc.tuple(window(false), pick(1, 2), size).map(([w, group, m]) => ({ op: "Conv", inputs: [filled([1, 2 * group, ...w.spatial]), filled([m * group, 2, ...w.kernel])], fixed: [1], attributes: { group: int(group), ...windowAttributes(w, false) } })),
  convTranspose: fc.tuple(window(false), size).map(([w, m]) => ({ op: "ConvTranspose", inputs: [filled([1, 2, ...w.spatial]), filled([2, m, ...w.kernel])], fixed: [1], attributes: windowAttributes({ ...w, pads: w.pads.map(() => 0) }, false) })),
  pool: fc.tuple(pick("MaxPool", "AveragePool", "LpPool"), window(true)).map(([op, w]) => ({ op, inputs: [filled([2, 3, ...w.spatial])], attributes: windowAttributes(w, true) })),
  reduction: shape(1, 4).chain((dims) =>
    fc.tuple(pick("ReduceSum", "ReduceMean", "ReduceMax", "ReduceL2", "ReduceLogSumExp"), fc.uniqueArray(fc.integer({ min: 0, max: dims.length - 1 }), { maxLength: dims.length }), fc.boolean(), fc.boolean()).map(([op, axes, keep, noop]) => ({
      op,
      inputs: [filled(dims), list(axes)],
      fixed: [1],
      attributes: { keepdims: int(keep ? 1 : 0), noop_with_empty_axes: int(noop ? 1 : 0) },
    })),
  ),
  argReduction: shape(1, 4).chain((dims) => fc.tuple(axisOf(dims.length), fc.boolean()).map(([axis, keep]) => ({ op: "ArgMax", inputs: [filled(dims)], attributes: { axis: int(axis), keepdims: int(keep ? 1 : 0) } }))),
  softmax: shape(1, 4).chain((dims) => axisOf(dims.length).map((axis) => ({ op: "Softmax", inputs: [filled(dims)], attributes: { axis: int(axis) } }))),
  layerNormalization: shape(1, 4).chain((dims) => axisOf(dims.length).map((axis) => ({ op: "LayerNormalization", inputs: [filled(dims), filled(dims.slice(axis < 0 ? axis + dims.length : axis))], attributes: { axis: int(axis) }, outputs: 3 }))),
  transpose: shape(0, 4).chain((dims) => fc.shuffledSubarray(dims.map((_, i) => i), { minLength: dims.length }).map((perm) => ({ op: "Transpose", inputs: [filled(dims)], attributes: { perm: ints(perm) } }))),
  reshape: fc.tuple(shape(1, 4), fc.nat()).map(([dims, at]) => ({ op: "Reshape", inputs: [filled(dims), list([...dims.map((d, i) => (i === at % dims.length ? -1 : i % 2 ? 0 : d))])], fixed: [1] })),
  flatten: shape(1, 4).chain((dims) => fc.integer({ min: -dims.length, max: dims.length }).map((axis) => ({ op: "Flatten", inputs: [filled(dims)], attributes: { axis: int(axis) } }))),
  unsqueeze: shape(0, 3).chain((dims) => axisOf(dims.length + 1).map((axis) => ({ op: "Unsqueeze", inputs: [filled(dims), list([axis])], fixed: [1] }))),
  concat: shape(1, 4).chain((dims) => fc.tuple(axisOf(dims.length), size).map(([axis, other]) => ({ op: "Concat", inputs: [filled(dims), filled(dims.map((d, i) => (i === (axis + dims.length) % dims.length ? other : d)))], attributes: { axis: int(axis) } }))),
  split: fc.tuple(fc.integer({ min: 3, max: 7 }), size, fc.integer({ min: 1, max: 3 })).map(([a, b, count]) => ({ op: "Split", inputs: [filled([a, b])], attributes: { axis: int(0), num_outputs: int(count) }, outputs: count })),
  slice: fc.tuple(fc.integer({ min: 1, max: 9 }), fc.integer({ min: -12, max: 12 }), fc.integer({ min: -12, max: 12 }), pick(1, 1, 2, 3, -1, -2)).map(([n, start, end, step]) => ({ op: "Slice", inputs: [filled([n, 2]), list([start]), list([end]), list([0]), list([step])], fixed: [0, 1, 2, 3, 4] })),
  gather: shape(1, 3).chain((dims) => fc.tuple(axisOf(dims.length), shape(0, 2)).map(([axis, indices]) => ({ op: "Gather", inputs: [filled(dims), makeTensor("int64", indices)], attributes: { axis: int(axis) } }))),
  gatherNd: fc.tuple(shape(2, 4), size).map(([dims, count]) => ({ op: "GatherND", inputs: [filled(dims), makeTensor("int64", [count, 2])], fixed: [1] })),
  expand: broadcastPair.map(([a, b]) => ({ op: "Expand", inputs: [filled(a), list(b)], fixed: [1] })),
  tile: shape(1, 3).chain((dims) => fc.array(fc.integer({ min: 0, max: 3 }), { minLength: dims.length, maxLength: dims.length }).map((repeats) => ({ op: "Tile", inputs: [filled(dims), list(repeats)], fixed: [1] }))),
  pad: shape(1, 3).chain((dims) => fc.tuple(fc.array(fc.integer({ min: 0, max: 2 }), { minLength: 2 * dims.length, maxLength: 2 * dims.length }), pick("constant", "edge", "reflect", "wrap")).map(([pads, mode]) => ({ op: "Pad", inputs: [filled(dims), list(pads)], fixed: [1], attributes: { mode: string(mode) } }))),
  topK: fc.tuple(fc.integer({ min: 2, max: 6 }), size, fc.integer({ min: 0, max: 2 })).map(([n, m, k]) => ({ op: "TopK", inputs: [filled([n, m]), list([k])], fixed: [1], attributes: { axis: int(0) }, outputs: 2 })),
  oneHot: fc.tuple(shape(0, 2), size).chain(([dims, depth]) => axisOf(dims.length + 1).map((axis) => ({ op: "OneHot", inputs: [filled(dims, "int64"), list([depth]), filled([2])], fixed: [1], attributes: { axis: int(axis) } }))),
  resize: fc.tuple(fc.array(fc.integer({ min: 2, max: 6 }), { minLength: 2, maxLength: 2 }), pick("nearest", "linear", "cubic"), fc.array(pick(0.5, 1, 1.5, 2, 3), { minLength: 2, maxLength: 2 })).map(([dims, mode, scales]) => ({ op: "Resize", inputs: [filled([1, 2, ...dims]), null, fromNumbers("float32", [4], [1, 1, ...scales])], fixed: [2], attributes: { mode: string(mode) } })),
  spaceToDepth: fc.tuple(size, size, pick(1, 2, 3)).map(([h, w, b]) => ({ op: "SpaceToDepth", inputs: [filled([1, 2, h * b, w * b])], attributes: { blocksize: int(b) } })),
  depthToSpace: fc.tuple(size, size, pick(1, 2)).map(([c, h, b]) => ({ op: "DepthToSpace", inputs: [filled([1, c * b * b, h, 3])], attributes: { blocksize: int(b) } })),
  einsum: fc.tuple(size, size, size).map(([i, j, k]) => ({ op: "Einsum", inputs: [filled([2, i, j]), filled([j, k])], attributes: { equation: string("...ij,jk->...ki") } })),
  upsampling: fc.tuple(size, size).map(([h, w]) => ({ op: "Resize", inputs: [filled([1, 1, h, w]), null, null, list([1, 1, 2 * h, w])], fixed: [3], attributes: { mode: string("linear"), cubic_coeff_a: { kind: "float", value: -0.5 } as Attribute } })),
  constantOfShape: shape(0, 3).map((dims) => ({ op: "ConstantOfShape", inputs: [list(dims)], fixed: [0] })),
  range: fc.tuple(fc.integer({ min: -5, max: 5 }), fc.integer({ min: -5, max: 9 }), pick(1, 2, -1, -3)).map(([a, b, step]) => ({ op: "Range", inputs: [a, b, step].map((v) => fromNumbers("int64", [], [v])), fixed: [0, 1, 2] })),
};

/** Builds the node with a symbol for every size that is not 1 of its computed inputs, runs it, and compares types. */
function check(sample: Sample): void {
  const rewriter = new Rewriter(emptyGraph(), typeRules);
  const sizes = new Map<string, number>();
  const values = new Map<string, Value>();
  const inputs = sample.inputs.map((tensor, index) => {
    if (!tensor) return null;
    const name = `i${index}`;
    if (sample.fixed?.includes(index)) return rewriter.addConstant({ value: ConstantValue.of(tensor), name });
    values.set(name, tensor);
    const dims = tensor.dims.map((d, axis): Dim => {
      if (d === 1) return d;
      sizes.set(`s${index}_${axis}`, d);
      return symbol(`s${index}_${axis}`);
    });
    return rewriter.addParameter({ name, type: tensorType(tensor.element, dims) });
  });
  const outputs = Array.from({ length: sample.outputs ?? 1 }, (_, i) => `o${i}`);
  const node = rewriter.addNode({ op: sample.op, inputs, outputs, ...(sample.attributes ? { attributes: sample.attributes } : {}) });
  for (const [output, name] of outputs.entries()) rewriter.addOutput(0, { name, value: { node, output } });
  const { graph } = rewriter.commit({ pass: "test", rewrite: "sample", site: "", matched: [] });
  expect(rewriter.diagnostics.map((d) => d.message)).toEqual([]);
  const results = evaluateModel(graph, values);
  for (const [output, name] of outputs.entries()) {
    const value = results.get(name)!;
    const type = graph.type({ node, output });
    if (!isTensor(value) || type.kind !== "tensor" || type.shape === null) throw new Error(`${sample.op} has no inferred rank: ${type.text}`);
    expect(type.element).toBe(value.element);
    expect({ inferred: type.text, sizes: type.shape.map((d, i) => sizeOf(d, sizes) ?? value.dims[i]) }).toEqual({ inferred: type.text, sizes: [...value.dims] });
  }
}

test.each(Object.keys(generators))("inferred types equal the evaluated ones: %s", (name) => {
  fc.assert(fc.property(generators[name]!, check), { numRuns: 60, seed: 1 });
});

