import { isFloat } from "../ir/element-type.ts";
import type { OperatorNode } from "../ir/graph.ts";
import { elementOf } from "../ir/value-type.ts";
import { losesNothing } from "./cast-chain.ts";
import { defineRewrite, type MatchContext } from "./definition.ts";
import { mergedNotes, replaceRoot } from "./support/replacement.ts";

/** Monotone on paper, but not one-to-one on floating-point numbers: what goes wrong. */
const notOneToOne: Readonly<Record<string, string>> = {
  Ceil: "it makes ties of all numbers between two integers",
  Erf: "it saturates at -1 and 1, which makes ties",
  Exp: "it overflows above 88 and is 0 below -104 (float32), which makes ties",
  Floor: "it makes ties of all numbers between two integers",
  Log: "it has no value below 0, and neighbours share one logarithm",
  LogSoftmax: "the shift by the logarithm of the sum rounds, which makes ties",
  Relu: "it makes ties of all numbers below 0",
  Sigmoid: "it saturates at 0 and 1, which makes ties",
  Softmax: "small entries become 0 and neighbours share one value, which makes ties",
  Softplus: "it is 0 far below 0, which makes ties",
  Sqrt: "it has no value below 0, and neighbours share one root",
  Tanh: "it saturates at -1 and 1, which makes ties",
};

/** Whether the function keeps (or, for Neg, turns round) the order of all its inputs, ties included. */
function keepsOrder(inner: OperatorNode, context: MatchContext): { holds: boolean | "unknown"; turned: boolean; detail: string } | undefined {
  const element = elementOf(context.type(inner.inputs[0]));
  if (inner.op === "Neg") return { holds: element === null ? "unknown" : isFloat(element), turned: true, detail: element !== null && !isFloat(element) ? `the least ${element} has no negative` : "the order is turned round" };
  if (inner.op === "Cast") {
    const to = elementOf(context.type({ node: inner.id, output: 0 }));
    if (element === null || to === null) return { holds: "unknown", turned: false, detail: "an element type is unknown" };
    const widens = element !== "bool" && losesNothing(element, to);
    return { holds: widens, turned: false, detail: widens ? `every ${element} is one ${to}` : `${to} does not tell all values of ${element} apart` };
  }
  const problem = notOneToOne[inner.op];
  return problem === undefined ? undefined : { holds: false, turned: false, detail: `${inner.op} is monotone, but ${problem}` };
}

export const argMaxOfMonotone = defineRewrite({
  name: "arg-max-of-monotone",
  title: "ArgMax of a monotone function",
  summary: "Looks for the largest before a function that keeps the order of all numbers: a widening Cast, or a Neg, after which the least is looked for.",
  why: "The function need not be computed. The first of equal entries wins, so a function that makes ties changes the answer.",
  exactness: "exact",
  roots: ["ArgMax", "ArgMin"],
  preconditions: [{ name: "one to one", doc: "The function before it is strictly monotone in floating point, for every number. Exp, Log, Sigmoid, Softmax, Sqrt, Tanh and their like are not: they saturate, round neighbours together, or have domains." }],
  match(root, context) {
    const inner = context.producer(root.inputs[0]);
    if (!inner || inner.domain !== "") return undefined;
    const order = keepsOrder(inner, context);
    if (!order || !context.require("one to one", order.holds === "unknown" ? "unknown" : order.holds, order.detail)) return undefined;
    return { nodes: [root.id, inner.id], bindings: { turned: order.turned } };
  },
  rewrite(match, rewriter, context) {
    const [root, inner] = match.nodes.map((id) => context.find(id)!);
    const other = root!.op === "ArgMax" ? "ArgMin" : "ArgMax";
    replaceRoot(match, rewriter, {
      op: match.bindings.turned === true ? other : root!.op,
      inputs: [inner!.inputs[0]!],
      attributes: root!.attributes,
      name: root!.name,
      order: root!.order,
      ...mergedNotes(root!, inner!),
    });
  },
  examples: [
    {
      title: "A widening cast",
      before: `graph @main(%x: float16[N, 4]) -> (%y: int64[N, 1]) {
  %c = Cast(%x) {to = 1}
  %y = ArgMax(%c) {axis = 1}
  return %y
}`,
      after: `graph @main(%x: float16[N, 4]) -> (%y: int64[N, 1]) {
  %y = ArgMax(%x) {axis = 1}
  return %y
}`,
    },
    {
      title: "Turned round",
      before: `graph @main(%x: float32[N, 4]) -> (%y: int64[N, 1]) {
  %c = Neg(%x)
  %y = ArgMax(%c) {axis = 1}
  return %y
}`,
      after: `graph @main(%x: float32[N, 4]) -> (%y: int64[N, 1]) {
  %y = ArgMin(%x) {axis = 1}
  return %y
}`,
    },
    ...["Softmax", "Exp"].map((op) => {
      const text = `graph @main(%x: float32[N, 4]) -> (%y: int64[N, 1]) {
  %c = ${op}(%x)
  %y = ArgMax(%c) {axis = 1}
  return %y
}`;
      return { title: `${op} makes ties`, fails: "one to one", before: text, after: text };
    }),
  ],
});
