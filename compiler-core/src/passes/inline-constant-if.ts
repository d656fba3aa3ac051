import { toNumbers } from "../ir/tensor.ts";
import { defineRewrite } from "./definition.ts";
import { copyRegion, replaceOutputs } from "./support/inline-region.ts";

export const inlineConstantIf = defineRewrite({
  name: "inline-constant-if",
  title: "If with a constant condition",
  summary: "Puts the branch that is always taken in place of the If.",
  why: "The other branch is dead weight, and rewrites do not look across the border of a branch.",
  exactness: "exact",
  roots: ["If"],
  preconditions: [{ name: "constant condition", doc: "The condition is a constant of one element." }],
  match(root, context) {
    const condition = context.tensor(root.inputs[0]);
    const known = condition !== undefined && condition.data.length === 1;
    if (!context.require("constant condition", known, () => (known ? `it is ${toNumbers(condition)[0] !== 0}` : `it comes from ${context.describe(root.inputs[0]!)}`))) return undefined;
    const branch = root.regions[toNumbers(condition!)[0] !== 0 ? "then_branch" : "else_branch"];
    if (branch === undefined) return undefined;
    return { nodes: [root.id], bindings: { branch } };
  },
  rewrite(match, rewriter, context) {
    const root = context.find(match.root)!;
    const branch = match.bindings.branch as number;
    const inside = copyRegion(rewriter, context, branch, root.region, root, new Map());
    const { outputs } = context.graph.region(branch);
    replaceOutputs(rewriter, context, root, (output) => inside(outputs[output]!.value));
  },
  examples: [
    {
      title: "The branch that is taken",
      before: `graph @main(%x: float32[N, 4]) -> (%y: float32[N, 4]) {
  %c = constant bool[] [true]
  %a = Neg(%x)
  %b = If(%c) then_branch () { %w = constant float32[] [2] %p = Mul(%a, %w) %t = Relu(%p) return %t } else_branch () { %e = Abs(%a) return %e }
  %y = Neg(%b)
  return %y
}`,
      after: `graph @main(%x: float32[N, 4]) -> (%y: float32[N, 4]) {
  %a = Neg(%x)
  %w = constant float32[] [2]
  %p = Mul(%a, %w)
  %b = Relu(%p)
  %y = Neg(%b)
  return %y
}`,
    },
    {
      title: "A branch that only hands out a capture, as an output of the graph",
      before: `graph @main(%x: float32[N, 4]) -> (%y: float32[N, 4]) {
  %c = constant bool[] [false]
  %y = If(%c) then_branch () { %t = Relu(%x) return %t } else_branch () { return %x as "e" }
  return %y
}`,
      after: `graph @main(%x: float32[N, 4]) -> (%y: float32[N, 4]) {
  %y = Identity(%x)
  return %y
}`,
    },
    {
      title: "The condition is an input",
      fails: "constant condition",
      before: `graph @main(%x: float32[N, 4], %c: bool[]) -> (%y: float32[N, 4]) {
  %y = If(%c) then_branch () { %t = Relu(%x) return %t } else_branch () { %e = Neg(%x) return %e }
  return %y
}`,
      after: `graph @main(%x: float32[N, 4], %c: bool[]) -> (%y: float32[N, 4]) {
  %y = If(%c) then_branch () { %t = Relu(%x) return %t } else_branch () { %e = Neg(%x) return %e }
  return %y
}`,
    },
  ],
});
