import { type OperatorNode, sameValue, type ValueRef } from "../ir/graph.ts";
import type { MatchContext } from "./definition.ts";
import { activationPreconditions, requireActivation } from "./support/activation-pattern.ts";
import { insidePrecondition, operatorFusion, type Recognized, requireInside } from "./support/operator-fusion.ts";
import { withScalar } from "./support/scalars.ts";

/** log(1 + exp(of)). */
function logOfExp(log: OperatorNode | undefined, context: MatchContext): { of: ValueRef; nodes: OperatorNode[]; one: ValueRef } | undefined {
  const add = context.producer(log?.inputs[0], "Add");
  const one = add && withScalar(add, context);
  const exp = one?.value === 1 ? context.producer(one.data, "Exp") : undefined;
  const of = exp?.inputs[0];
  return log && add && one && exp && of ? { of, nodes: [log, add, exp], one: one.ref } : undefined;
}

/** x where it is above zero, else 0. */
function positivePart(ref: ValueRef | null | undefined, context: MatchContext): { of: ValueRef; node: OperatorNode; zero?: ValueRef } | undefined {
  const node = context.producer(ref, "Relu", "Max");
  if (node?.op === "Relu") return { of: node.inputs[0]!, node };
  const zero = node?.inputs.length === 2 ? withScalar(node, context) : undefined;
  return node && zero?.value === 0 ? { of: zero.data, node, zero: zero.ref } : undefined;
}

function recognize(root: OperatorNode, context: MatchContext): Recognized | undefined {
  let found: { x: ValueRef; nodes: OperatorNode[]; scalars: ValueRef[] } | undefined;
  if (root.op === "Log") {
    const log = logOfExp(root, context);
    const user = context.onlyUser({ node: root.id, output: 0 });
    // The part that is left of the form that does not overflow.
    if (!log || (user?.op === "Add" && context.producer(log.of, "Neg"))) return undefined;
    context.require("does not overflow", false, "exp is infinite above 88, where Softplus is x", { enable: "Write it as max(x, 0) + log(1 + exp(-|x|))." });
    return undefined;
  }
  for (const place of [0, 1]) {
    const log = root.op === "Add" ? logOfExp(context.producer(root.inputs[place], "Log"), context) : undefined;
    const positive = log && positivePart(root.inputs[1 - place], context);
    const minus = log && context.producer(log.of, "Neg");
    const size = context.producer(minus?.inputs[0], "Abs");
    if (!log || !positive || !minus || !size || !sameValue(size.inputs[0], positive.of)) continue;
    context.require("does not overflow", true, "exp is taken of -|x|");
    found = { x: positive.of, nodes: [root, positive.node, ...log.nodes, minus, size], scalars: [log.one, ...(positive.zero ? [positive.zero] : [])] };
    break;
  }
  if (!found) return undefined;
  let holds = requireActivation(context, found.x, found.scalars);
  holds = requireInside(context, found.nodes, root) && holds;
  return holds ? { nodes: found.nodes, op: "Softplus", inputs: [found.x] } : undefined;
}

const plain = `graph @main(%x: float32[N, 8]) -> (%y: float32[N, 8]) {
  %one = constant float32[] [1]
  %e = Exp(%x)
  %s = Add(%e, %one)
  %y = Log(%s)
  return %y
}`;

export const softplusFusion = operatorFusion({
  name: "softplus-fusion",
  title: "Softplus",
  summary: "Writes max(x, 0) + log(1 + exp(-|x|)) as one Softplus.",
  why: "Seven passes over the activation become one.",
  roots: ["Add", "Log"],
  preconditions: [
    { name: "does not overflow", doc: "The exponential is taken of -|x|, and max(x, 0) is added: log(1 + exp(x)) by itself is infinite above 88, where Softplus is x." },
    ...activationPreconditions,
    insidePrecondition,
  ],
  recognize,
  examples: [
    {
      title: "The form that does not overflow",
      before: `graph @main(%x: float32[N, 8]) -> (%y: float32[N, 8]) {
  %one = constant float32[] [1]
  %a = Abs(%x)
  %m = Neg(%a)
  %e = Exp(%m)
  %s = Add(%e, %one)
  %l = Log(%s)
  %r = Relu(%x)
  %y = Add(%r, %l)
  return %y
}`,
      after: `graph @main(%x: float32[N, 8]) -> (%y: float32[N, 8]) {
  %y = Softplus(%x)
  return %y
}`,
    },
    { title: "Of any value: it overflows, which Softplus does not", fails: "does not overflow", before: plain, after: plain },
  ],
});
