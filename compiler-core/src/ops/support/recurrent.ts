import type { Dim } from "../../ir/dim.ts";
import { toNumbers } from "../../ir/tensor.ts";
import type { InferContext, InferredOutput } from "../../ir/type-rules.ts";
import { elementCount, elementOf, shapeOf, staticShape, tensorType } from "../../ir/value-type.ts";
import { GraphwrightError } from "../../support/diagnostic.ts";
import type { AttributeInfo, AttributeReader, CostContext, EvaluateContext, OperatorVersion, ParameterInfo, Value } from "../definition.ts";
import { multiplyMatrices } from "./gemm.ts";
import { finished, optionalTensor, tensorAt } from "./numbers.ts";
import { permuted } from "./strides.ts";
import { optional, required, tensors } from "./types.ts";
import { dropsAttributes, lacksAttribute } from "./versions.ts";

/** What RNN, GRU and LSTM have in common. */

export type Activation = (x: number) => number;

const sigmoid: Activation = (x) => 1 / (1 + Math.exp(-x));

/** Activation functions by lower-case name; the default parameters are those of the operators of the same names. */
const activations: Readonly<Record<string, { alpha?: number; beta?: number; make: (alpha: number, beta: number) => Activation }>> = {
  relu: { make: () => (x) => Math.max(0, x) },
  tanh: { make: () => Math.tanh },
  sigmoid: { make: () => sigmoid },
  affine: { alpha: 1, beta: 0, make: (alpha, beta) => (x) => alpha * x + beta },
  leakyrelu: { alpha: 0.01, make: (alpha) => (x) => (x >= 0 ? x : alpha * x) },
  thresholdedrelu: { alpha: 1, make: (alpha) => (x) => (x > alpha ? x : 0) },
  scaledtanh: { alpha: 1, beta: 1, make: (alpha, beta) => (x) => alpha * Math.tanh(beta * x) },
  hardsigmoid: { alpha: 0.2, beta: 0.5, make: (alpha, beta) => (x) => Math.min(1, Math.max(0, alpha * x + beta)) },
  elu: { alpha: 1, make: (alpha) => (x) => (x >= 0 ? x : alpha * Math.expm1(x)) },
  softsign: { make: () => (x) => x / (1 + Math.abs(x)) },
  softplus: { make: () => (x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x))) },
};

/**
 * The node's activation functions, `perDirection` for each direction. Entries of activation_alpha and activation_beta
 * go, in order, to the functions that have such a parameter. The function at place `unclipped` of each direction does
 * not clip its input.
 */
export function activationsOf(attributes: AttributeReader, directions: number, defaults: readonly string[], unclipped = Infinity): Activation[] {
  const given = attributes.strings("activations");
  const names = given && given.length > 0 ? given : Array.from({ length: directions }, () => defaults).flat();
  if (names.length < directions * defaults.length)
    throw new GraphwrightError("attribute-range", `${names.length} activations are given, but ${directions * defaults.length} are needed.`);
  const alphas = attributes.floats("activation_alpha") ?? [];
  const betas = attributes.floats("activation_beta") ?? [];
  const clip = attributes.optionalFloat("clip");
  return names.map((name, place) => {
    const entry = activations[name.toLowerCase()];
    if (!entry) throw new GraphwrightError("attribute-range", `"${name}" is not an activation function of recurrent operators.`);
    const alpha = entry.alpha === undefined ? 0 : (alphas.shift() ?? entry.alpha);
    const beta = entry.beta === undefined ? 0 : (betas.shift() ?? entry.beta);
    const apply = entry.make(alpha, beta);
    return clip === undefined || place % defaults.length === unclipped ? apply : (x) => apply(Math.min(clip, Math.max(-clip, x)));
  });
}

/** Each direction as "runs backwards". Throws for an unknown name. */
export function directionsOf(attributes: AttributeReader): boolean[] {
  const name = attributes.string("direction").toLowerCase();
  if (name === "bidirectional") return [false, true];
  if (name === "forward" || name === "reverse") return [name === "reverse"];
  throw new GraphwrightError("attribute-range", `direction is "${name}", which is none of forward, reverse and bidirectional.`);
}

/** Computes the next state of one sequence in place. `gates` holds x * W^T for all gates; it may be overwritten. */
export type Step = (gates: Float64Array, gatesAt: number, h: Float64Array, c: Float64Array) => void;

/** sum over k of r[row, k] * h[k] */
export function recurrentProduct(r: ArrayLike<number>, rowAt: number, h: Float64Array): number {
  let sum = 0;
  for (let k = 0; k < h.length; k++) sum += r[rowAt + k]! * h[k]!;
  return sum;
}

/** What one direction's step works with. */
export interface Weights {
  readonly hidden: number;
  /** R as numbers, and where this direction begins */
  readonly r: ArrayLike<number>;
  readonly rAt: number;
  /** B as numbers, or undefined; Wb begins at bAt, Rb `gates * hidden` later */
  readonly b: ArrayLike<number> | undefined;
  readonly bAt: number;
  readonly direction: number;
}

/** Runs all directions and sequences; gives [Y, Y_h, Y_c]. */
export function runRecurrent(inputs: readonly (Value | null)[], context: EvaluateContext, gates: number, makeStep: (weights: Weights) => Step): (Value | null)[] {
  const { attributes, task } = context;
  const batchFirst = attributes.int("layout") === 1;
  const given = tensorAt(inputs, 0);
  const x = batchFirst ? permuted(given, [1, 0, 2]) : given;
  const [length, batch, size] = x.dims as [number, number, number];
  const w = tensorAt(inputs, 1);
  const r = tensorAt(inputs, 2);
  const backwards = directionsOf(attributes);
  const directions = backwards.length;
  const hidden = r.dims[2]!;
  const width = gates * hidden;
  const declared = attributes.optionalInt("hidden_size");
  if ((declared !== undefined && declared !== hidden) || w.dims[0] !== directions || w.dims[1] !== width || w.dims[2] !== size || r.dims[0] !== directions || r.dims[1] !== width)
    throw new GraphwrightError(
      "shape-contradiction",
      `weights [${w.dims.join(", ")}] and [${r.dims.join(", ")}] do not fit ${directions} direction${directions > 1 ? "s" : ""}, inputs of ${size} and ${declared ?? hidden} hidden units.`,
    );
  const bias = optionalTensor(inputs, 3);
  const b = bias && toNumbers(bias);
  const lensTensor = optionalTensor(inputs, 4);
  const lens = lensTensor ? Array.from(toNumbers(lensTensor)) : new Array<number>(batch).fill(length);
  const bad = lens.find((n) => n < 0 || n > length);
  if (bad !== undefined || lens.length !== batch) throw new GraphwrightError("shape-contradiction", `sequence_lens [${lens.join(", ")}] does not fit ${batch} sequences of ${length}.`);
  const initial = (index: number): ArrayLike<number> | undefined => {
    const tensor = optionalTensor(inputs, index);
    return tensor && toNumbers(batchFirst ? permuted(tensor, [1, 0, 2]) : tensor);
  };
  const h0 = initial(5);
  const c0 = initial(6);
  const xs = toNumbers(x);
  const ws = toNumbers(w);
  const rs = toNumbers(r);
  const y = new Float64Array(length * directions * batch * hidden);
  const yh = new Float64Array(directions * batch * hidden);
  const yc = new Float64Array(directions * batch * hidden);
  for (const [d, backward] of backwards.entries()) {
    const product = new Float64Array(length * batch * width);
    multiplyMatrices(length * batch, width, size, { data: xs, offset: 0, rowStride: size, columnStride: 1 }, { data: ws, offset: d * width * size, rowStride: 1, columnStride: size }, product, 0, width, task);
    const step = makeStep({ hidden, r: rs, rAt: d * width * hidden, b, bAt: d * 2 * width, direction: d });
    for (let n = 0; n < batch; n++) {
      const at = (d * batch + n) * hidden;
      const h = new Float64Array(hidden);
      const c = new Float64Array(hidden);
      for (let k = 0; k < hidden; k++) {
        if (h0) h[k] = h0[at + k]!;
        if (c0) c[k] = c0[at + k]!;
      }
      for (let t = 0; t < lens[n]!; t++) {
        task.check();
        const time = backward ? lens[n]! - 1 - t : t;
        step(product, (time * batch + n) * width, h, c);
        y.set(h, ((time * directions + d) * batch + n) * hidden);
      }
      yh.set(h, at);
      yc.set(c, at);
    }
  }
  const last = (numbers: Float64Array): Value => {
    const tensor = finished(x.element, [directions, batch, hidden], numbers);
    return batchFirst ? permuted(tensor, [1, 0, 2]) : tensor;
  };
  const all = (): Value => {
    const tensor = finished(x.element, [length, directions, batch, hidden], y);
    return batchFirst ? permuted(tensor, [2, 0, 1, 3]) : tensor;
  };
  return [context.wanted(0) ? all() : null, context.wanted(1) ? last(yh) : null, context.wanted(2) ? last(yc) : null].slice(0, context.outputCount);
}

export function inferRecurrent(context: InferContext, attributes: AttributeReader, outputs: number): readonly InferredOutput[] {
  const element = elementOf(context.type(0));
  const x = shapeOf(context.type(0));
  const r = shapeOf(context.type(2));
  const batchFirst = attributes.int("layout") === 1;
  const directions = directionsOf(attributes).length;
  const hidden: Dim = r?.[2] ?? attributes.optionalInt("hidden_size") ?? null;
  const length: Dim = x?.[batchFirst ? 1 : 0] ?? null;
  const batch: Dim = x?.[batchFirst ? 0 : 1] ?? null;
  const y = tensorType(element, batchFirst ? [batch, length, directions, hidden] : [length, directions, batch, hidden]);
  const last = tensorType(element, batchFirst ? [batch, directions, hidden] : [directions, batch, hidden]);
  return [{ type: y }, { type: last }, { type: last }].slice(0, outputs);
}

export const recurrentCost = ({ inputs }: CostContext): { flops: number } => {
  const x = staticShape(inputs[0]);
  const w = staticShape(inputs[1]);
  const r = staticShape(inputs[2]);
  return { flops: x && w && r ? 2 * x[0]! * x[1]! * (elementCount(w) + elementCount(r)) : 0 };
};

const outputSequence: Pick<OperatorVersion, "upgrade" | "downgrade"> = {
  ...dropsAttributes("output_sequence"),
  downgrade: (node) => {
    if (node.outputs[0]) node.attributes.output_sequence = { kind: "int", value: 1 };
    return undefined;
  },
};

/** Versions of a recurrent operator; `early` are those between 1 and 7. */
export const recurrentVersions = (early: readonly OperatorVersion[] = []): readonly OperatorVersion[] => {
  const before = [{ since: 1 }, ...early];
  const lastEarly = before.at(-1)!;
  return [
    ...before.slice(0, -1),
    { ...lastEarly, ...outputSequence },
    { since: 7, change: "attribute output_sequence dropped: an output that is not named is not computed", ...lacksAttribute("layout", 0) },
    { since: 14, change: "layout" },
    { since: 22, change: "more element types", allows: tensors("bfloat16") },
  ];
};

export const recurrentInputs = (gates: string): readonly ParameterInfo[] => [
  required("X", "T", "inputs [steps, batch, size]; with layout 1 [batch, steps, size]"),
  required("W", "T", `input weights [directions, ${gates}, size]`),
  required("R", "T", `recurrence weights [directions, ${gates}, hidden]`),
  optional("B", "T", `biases of the input, then of the recurrence [directions, 2 * ${gates}]; 0 when omitted`),
  optional("sequence_lens", "T1", "steps of each sequence [batch]; all when omitted"),
  optional("initial_h", "T", "state before the first step [directions, batch, hidden]; with layout 1 [batch, directions, hidden]; 0 when omitted"),
];

export const recurrentOutputs: readonly ParameterInfo[] = [
  optional("Y", "T", "states after every step [steps, directions, batch, hidden]; with layout 1 [batch, steps, directions, hidden]; 0 behind the end of a sequence"),
  optional("Y_h", "T", "state after the last step, shaped as initial_h"),
];

export const recurrentAttributes: Readonly<Record<string, AttributeInfo>> = {
  activations: { kind: "strings", doc: "names of the activation functions, for each direction in turn" },
  activation_alpha: { kind: "floats", doc: "first parameters of those activation functions that have one, in order" },
  activation_beta: { kind: "floats", doc: "second parameters of those activation functions that have one, in order" },
  clip: { kind: "float", doc: "what goes into the activation functions of gates is clamped to [-clip, clip]" },
  direction: { kind: "string", doc: "forward, reverse or bidirectional", fallback: "forward" },
  hidden_size: { kind: "int", doc: "number of hidden units" },
  layout: { kind: "int", doc: "1 when the batch comes before the steps", fallback: 0 },
};
