import { type OperatorNode, sameValue, type ValueRef } from "../../ir/graph.ts";
import { dimsEqual } from "../../ir/dim.ts";
import { elementOf } from "../../ir/value-type.ts";
import { fromNumbers, makeTensor, toIntegers } from "../../ir/tensor.ts";
import type { MatchContext, PreconditionInfo } from "../definition.ts";
import type { NewConstant } from "./operator-fusion.ts";
import { innerProducer, scalarOf, wideningScalar, withScalar } from "./scalars.ts";

/** numerator / sqrt(mean(square) + epsilon), in any of the forms in which a root is divided by. */
export interface RootDivision {
  readonly numerator: ValueRef;
  /** the ReduceMean under the root */
  readonly mean: OperatorNode;
  /** what is squared */
  readonly squared: ValueRef;
  readonly epsilon: number;
  readonly epsilonRef: ValueRef;
  /** the epsilon, exponents and ones: constants of one element */
  readonly scalars: readonly ValueRef[];
  /** root first */
  readonly nodes: readonly OperatorNode[];
}

/** `ref` as 1 / s (false) or s (true) of s = sqrt(v): the nodes down to v. */
function rootOf(ref: ValueRef | null | undefined, user: OperatorNode, inverse: boolean, context: MatchContext): { under: ValueRef; nodes: OperatorNode[]; scalars: ValueRef[] } | undefined {
  const node = innerProducer(ref, user, context, "Sqrt", "Pow", "Reciprocal", "Div");
  if (!node) return undefined;
  if (node.op === "Sqrt") return inverse ? undefined : { under: node.inputs[0]!, nodes: [node], scalars: [] };
  if (node.op === "Pow") return scalarOf(node.inputs[1], context) === (inverse ? -0.5 : 0.5) ? { under: node.inputs[0]!, nodes: [node], scalars: [node.inputs[1]!] } : undefined;
  if (!inverse || (node.op === "Div" && scalarOf(node.inputs[0], context) !== 1)) return undefined;
  const inner = rootOf(node.op === "Div" ? node.inputs[1] : node.inputs[0], node, false, context);
  return inner && { under: inner.under, nodes: [node, ...inner.nodes], scalars: [...(node.op === "Div" ? [node.inputs[0]!] : []), ...inner.scalars] };
}

/** The square of what: Pow(x, 2) or x * x. */
function squareOf(ref: ValueRef | null | undefined, user: OperatorNode, context: MatchContext): { of: ValueRef; node: OperatorNode; scalars: ValueRef[] } | undefined {
  const node = innerProducer(ref, user, context, "Pow", "Mul");
  const [a, b] = node?.inputs ?? [];
  if (!node || !a || !b) return undefined;
  if (node.op === "Pow" ? scalarOf(b, context) !== 2 : !sameValue(a, b)) return undefined;
  return { of: a, node, scalars: node.op === "Pow" ? [b] : [] };
}

export function rootDivision(root: OperatorNode, context: MatchContext): RootDivision | undefined {
  const [a, b] = root.inputs;
  const candidates: [ValueRef | null | undefined, ReturnType<typeof rootOf>][] =
    root.op === "Div" ? [[a, rootOf(b, root, false, context)]] : [[a, rootOf(b, root, true, context)], [b, rootOf(a, root, true, context)]];
  for (const [numerator, under] of candidates) {
    if (!numerator || !under) continue;
    const sum = innerProducer(under.under, under.nodes.at(-1)!, context, "Add");
    const epsilon = sum && withScalar(sum, context);
    const mean = epsilon && innerProducer(epsilon.data, sum, context, "ReduceMean");
    const square = mean && squareOf(mean.inputs[0], mean, context);
    if (!sum || !epsilon || !mean || !square) continue;
    return { numerator, mean, squared: square.of, epsilon: epsilon.value, epsilonRef: epsilon.ref, scalars: [epsilon.ref, ...under.scalars, ...square.scalars], nodes: [root, ...under.nodes, sum, mean, square.node] };
  }
  return undefined;
}

/** The axes of a ReduceMean, counted from the front and sorted; undefined when they are computed or the rank is unknown. */
export function reducedAxes(node: OperatorNode, context: MatchContext): { axes: number[]; rank: number; keep: boolean } | undefined {
  const rank = context.shape(node.inputs[0])?.length;
  if (rank === undefined) return undefined;
  const keep = context.attributes(node).int("keepdims", 1) !== 0;
  const list = node.inputs[1];
  const tensor = context.tensor(list);
  if (list && !tensor) return undefined;
  const given = tensor ? toIntegers(tensor) : [];
  const none = context.attributes(node).int("noop_with_empty_axes", 0) !== 0;
  if (given.length === 0) return none ? undefined : { axes: Array.from({ length: rank }, (_, i) => i), rank, keep };
  return { axes: given.map((axis) => (axis < 0 ? axis + rank : axis)).sort((x, y) => x - y), rank, keep };
}

export const normalizationPreconditions: readonly PreconditionInfo[] = [
  { name: "keepdims", doc: "The reductions keep their axes with size 1: without it rows and columns would meet." },
  { name: "trailing axes", doc: "The reductions run over the last axes of the value, all over the same." },
  { name: "epsilon is a number", doc: "What is added under the root is one number; neither it nor an exponent or a 1 of the pattern adds axes." },
  { name: "same precision", doc: "All is computed in float32, as the operator's statistics are." },
];

/** States the preconditions that normalizations share; gives the first normalized axis. */
export function requireNormalization(context: MatchContext, means: readonly OperatorNode[], division: RootDivision, x: ValueRef): { axis: number; rank: number } | undefined {
  const reduced = means.map((mean) => reducedAxes(mean, context));
  const known = reduced.every((r) => r !== undefined);
  let holds = context.require("keepdims", known ? reduced.every((r) => r!.keep) : "unknown", () => (known ? `keepdims is ${reduced.map((r) => (r!.keep ? 1 : 0)).join(" and ")}` : "axes or rank are not known"));
  if (!known) return undefined;
  const { axes, rank } = reduced[0]!;
  const trailing = axes.every((axis, i) => axis === rank - axes.length + i) && reduced.every((r) => r!.axes.join() === axes.join() && r!.rank === rank);
  holds = context.require("trailing axes", trailing, () => `axes ${reduced.map((r) => `[${r!.axes.join(", ")}]`).join(" and ")} of rank ${rank}`) && holds;
  const wide = wideningScalar(division.scalars, x, context);
  holds = context.require("epsilon is a number", wide === undefined, () => wide ?? `${division.epsilon}`) && holds;
  const element = elementOf(context.type(x));
  holds = context.require("same precision", element === "float32", element ?? "the element type is unknown") && holds;
  return holds ? { axis: rank - axes.length, rank } : undefined;
}

/** An operand over the normalized axes alone, in the shape that the operator takes; undefined when it varies over others or is not proven. */
function overNormalized(ref: ValueRef, x: ValueRef, axis: number, context: MatchContext): ValueRef | NewConstant | undefined {
  const shape = context.shape(x);
  const dims = context.shape(ref);
  const wanted = shape?.slice(axis);
  if (!wanted || !dims || elementOf(context.type(ref)) !== elementOf(context.type(x)) || dims.length > shape!.length) return undefined;
  if (dims.length === wanted.length && dims.every((d, i) => dimsEqual(d, wanted[i]!))) return ref;
  // Constants are brought to that shape: leading ones dropped, single numbers repeated.
  const constant = context.constant(ref);
  if (!constant || !wanted.every((d): d is number => typeof d === "number")) return undefined;
  const own = constant.dims;
  const count = wanted.reduce((a, b) => a * b, 1);
  const lead = own.length - wanted.length;
  if (lead >= 0 && own.slice(0, lead).every((d) => d === 1) && own.slice(lead).join() === wanted.join()) {
    const tensor = constant.tensor();
    return { tensor: makeTensor(tensor.element, wanted, tensor.data), like: ref, suffix: "normalized" };
  }
  if (constant.count !== 1) return undefined;
  return { tensor: fromNumbers("float32", wanted, new Float64Array(count).fill(scalarOf(ref, context)!)), like: ref, suffix: "normalized" };
}

/** Ones over the normalized axes, for a pattern without a scale. */
export function onesOver(x: ValueRef, axis: number, like: ValueRef, context: MatchContext): NewConstant | undefined {
  const wanted = context.shape(x)?.slice(axis);
  if (!wanted?.every((d): d is number => typeof d === "number")) return undefined;
  return { tensor: fromNumbers("float32", wanted, new Float64Array(wanted.reduce((a, b) => a * b, 1)).fill(1)), like, suffix: "scale", other: true };
}

/** The one user of `node` if it is `op` with an operand that varies over the normalized axes alone. */
export function appliedAfter(node: OperatorNode, op: "Mul" | "Add", x: ValueRef, axis: number, context: MatchContext): { node: OperatorNode; operand: ValueRef | NewConstant } | undefined {
  const value = { node: node.id, output: 0 };
  const user = context.onlyUser(value);
  if (!user || user.domain !== "" || user.op !== op) return undefined;
  const other = sameValue(user.inputs[0], value) ? user.inputs[1] : user.inputs[0];
  const operand = other && overNormalized(other, x, axis, context);
  return operand ? { node: user, operand } : undefined;
}
