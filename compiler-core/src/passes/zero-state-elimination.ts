import { defineRewrite } from "./definition.ts";
import { provenFill } from "./support/proven-fill.ts";

/** Operands that stand for zeros when they are omitted. */
const states: Readonly<Record<string, readonly (readonly [index: number, name: string])[]>> = {
  LSTM: [[5, "initial_h"], [6, "initial_c"]],
  GRU: [[5, "initial_h"]],
  RNN: [[5, "initial_h"]],
};

export const zeroStateElimination = defineRewrite({
  name: "zero-state-elimination",
  title: "Zero state elimination",
  summary: "Leaves out the initial state of an LSTM, GRU or RNN where it is all zeros, which is what an omitted one means.",
  why: "Exporters build the zeros from the batch size at run time: all of that arithmetic goes with them.",
  exactness: "exact",
  roots: Object.keys(states),
  preconditions: [{ name: "zero state", doc: "An initial state is proven to be +0 in every element: a constant, ConstantOfShape, or parts, copies and rearrangements of such." }],
  match(root, context) {
    const given = states[root.op]!.filter(([index]) => root.inputs[index]);
    if (given.length === 0) return undefined;
    const zero = given.filter(([index]) => Object.is(provenFill(root.inputs[index], context), 0));
    if (!context.require("zero state", zero.length > 0, () => `${(zero.length > 0 ? zero : given).map(([, name]) => name).join(", ")} ${zero.length > 0 ? "is zeros" : "is not proven to be zeros"}`)) return undefined;
    return { nodes: [root.id], bindings: { zero: zero.map(([index]) => index) } };
  },
  rewrite(match, rewriter, context) {
    const root = context.find(match.root)!;
    const zero = match.bindings.zero as readonly number[];
    const inputs = root.inputs.map((ref, i) => (zero.includes(i) ? null : ref));
    while (inputs.at(-1) === null) inputs.pop();
    rewriter.update(root.id, { inputs });
    rewriter.removeDead([...new Set(zero.map((index) => root.inputs[index]!.node))]);
  },
  examples: [
    {
      title: "Zeros for every sequence of the batch",
      before: `graph @main(%x: float32[5, B, 2]) -> (%y: float32[1, B, 3]) {
  %w = constant float32[1, 12, 2] random(1)
  %r = constant float32[1, 12, 3] random(2)
  %start = constant int64[1] [1]
  %end = constant int64[1] [2]
  %s = Shape(%x)
  %b = Slice(%s, %start, %end)
  %one = constant int64[1] [1]
  %hidden = constant int64[1] [3]
  %t = Concat(%one, %b, %hidden) {axis = 0}
  %z = ConstantOfShape(%t)
  %_, %y = LSTM(%x, %w, %r, _, _, %z, %z) {hidden_size = 3}
  return %y
}`,
      after: `graph @main(%x: float32[5, B, 2]) -> (%y: float32[1, B, 3]) {
  %w = constant float32[1, 12, 2] random(1)
  %r = constant float32[1, 12, 3] random(2)
  %_, %y = LSTM(%x, %w, %r) {hidden_size = 3}
  return %y
}`,
    },
    {
      title: "A state of ones",
      fails: "zero state",
      before: `graph @main(%x: float32[5, 2, 2]) -> (%y: float32[1, 2, 3]) {
  %w = constant float32[1, 9, 2] random(1)
  %r = constant float32[1, 9, 3] random(2)
  %t = constant int64[3] [1, 2, 3]
  %z = ConstantOfShape(%t) {value = tensor float32[1] [1]}
  %_, %y = GRU(%x, %w, %r, _, _, %z) {hidden_size = 3}
  return %y
}`,
      after: `graph @main(%x: float32[5, 2, 2]) -> (%y: float32[1, 2, 3]) {
  %w = constant float32[1, 9, 2] random(1)
  %r = constant float32[1, 9, 3] random(2)
  %t = constant int64[3] [1, 2, 3]
  %z = ConstantOfShape(%t) {value = tensor float32[1] [1]}
  %_, %y = GRU(%x, %w, %r, _, _, %z) {hidden_size = 3}
  return %y
}`,
    },
  ],
});
