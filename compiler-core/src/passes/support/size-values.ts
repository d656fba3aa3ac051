import type { Dim } from "../../ir/dim.ts";
import { dimsEqual } from "../../ir/dim.ts";
import { type OperatorNode, sameValue, type ValueRef } from "../../ir/graph.ts";
import { toIntegers } from "../../ir/tensor.ts";
import type { MatchContext } from "../definition.ts";

/** One element of a small integer value: a number, or the size of an axis of some value. */
export type SizeElement = { readonly number: number } | { readonly of: ValueRef; readonly axis: number };

const elementLimit = 16;

/** The elements of an integer vector or scalar that is put together from constants and shapes; undefined where it is computed otherwise. */
export function sizeElements(ref: ValueRef | null | undefined, context: MatchContext, depth = 0): SizeElement[] | undefined {
  if (!ref || depth > 12) return undefined;
  const constant = context.constant(ref);
  if (constant) return constant.count <= elementLimit && constant.dims.length <= 1 && constant.type.element?.startsWith("int") ? toIntegers(constant.tensor()).map((number) => ({ number })) : undefined;
  const node = context.producer(ref, "Concat", "Unsqueeze", "Squeeze", "Reshape", "Gather", "Slice", "Shape", "Cast", "Identity");
  if (!node) return undefined;
  const inside = (input: ValueRef | null | undefined): SizeElement[] | undefined => sizeElements(input, context, depth + 1);
  switch (node.op) {
    case "Shape": {
      const of = node.inputs[0]!;
      const rank = context.shape(of)?.length;
      if (rank === undefined) return undefined;
      const bound = (at: number): number => Math.min(rank, Math.max(0, at < 0 ? at + rank : at));
      const attributes = context.attributes(node);
      const [start, end] = [bound(attributes.int("start", 0)), bound(attributes.optionalInt("end") ?? rank)];
      return Array.from({ length: Math.max(0, end - start) }, (_, i) => ({ of, axis: start + i }));
    }
    case "Concat": {
      const parts = node.inputs.map(inside);
      return parts.every((part) => part !== undefined) ? parts.flat() : undefined;
    }
    case "Gather": {
      const indices = context.constant(node.inputs[1]);
      const from = inside(node.inputs[0]);
      if (!indices || !from || indices.dims.length > 1 || indices.count > elementLimit) return undefined;
      const picked = toIntegers(indices.tensor()).map((i) => from[i < 0 ? i + from.length : i]);
      return picked.every((element) => element !== undefined) ? picked : undefined;
    }
    case "Slice": {
      const from = inside(node.inputs[0]);
      const [starts, ends, , steps] = node.inputs.slice(1).map((input) => (input ? context.tensor(input) : undefined));
      if (!from || !starts || !ends || (node.inputs[4] && !steps) || (steps && toIntegers(steps)[0] !== 1)) return undefined;
      const bound = (at: number): number => Math.min(from.length, Math.max(0, at < 0 ? at + from.length : at));
      return from.slice(bound(toIntegers(starts)[0]!), bound(toIntegers(ends)[0]!));
    }
    case "Cast": {
      const type = context.type({ node: node.id, output: 0 });
      return type.kind === "tensor" && type.element === "int64" ? inside(node.inputs[0]) : undefined;
    }
    default:
      // Unsqueeze, Squeeze, Reshape, Identity: a scalar and a vector of one element hold the same.
      return (context.shape(ref)?.length ?? 2) <= 1 ? inside(node.inputs[0]) : undefined;
  }
}

const sameShape = new Set([
  "Abs", "Cast", "CastLike", "Celu", "Clip", "CumSum", "Dropout", "Elu", "Erf", "Exp", "Gelu", "HardSigmoid", "HardSwish", "Identity", "LayerNormalization", "LeakyRelu",
  "Log", "LogSoftmax", "LpNormalization", "Mish", "Neg", "Not", "Reciprocal", "Relu", "RMSNormalization", "Selu", "Sigmoid", "Sign", "Softmax", "Softplus", "Sqrt", "Swish", "Tanh",
]);
const broadcasting = new Set(["Add", "Sub", "Mul", "Div", "Pow", "Min", "Max", "And", "Or", "Equal", "Where"]);

interface Axis {
  readonly of: ValueRef;
  readonly axis: number;
}

/** Where the size of an axis comes from, followed back through operators that keep it. */
function axisOrigin(of: ValueRef, axis: number, context: MatchContext, depth = 0): Axis {
  const here = { of, axis };
  const node = context.producer(of);
  const rank = context.shape(of)?.length;
  if (!node || node.domain !== "" || of.output !== 0 || rank === undefined || depth > 24) return here;
  const before = originOfInput(node, axis, rank, context);
  return before ? axisOrigin(before.of, before.axis, context, depth + 1) : here;
}

function originOfInput(node: OperatorNode, axis: number, rank: number, context: MatchContext): Axis | undefined {
  const [first, second] = node.inputs;
  if (!first) return undefined;
  if (sameShape.has(node.op)) return { of: first, axis };
  if (node.op === "Transpose") {
    const perm = context.attributes(node).ints("perm");
    return { of: first, axis: perm ? perm[axis]! : rank - 1 - axis };
  }
  // The rows of a product with a matrix are those of its left factor.
  if (node.op === "MatMul") return second && context.shape(second)?.length === 2 && context.shape(first)?.length === rank && axis < rank - 1 ? { of: first, axis } : undefined;
  if (!broadcasting.has(node.op)) return undefined;
  // A size comes from the one operand whose axis is not proven to be 1.
  const able: Axis[] = [];
  for (const input of node.inputs) {
    if (!input) return undefined;
    const shape = context.shape(input);
    if (!shape) return undefined;
    const at = axis - (rank - shape.length);
    if (at >= 0 && shape[at] !== 1) able.push({ of: input, axis: at });
  }
  if (able.length === 1) return able[0];
  const origins = able.map((each) => axisOrigin(each.of, each.axis, context, 20));
  return origins.length > 1 && origins.every((o) => sameValue(o.of, origins[0]!.of) && o.axis === origins[0]!.axis) ? able[0] : undefined;
}

const dimOf = ({ of, axis }: Axis, context: MatchContext): Dim => context.shape(of)?.[axis] ?? null;

/** Whether two axes are proven to have the same size: by their inferred sizes, or since both come from one axis. */
export function sameSize(a: Axis, b: Axis, context: MatchContext): boolean {
  if (dimsEqual(dimOf(a, context), dimOf(b, context))) return true;
  const [x, y] = [axisOrigin(a.of, a.axis, context), axisOrigin(b.of, b.axis, context)];
  return (sameValue(x.of, y.of) && x.axis === y.axis) || dimsEqual(dimOf(x, context), dimOf(y, context));
}
