import { float } from "../ir/attribute.ts";
import { type Dim, dimsEqual } from "../ir/dim.ts";
import type { OperatorNode, ValueRef } from "../ir/graph.ts";
import { toNumbers } from "../ir/tensor.ts";
import { elementOf, shapesEqual } from "../ir/value-type.ts";
import type { MatchContext } from "./definition.ts";
import { permutationOf } from "./support/permutation.ts";
import { insidePrecondition, operatorFusion, type Recognized, requireInside } from "./support/operator-fusion.ts";
import { productOf } from "./support/product.ts";
import { innerProducer, wideningScalar } from "./support/scalars.ts";

/** `ref`, or what it is a multiple of. */
function unscaled(ref: ValueRef, user: OperatorNode, context: MatchContext): { data: ValueRef; scale: number; nodes: readonly OperatorNode[]; scalars: readonly ValueRef[] } {
  const node = innerProducer(ref, user, context, "Mul", "Div");
  const product = node && productOf(node, context);
  return product?.factors.length === 1 && product.scalars.length > 0 ? { data: product.factors[0]!, ...product } : { data: ref, scale: 1, nodes: [], scalars: [] };
}

/** Whether a mask that is added has finite numbers only: a constant, or a choice between two, broadcast or reshaped. */
function hasFiniteNumbers(mask: ValueRef, context: MatchContext): boolean {
  let at: ValueRef | null | undefined = mask;
  for (let steps = 0; at && steps < 6; steps++) {
    const constant = context.tensor(at);
    if (constant) return Array.from(toNumbers(constant)).every(Number.isFinite);
    const node = context.producer(at, "Where", "Expand", "Unsqueeze", "Squeeze", "Reshape", "Slice", "Transpose", "Identity");
    if (node?.op === "Where") return [node.inputs[1], node.inputs[2]].every((side) => side && context.constant(side) && hasFiniteNumbers(side, context));
    at = node?.inputs[0];
  }
  return false;
}

function recognize(root: OperatorNode, context: MatchContext): Recognized | undefined {
  const softmax = innerProducer(root.inputs[0], root, context, "Softmax");
  const v = root.inputs[1];
  if (!softmax || !v) return undefined;
  const rank = context.shape({ node: softmax.id, output: 0 })?.length;
  const axis = context.attributes(softmax).int("axis", -1);
  if (rank !== undefined && axis !== -1 && axis !== rank - 1) return undefined;
  const sum = innerProducer(softmax.inputs[0], softmax, context, "Add");
  // The masked scores: one operand of the sum is the scores.
  const attempts: [ValueRef, OperatorNode, ValueRef | undefined][] = sum
    ? [[sum.inputs[0]!, sum, sum.inputs[1]!], [sum.inputs[1]!, sum, sum.inputs[0]!]]
    : [[softmax.inputs[0]!, softmax, undefined]];
  for (const [scoresRef, user, mask] of attempts) {
    const outer = unscaled(scoresRef, user, context);
    const last = outer.nodes.at(-1) ?? user;
    const product = innerProducer(outer.data, last, context, "MatMul");
    if (!product) continue;
    const query = unscaled(product.inputs[0]!, product, context);
    const key = unscaled(product.inputs[1]!, product, context);
    const turn = innerProducer(key.data, key.nodes.at(-1) ?? product, context, "Transpose");
    const perm = turn && permutationOf(turn, context);
    const q = query.data;
    const shapes = [q, v].map((ref) => context.shape(ref));
    if (!context.require("heads apart", shapes.every((shape) => shape?.length === 4) ? true : shapes.includes(undefined) ? "unknown" : "failed", () => `queries ${context.type(q).text}, values ${context.type(v).text}`)) return undefined;
    if (!context.require("keys turned", perm?.join() === "0,1,3,2", () => (perm ? `the Transpose before the product has perm [${perm.join(", ")}]` : "no Transpose of its own before the product")) || !turn) return undefined;
    const k = turn.inputs[0]!;
    const [qs, ks, vs] = [context.shape(q)!, context.shape(k), context.shape(v)!];
    const fits = ks !== undefined && dimsEqual(qs[0]!, ks[0]!) && dimsEqual(qs[1]!, ks[1]!) && dimsEqual(ks[0]!, vs[0]!) && dimsEqual(ks[1]!, vs[1]!) && dimsEqual(ks[2]!, vs[2]!);
    let holds = context.require("same batch and heads", fits ? true : [qs, ks, vs].some((s) => !s || s.includes(null)) ? "unknown" : "failed", () => [q, k, v].map((ref) => context.type(ref).text).join(", "));
    const element = elementOf(context.type(q));
    holds = context.require("same precision", element === "float32" && [k, v, ...(mask ? [mask] : [])].every((ref) => elementOf(context.type(ref)) === element), () => [q, k, v, ...(mask ? [mask] : [])].map((ref) => context.type(ref).text).join(", ")) && holds;
    const scale = outer.scale * query.scale * key.scale;
    const scalars = [...outer.scalars, ...query.scalars, ...key.scalars];
    const wide = wideningScalar(scalars, q, context);
    holds = context.require("a positive scale", scale > 0 && wide === undefined, () => wide ?? `the scale is ${scale}`) && holds;
    if (!holds) return undefined;
    const maskProblem = mask && problemOfMask(mask, sum!, outer.data, ks![2]!, context);
    if (!context.require("a mask that is added", maskProblem === undefined ? true : "unknown", () => maskProblem ?? (mask ? "finite, and as long as the keys" : "there is none"))) return undefined;
    const nodes = [root, softmax, ...(sum ? [sum] : []), ...outer.nodes, product, ...query.nodes, ...key.nodes, turn];
    if (!requireInside(context, nodes, root)) return undefined;
    return { nodes, op: "Attention", inputs: [q, k, v, ...(mask ? [mask] : [])], attributes: { scale: float(Math.fround(scale)) } };
  }
  return undefined;
}

function problemOfMask(mask: ValueRef, sum: OperatorNode, scores: ValueRef, keys: Dim, context: MatchContext): string | undefined {
  const shape = context.shape(mask);
  if (!shape || (shape.length !== 4 && shape.length !== 2)) return `the mask is ${context.type(mask).text}, not of rank 2 or 4`;
  if (!dimsEqual(shape.at(-1)!, keys)) return `the mask's last size is not proven to be the number of keys: a shorter one would hide keys`;
  if (!shapesEqual(context.shape({ node: sum.id, output: 0 }) ?? null, context.shape(scores) ?? null)) return "the mask may widen the scores";
  if (!hasFiniteNumbers(mask, context)) return `${context.describe(mask)} may hold minus infinity: a query that attends no key gives NaN here, and zeros in Attention`;
  return undefined;
}

const body = (mask: boolean, mul = "[0.5]"): string => `graph @main(%q: float32[N, 2, S, 4], %k: float32[N, 2, T, 4], %v: float32[N, 2, T, 4]${mask ? ", %keep: bool[N, 1, 1, T]" : ""}) -> (%y: float32[N, 2, S, 4]) {
  %c = constant float32[] ${mul}
  %t = Transpose(%k) {perm = [0, 1, 3, 2]}
  %p = MatMul(%q, %t)
  %s = Mul(%p, %c)${
    mask
      ? `
  %zero = constant float32[] [0]
  %least = constant float32[] [-1e9]
  %m = Where(%keep, %zero, %least)
  %a = Add(%s, %m)
  %w = Softmax(%a)`
      : `
  %w = Softmax(%s)`
  }
  %y = MatMul(%w, %v) "attend"
  return %y
}`;
const set23 = (text: string): string => `model {opset = {"" = 23}}\n${text}`;

export const attentionFusion = operatorFusion({
  name: "attention-fusion",
  title: "Attention",
  summary: "Writes softmax(q k^T scale + mask) v over separate heads as one Attention.",
  why: "The scores need never be written as a whole. Vaswani et al. 2017; Dao et al. 2022.",
  roots: ["MatMul"],
  preconditions: [
    { name: "heads apart", doc: "Queries and values are [batch, heads, length, size]." },
    { name: "keys turned", doc: "The right factor of the scores is a Transpose of the last two axes." },
    { name: "same batch and heads", doc: "Queries, keys and values are proven to have the same batch and heads, keys and values the same length: nothing broadcasts." },
    { name: "same precision", doc: "All is float32." },
    { name: "a positive scale", doc: "Scores, queries or keys are multiplied by numbers whose product is positive: Attention takes its root." },
    { name: "a mask that is added", doc: "If there is a mask, it has rank 2 or 4, its last size is the number of keys, it does not widen the scores, and it is proven to be finite." },
    insidePrecondition,
  ],
  recognize,
  examples: [
    {
      title: "Without a mask",
      before: set23(body(false)),
      after: set23(`graph @main(%q: float32[N, 2, S, 4], %k: float32[N, 2, T, 4], %v: float32[N, 2, T, 4]) -> (%y: float32[N, 2, S, 4]) {
  %y = Attention(%q, %k, %v) {scale = 0.5} "attend"
  return %y
}`),
    },
    {
      title: "With padding masked by a large negative number",
      before: set23(body(true)),
      after: set23(`graph @main(%q: float32[N, 2, S, 4], %k: float32[N, 2, T, 4], %v: float32[N, 2, T, 4], %keep: bool[N, 1, 1, T]) -> (%y: float32[N, 2, S, 4]) {
  %zero = constant float32[] [0]
  %least = constant float32[] [-1e9]
  %m = Where(%keep, %zero, %least)
  %y = Attention(%q, %k, %v, %m) {scale = 0.5} "attend"
  return %y
}`),
    },
    { title: "Masked by minus infinity: a row may be masked as a whole", fails: "a mask that is added", before: set23(body(true).replace("[-1e9]", "[-inf]")), after: set23(body(true).replace("[-1e9]", "[-inf]")) },
    { title: "A negative scale", fails: "a positive scale", before: set23(body(false, "[-0.5]")), after: set23(body(false, "[-0.5]")) },
    { title: "Operator set 21 has no Attention", fails: "operator set", before: body(false), after: body(false) },
  ],
});
