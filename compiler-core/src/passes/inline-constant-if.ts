import type { ValueRef } from "../ir/graph.ts";
import { toNumbers } from "../ir/tensor.ts";
import { defineRewrite } from "./definition.ts";
import { copyRegion } from "./support/inline-region.ts";

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
    const made = new Set<string>();
    for (const [output, result] of context.graph.region(branch).outputs.entries()) {
      const from = { node: root.id, output };
      if (rewriter.usesOfValue(from).length === 0) continue;
      const value: ValueRef = inside(result.value);
      const { name } = root.outputs[output]!;
      const producer = rewriter.node(value.node);
      // A value of its own takes the If's name. A capture keeps its name: where the If's is an output, a copy bears it.
      const own = value.node >= context.graph.nodes.length && !made.has(`${value.node}:${value.output}`);
      made.add(`${value.node}:${value.output}`);
      if (own) {
        rewriter.update(value.node, { outputs: producer.outputs.map((o, i) => (i === value.output ? { ...o, name } : o)) });
        rewriter.replaceUses(from, value);
      } else if (context.isResult(from)) {
        const copy = rewriter.addNode({ op: "Identity", inputs: [value], outputs: [{ name, type: root.outputs[output]!.type }], region: root.region, order: root.order });
        rewriter.derive("replace", [root.id], [copy]);
        rewriter.replaceUses(from, { node: copy, output: 0 });
      } else rewriter.replaceUses(from, value);
    }
    rewriter.removeDead([root.id]);
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
