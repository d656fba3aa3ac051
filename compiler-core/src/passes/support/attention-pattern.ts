import { type OperatorNode, sameValue, type ValueRef } from "../../ir/graph.ts";
import type { MatchContext } from "../definition.ts";
import { scalarOf } from "./scalars.ts";

/** softmax(scores(q k^T)) v, with whatever is done to the scores element by element. */
export interface AttentionCore {
  /** the product with the values */
  readonly root: OperatorNode;
  readonly values: ValueRef;
  /** from the root down to the Softmax: a guard that turns rows without any key into zeros, casts */
  readonly after: readonly OperatorNode[];
  readonly softmax: OperatorNode;
  /** from the Softmax down to the product: scales, masks, caps */
  readonly scores: readonly OperatorNode[];
  /** queries times keys */
  readonly product: OperatorNode;
}

/** Where(IsNaN(w), 0, w): a row that attends no key gives zeros. */
function guarded(ref: ValueRef, context: MatchContext): { data: ValueRef; nodes: OperatorNode[] } | undefined {
  const where = context.producer(ref, "Where");
  const test = where && context.producer(where.inputs[0], "IsNaN");
  const data = where?.inputs[2];
  return where && test && data && scalarOf(where.inputs[1], context) === 0 && sameValue(test.inputs[0], data) ? { data, nodes: [where, test] } : undefined;
}

/** Element by element, of one operand that leads on to the scores. */
const onScores = new Set(["Add", "Sub", "Mul", "Div", "Where", "Cast", "Tanh", "Max", "Min", "Clip", "Identity"]);
const pathLimit = 10;

/** The way from `ref` down to a product of two computed values. */
function pathToProduct(ref: ValueRef | null | undefined, context: MatchContext, depth = 0): { path: OperatorNode[]; product: OperatorNode } | undefined {
  const node = context.producer(ref);
  if (!node || node.domain !== "" || depth > pathLimit) return undefined;
  if (node.op === "MatMul" || node.op === "Gemm") return node.inputs.slice(0, 2).some((input) => !input || context.constant(input)) || node.inputs[2] ? undefined : { path: [], product: node };
  if (!onScores.has(node.op)) return undefined;
  for (const input of node.op === "Where" ? node.inputs.slice(1) : node.inputs) {
    const found = pathToProduct(input, context, depth + 1);
    if (found) return { path: [node, ...found.path], product: found.product };
  }
  return undefined;
}

export function attentionCore(root: OperatorNode, context: MatchContext): AttentionCore | undefined {
  const [weights, values] = root.inputs;
  if (!weights || !values || context.constant(values)) return undefined;
  const after: OperatorNode[] = [];
  let at: ValueRef | null | undefined = weights;
  for (let step = 0; at && step < 4; step++) {
    const guard = guarded(at, context);
    const cast = context.producer(at, "Cast", "Identity");
    if (!guard && !cast) break;
    after.push(...(guard?.nodes ?? [cast!]));
    at = guard ? guard.data : cast!.inputs[0];
  }
  const softmax = context.producer(at, "Softmax");
  const found = softmax && pathToProduct(softmax.inputs[0], context);
  return softmax && found && { root, values, after, softmax, scores: found.path, product: found.product };
}

/** Whether the Softmax runs along the last axis; undefined when the rank is unknown and the axis counted from the front. */
export function alongLastAxis(softmax: OperatorNode, context: MatchContext): boolean | undefined {
  const axis = context.attributes(softmax).int("axis", -1);
  if (axis < 0) return axis === -1;
  const rank = context.shape({ node: softmax.id, output: 0 })?.length;
  return rank === undefined ? undefined : axis === rank - 1;
}

/** Bring heads apart and together, and repeat them. */
const moves = new Set(["Transpose", "Reshape", "Squeeze", "Unsqueeze", "Expand", "Split", "Identity"]);

/**
 * The nodes that queries, keys and values pass on their way, and those that bring the heads together afterwards: those
 * that move data only, or multiply it by one number, and are used for nothing else.
 */
export function surroundings(core: AttentionCore, inner: readonly OperatorNode[], context: MatchContext): { before: OperatorNode[]; behind: OperatorNode[] } {
  const inside = new Set(inner.map((node) => node.id));
  const before: OperatorNode[] = [];
  const pending: (ValueRef | null)[] = [core.product.inputs[0]!, core.product.inputs[1]!, core.values];
  for (let ref = pending.pop(); ref !== undefined; ref = pending.pop()) {
    const node = ref && context.find(ref.node);
    if (!node || node.domain !== "" || node.region !== core.root.region || inside.has(node.id)) continue;
    const scaled = (node.op === "Mul" || node.op === "Div") && node.inputs.some((input) => scalarOf(input, context) !== undefined);
    if (!scaled && !moves.has(node.op)) continue;
    if (!context.graph.usesOf(node.id).every((use) => use.kind === "input" && inside.has(use.user))) continue;
    inside.add(node.id);
    before.push(node);
    // Not the shapes and axes. A Split is looked at once for each of its parts, and belongs to it when all of them do.
    pending.push(...(scaled ? node.inputs : node.inputs.slice(0, 1)));
  }
  const behind: OperatorNode[] = [];
  for (let value: ValueRef = { node: core.root.id, output: 0 }; ; ) {
    const user = context.onlyUser(value);
    if (!user || user.domain !== "" || (user.op !== "Transpose" && user.op !== "Reshape") || !sameValue(user.inputs[0], value)) break;
    behind.push(user);
    value = { node: user.id, output: 0 };
  }
  return { before, behind };
}
