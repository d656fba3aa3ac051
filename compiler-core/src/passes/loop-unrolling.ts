import { ConstantValue } from "../ir/constant.ts";
import type { NodeId, ValueRef } from "../ir/graph.ts";
import { makeTensor, scalar, type Tensor, toNumbers } from "../ir/tensor.ts";
import { bodyKeepsCondition } from "../ops/support/bodies.ts";
import { defineRewrite } from "./definition.ts";
import { replaceOutputs } from "./support/inline-region.ts";
import { budgetPrecondition, requireBudget, stack, unroll } from "./support/unrolling.ts";

const untouched = `graph @main(%x: float32[4], %n: int64[]) -> (%y: float32[4]) {
  %y = Loop(%n, _, %x) body (%i: int64[], %c: bool[], %s: float32[4]) { %t = Relu(%s) return %c, %t }
  return %y
}`;

export const loopUnrolling = defineRewrite({
  name: "loop-unrolling",
  title: "Loop unrolling",
  summary: "Writes a Loop with a known number of turns as so many copies of its body, one after the other.",
  why: "Rewrites do not look across the border of a body, and each turn of a loop copies what it carries; unrolled, each turn is folded and fused like any other part.",
  exactness: "exact",
  roots: ["Loop"],
  preconditions: [
    { name: "known number of turns", doc: "M is a constant." },
    { name: "only M ends it", doc: "The condition is absent or constant, and the body hands on the condition it is given, or a constant true." },
    { name: "something to stack", doc: "The loop runs at least once, or none of its scan outputs is used." },
    budgetPrecondition,
  ],
  match(root, context, options) {
    const body = root.regions["body"];
    if (body === undefined) return undefined;
    const limit = root.inputs[0] ? context.tensor(root.inputs[0]) : undefined;
    if (!context.require("known number of turns", limit?.data.length === 1, () => (root.inputs[0] ? (limit ? `M is ${toNumbers(limit)[0]}` : `M comes from ${context.describe(root.inputs[0])}`) : "there is no M"))) return undefined;
    const start = root.inputs[1] ? context.tensor(root.inputs[1]) : undefined;
    const starts = !root.inputs[1] || (start?.data.length === 1 && toNumbers(start)[0] !== 0);
    const never = start?.data.length === 1 && toNumbers(start)[0] === 0;
    const fixed = never || (starts && bodyKeepsCondition(context.graph, body));
    if (!context.require("only M ends it", fixed, () => (fixed ? "the condition does not change" : root.inputs[1] && !start ? `the condition comes from ${context.describe(root.inputs[1])}` : "the body computes the condition"))) return undefined;
    const turns = never ? 0 : Math.max(0, toNumbers(limit as Tensor)[0]!);
    const states = root.inputs.length - 2;
    const stacks = root.outputs.some((_, output) => output >= states && context.graph.usesOfValue({ node: root.id, output }).length > 0);
    if (!context.require("something to stack", turns > 0 || !stacks, () => `${turns} turns`)) return undefined;
    if (!requireBudget(context, options, body, turns)) return undefined;
    return { nodes: [root.id], bindings: { body, turns } };
  },
  rewrite(match, rewriter, context) {
    const root = context.find(match.root)!;
    const { body, turns } = match.bindings as { body: number; turns: number };
    const [counter, condition, ...carried] = context.graph.region(body).parameters;
    const at = { region: root.region, order: root.order };
    const constant = (base: string, value: Tensor): ValueRef => {
      const ref = rewriter.addConstant({ value: ConstantValue.of(value), name: context.freshName(base), ...at });
      rewriter.derive("replace", [root.id], [ref.node]);
      return ref;
    };
    const isUsed = (id: NodeId | undefined): id is NodeId => id !== undefined && context.graph.usesOf(id).length > 0;
    // Handing it on is no use of it: each turn is known to run.
    const readsCondition = isUsed(condition) && (context.graph.usesOf(condition).some((use) => use.kind === "input") || context.graph.region(body).outputs.slice(1).some((o) => o.value.node === condition));
    const always = turns > 0 && readsCondition ? constant(`${context.graph.node(condition).outputs[0]!.name || "condition"}_true`, scalar("bool", 1)) : undefined;
    const initial = root.inputs.slice(2) as ValueRef[];
    const results = unroll(rewriter, context, root, body, turns, (turn, before) => {
      const given = new Map<NodeId, ValueRef>();
      if (isUsed(counter)) given.set(counter, constant(`${context.graph.node(counter).outputs[0]!.name || "turn"}_${turn}`, makeTensor("int64", [], BigInt64Array.of(BigInt(turn)))));
      if (always) given.set(condition!, always);
      for (const [i, id] of carried.entries()) given.set(id, before ? before[1 + i]! : initial[i]!);
      return given;
    });
    const last = results.at(-1);
    replaceOutputs(rewriter, context, root, (output) => {
      if (output < initial.length) return last ? last[1 + output]! : initial[output]!;
      return stack(rewriter, context, root, output, results.map((result) => result[1 + output]!), 0);
    });
  },
  examples: [
    {
      title: "Two turns that carry a value and count",
      before: `graph @main(%x: float32[4]) -> (%y: float32[4]) {
  %n = constant int64[] [2]
  %y = Loop(%n, _, %x) body (%i: int64[], %c: bool[], %s: float32[4]) { %f = Cast(%i) {to = 1} %t = Add(%s, %f) return %c, %t }
  return %y
}`,
      after: `graph @main(%x: float32[4]) -> (%y: float32[4]) {
  %i_0 = constant int64[] [0]
  %f = Cast(%i_0) {to = 1}
  %t = Add(%x, %f)
  %i_1 = constant int64[] [1]
  %f_1 = Cast(%i_1) {to = 1}
  %y = Add(%t, %f_1)
  return %y
}`,
    },
    {
      title: "What every turn gives, stacked; a constant of the body is there once",
      before: `graph @main(%x: float32[4]) -> (%ys: float32[2, 4]) {
  %n = constant int64[] [2]
  %yes = constant bool[] [true]
  %y, %ys = Loop(%n, %yes, %x) body (%i: int64[], %c: bool[], %s: float32[4]) { %w = constant float32[] [3] %t = Mul(%s, %w) return %c, %t, %t }
  return %ys
}`,
      after: `graph @main(%x: float32[4]) -> (%ys: float32[2, 4]) {
  %w = constant float32[] [3]
  %t = Mul(%x, %w)
  %t_1 = Mul(%t, %w)
  %ys_axes = constant int64[1] [0]
  %ys_slice = Unsqueeze(%t, %ys_axes)
  %ys_slice_1 = Unsqueeze(%t_1, %ys_axes)
  %ys = Concat(%ys_slice, %ys_slice_1) {axis = 0}
  return %ys
}`,
    },
    {
      title: "A condition that is false from the start",
      before: `graph @main(%x: float32[4]) -> (%z: float32[4]) {
  %n = constant int64[] [5]
  %no = constant bool[] [false]
  %y = Loop(%n, %no, %x) body (%i: int64[], %c: bool[], %s: float32[4]) { %t = Neg(%s) return %c, %t }
  %z = Relu(%y)
  return %z
}`,
      after: `graph @main(%x: float32[4]) -> (%z: float32[4]) {
  %z = Relu(%x)
  return %z
}`,
    },
    { title: "The number of turns is an input", fails: "known number of turns", before: untouched, after: untouched },
    {
      title: "The body decides when it ends",
      fails: "only M ends it",
      before: `graph @main(%x: float32[]) -> (%y: float32[]) {
  %n = constant int64[] [3]
  %y = Loop(%n, _, %x) body (%i: int64[], %c: bool[], %s: float32[]) { %t = Neg(%s) %d = Greater(%t, %x) return %d, %t }
  return %y
}`,
      after: `graph @main(%x: float32[]) -> (%y: float32[]) {
  %n = constant int64[] [3]
  %y = Loop(%n, _, %x) body (%i: int64[], %c: bool[], %s: float32[]) { %t = Neg(%s) %d = Greater(%t, %x) return %d, %t }
  return %y
}`,
    },
    {
      title: "No turn, and a scan output",
      fails: "something to stack",
      before: `graph @main(%x: float32[4]) -> (%ys: float32[0, 4]) {
  %n = constant int64[] [0]
  %y, %ys = Loop(%n, _, %x) body (%i: int64[], %c: bool[], %s: float32[4]) { %t = Neg(%s) return %c, %t, %t }
  return %ys
}`,
      after: `graph @main(%x: float32[4]) -> (%ys: float32[0, 4]) {
  %n = constant int64[] [0]
  %y, %ys = Loop(%n, _, %x) body (%i: int64[], %c: bool[], %s: float32[4]) { %t = Neg(%s) return %c, %t, %t }
  return %ys
}`,
    },
    {
      title: "More turns than the budget allows",
      fails: "within budget",
      options: { unrolledOperators: 3 },
      before: `graph @main(%x: float32[4]) -> (%y: float32[4]) {
  %n = constant int64[] [4]
  %y = Loop(%n, _, %x) body (%i: int64[], %c: bool[], %s: float32[4]) { %t = Neg(%s) return %c, %t }
  return %y
}`,
      after: `graph @main(%x: float32[4]) -> (%y: float32[4]) {
  %n = constant int64[] [4]
  %y = Loop(%n, _, %x) body (%i: int64[], %c: bool[], %s: float32[4]) { %t = Neg(%s) return %c, %t }
  return %y
}`,
    },
  ],
});
