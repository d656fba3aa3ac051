import { type Attributes, int, ints } from "../../ir/attribute.ts";
import type { OperatorNode, ValueRef } from "../../ir/graph.ts";
import { int64Vector, makeTensor, type Tensor, toIntegers } from "../../ir/tensor.ts";
import { elementCount } from "../../ir/value-type.ts";
import { permuted } from "../../ops/support/strides.ts";
import type { MatchContext } from "../definition.ts";
import { broadcastingOps, unaryOps } from "./elementwise.ts";

/** value = Transpose(other, perm): axis k of the value is axis perm[k] of what stands for it in the other layout. */
export type Permutation = readonly number[];

export const inverse = (perm: Permutation): number[] => {
  const result = new Array<number>(perm.length);
  for (const [k, axis] of perm.entries()) result[axis] = k;
  return result;
};

/** Transpose(Transpose(x, first), second) = Transpose(x, composed(first, second)). */
export const composed = (first: Permutation, second: Permutation): number[] => second.map((axis) => first[axis]!);

/** What a node becomes when its data arrives in another layout. */
export interface Relaid {
  /** inputs that arrive in the other layout */
  readonly data: ReadonlyMap<number, Permutation>;
  readonly outputs: readonly Permutation[];
  /** constant inputs, laid out again */
  readonly constants: ReadonlyMap<number, () => Tensor>;
  readonly attributes: Attributes;
}

/** One axis, which an attribute names; the default of ONNX. */
const alongAxis: Readonly<Record<string, number>> = { ArgMax: 0, ArgMin: 0, Hardmax: -1, LogSoftmax: -1, Softmax: -1, Split: 0 };
/** The order in which numbers are summed may change with the layout. */
const summing = new Set(["LogSoftmax", "ReduceL1", "ReduceL2", "ReduceLogSum", "ReduceLogSumExp", "ReduceMean", "ReduceProd", "ReduceSum", "ReduceSumSquare", "Softmax"]);
const reducing = new Set([...[...summing].filter((op) => op.startsWith("Reduce")), "ReduceMax", "ReduceMin"]);

/** A constant operand of an operator whose result has the rank of `perm`, in the other layout. */
const relaidOperand = (tensor: Tensor, perm: Permutation): Tensor =>
  permuted(makeTensor(tensor.element, [...new Array<number>(perm.length - tensor.dims.length).fill(1), ...tensor.dims], tensor.data), inverse(perm));

const isNumber = (ref: ValueRef | null | undefined, context: MatchContext): boolean => !ref || context.constant(ref)?.count === 1 || (context.shape(ref)?.every((d) => d === 1) ?? false);

/** Axes that a constant input gives, from the front; undefined when they are computed or out of range. */
function axesFrom(ref: ValueRef, rank: number, context: MatchContext): number[] | undefined {
  const tensor = context.tensor(ref);
  const axes = tensor && toIntegers(tensor).map((axis) => (axis < 0 ? axis + rank : axis));
  return axes?.every((axis) => axis >= 0 && axis < rank) ? axes : undefined;
}

const always = (tensor: Tensor) => (): Tensor => tensor;

/** The permutation of what is left when `axes` of the value go, and of the value in the other layout the same. */
function without(perm: Permutation, axes: readonly number[]): number[] {
  const gone = axes.map((axis) => perm[axis]!);
  return perm.filter((_, k) => !axes.includes(k)).map((axis) => axis - gone.filter((g) => g < axis).length);
}

/**
 * `node` with data in the layout that `perm` leads back from; undefined where it is tied to its layout. `side` says whose
 * permutation is given: that of the data input `place`, or of the first output (for operators that keep the rank).
 * Operators that sum along axes are included with `sums` only: in another layout they may sum in another order.
 */
export function relaid(node: OperatorNode, perm: Permutation, side: "output" | { readonly place: number }, context: MatchContext, sums: boolean): Relaid | undefined {
  if (node.domain !== "" || Object.keys(node.regions).length > 0) return undefined;
  const { inputs, attributes } = node;
  const read = context.attributes(node);
  const rank = perm.length;
  const [x] = inputs;
  if (!x || (side !== "output" && side.place !== 0 && !broadcastingOps.has(node.op) && node.op !== "Concat")) return undefined;
  if (!sums && summing.has(node.op)) return undefined;
  const one = new Map([[0, perm]]);
  const none = new Map<number, () => Tensor>();
  const keeps = (more: Partial<Relaid> = {}): Relaid => ({ data: one, outputs: node.outputs.map(() => perm), constants: none, attributes, ...more });
  const axisOf = (fallback: number): number | undefined => {
    const axis = read.int("axis", fallback);
    const front = axis < 0 ? axis + rank : axis;
    return front >= 0 && front < rank ? perm[front] : undefined;
  };
  if (unaryOps.has(node.op)) {
    const others = node.op === "CastLike" || inputs.slice(1).every((ref) => isNumber(ref, context));
    return others ? keeps() : undefined;
  }
  if (broadcastingOps.has(node.op)) {
    const data = new Map<number, Permutation>();
    const constants = new Map<number, () => Tensor>();
    for (const [place, ref] of inputs.entries()) {
      if (!ref) return undefined;
      const constant = context.constant(ref);
      const shape = context.shape(ref);
      if (constant) {
        if (constant.dims.length > rank || constant.type.element === "string") return undefined;
        // Read when the graph is changed: most places are only looked at.
        if (constant.count !== 1) constants.set(place, () => relaidOperand(constant.tensor(), perm));
      } else if (shape?.length === rank) data.set(place, perm);
      else if (!shape || shape.length > rank || !shape.every((d) => d === 1)) return undefined;
    }
    return data.size > 0 && (side === "output" || data.has(side.place)) ? keeps({ data, constants }) : undefined;
  }
  if (node.op === "Concat") {
    const data = new Map<number, Permutation>();
    const constants = new Map<number, () => Tensor>();
    const axis = axisOf(0);
    for (const [place, ref] of inputs.entries()) {
      const constant = context.constant(ref);
      if (!ref || context.shape(ref)?.length !== rank || constant?.type.element === "string") return undefined;
      if (constant) constants.set(place, () => permuted(constant.tensor(), inverse(perm)));
      else data.set(place, perm);
    }
    return axis === undefined ? undefined : keeps({ data, constants, attributes: { ...attributes, axis: int(axis) } });
  }
  if (node.op in alongAxis) {
    const axis = axisOf(alongAxis[node.op]!);
    if (axis === undefined) return undefined;
    const moved = { ...attributes, axis: int(axis) };
    if (!node.op.startsWith("Arg") || read.int("keepdims", 1) !== 0) return keeps({ attributes: moved });
    return side === "output" ? undefined : keeps({ attributes: moved, outputs: [without(perm, [perm.indexOf(axis)])] });
  }
  if (reducing.has(node.op)) {
    const list = inputs[1];
    const axes = list ? axesFrom(list, rank, context) : [];
    if (!axes) return undefined;
    const keep = read.int("keepdims", 1) !== 0;
    const all = axes.length === 0;
    if (all && read.int("noop_with_empty_axes", 0) !== 0) return keeps();
    if (!keep && side === "output") return undefined;
    const gone = all ? perm.map((_, k) => k) : axes;
    return keeps({ outputs: [keep ? perm : without(perm, gone)], constants: all ? none : new Map([[1, always(int64Vector(axes.map((axis) => perm[axis]!)))]]) });
  }
  switch (node.op) {
    case "QuantizeLinear":
    case "DequantizeLinear": {
      if (isNumber(inputs[1], context)) return read.int("block_size", 0) === 0 ? keeps() : undefined;
      const axis = axisOf(1);
      // One scale along an axis; blocks have scales of the data's rank.
      return axis === undefined || context.shape(inputs[1])?.length !== 1 ? undefined : keeps({ attributes: { ...attributes, axis: int(axis) } });
    }
    case "Pad": {
      const pads = context.tensor(inputs[1]);
      const axes = inputs[3] ? axesFrom(inputs[3], rank, context) : perm.map((_, k) => k);
      if (!pads || !axes || !isNumber(inputs[2], context)) return undefined;
      const amounts = toIntegers(pads);
      const full = new Array<number>(2 * rank).fill(0);
      for (const [i, axis] of axes.entries()) {
        full[perm[axis]!] = amounts[i]!;
        full[rank + perm[axis]!] = amounts[axes.length + i]!;
      }
      const constants = new Map([[1, always(int64Vector(full))]]);
      if (inputs[3]) constants.set(3, always(int64Vector(perm.map((_, k) => k))));
      return keeps({ constants });
    }
    case "Slice": {
      const count = context.shape(inputs[1])?.[0];
      const axes = inputs[3] ? axesFrom(inputs[3], rank, context) : typeof count === "number" && count <= rank ? Array.from({ length: count }, (_, k) => k) : undefined;
      return axes && inputs.length >= 3 ? keeps({ constants: new Map([[3, always(int64Vector(axes.map((axis) => perm[axis]!)))]]) }) : undefined;
    }
    case "Tile": {
      const repeats = context.tensor(inputs[1]);
      return repeats ? keeps({ constants: new Map([[1, always(int64Vector(inverse(perm).map((k) => toIntegers(repeats)[k]!)))]]) }) : undefined;
    }
    case "Squeeze": {
      const axes = inputs[1] && axesFrom(inputs[1], rank, context);
      if (!axes || side === "output") return undefined;
      return keeps({ outputs: [without(perm, axes)], constants: new Map([[1, always(int64Vector(axes.map((axis) => perm[axis]!)))]]) });
    }
    case "Unsqueeze": {
      const list = context.tensor(inputs[1]);
      if (!list || side === "output") return undefined;
      const width = rank + elementCount(list.dims);
      const axes = axesFrom(inputs[1]!, width, context);
      if (!axes) return undefined;
      // The new axes stay where they are, and the others move among themselves.
      const kept = Array.from({ length: width }, (_, k) => k).filter((k) => !axes.includes(k));
      return keeps({ outputs: [Array.from({ length: width }, (_, k) => (axes.includes(k) ? k : kept[perm[kept.indexOf(k)]!]!))] });
    }
    default:
      return undefined;
  }
}

export const permAttribute = (perm: Permutation): Attributes => ({ perm: ints(perm) });
