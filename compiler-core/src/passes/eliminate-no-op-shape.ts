import type { OperatorNode } from "../ir/graph.ts";
import { toIntegers, toNumbers } from "../ir/tensor.ts";
import { shapesEqual } from "../ir/value-type.ts";
import { defineRewrite, type MatchContext, type PreconditionState } from "./definition.ts";
import { isIdentityPermutation, permutationOf } from "./support/permutation.ts";
import { requireReplaceable, takeOver } from "./support/replacement.ts";

/** Whether the node hands on its first input unchanged, and why. */
function passesThrough(node: OperatorNode, context: MatchContext): { state: PreconditionState; detail: string } {
  const source = node.inputs[0]!;
  const before = context.type(source);
  const after = context.type({ node: node.id, output: 0 });
  const told = (holds: boolean, detail: string): { state: PreconditionState; detail: string } => ({ state: holds ? "satisfied" : "failed", detail });
  switch (node.op) {
    case "Transpose": {
      const perm = permutationOf(node, context);
      return perm ? told(isIdentityPermutation(perm), `perm is [${perm.join(", ")}]`) : { state: "unknown", detail: "the rank is unknown" };
    }
    case "Pad": {
      const pads = context.tensor(node.inputs[1]);
      return pads ? told(toIntegers(pads).every((n) => n === 0), `amounts are [${toIntegers(pads).join(", ")}]`) : { state: "unknown", detail: "the amounts are computed" };
    }
    case "Tile": {
      const repeats = context.tensor(node.inputs[1]);
      return repeats ? told(toNumbers(repeats).every((n) => n === 1), `repeats are [${toIntegers(repeats).join(", ")}]`) : { state: "unknown", detail: "the repeats are computed" };
    }
    case "Concat":
    case "Sum":
    case "Max":
    case "Min":
    case "Mean":
      return told(node.inputs.length === 1, `${node.inputs.length} inputs`);
    case "Cast": {
      const known = before.kind === "tensor" && before.element !== null && after.kind === "tensor" && after.element !== null;
      return known ? told(before.element === after.element, `${before.element} to ${after.element}`) : { state: "unknown", detail: `from ${before.text}` };
    }
    default: {
      // Reshape, Flatten, Expand, Squeeze, Unsqueeze: the order of elements stays, so the shape decides.
      const known = before.kind === "tensor" && after.kind === "tensor";
      const equal = known && shapesEqual(before.shape, after.shape);
      const open = !known || before.shape === null || after.shape === null || (before.shape.length === after.shape.length && [...before.shape, ...after.shape].includes(null));
      return { state: equal ? "satisfied" : open ? "unknown" : "failed", detail: `${before.text} and ${after.text}` };
    }
  }
}

export const eliminateNoOpShape = defineRewrite({
  name: "eliminate-no-op-shape",
  title: "No-op shape operator elimination",
  summary: "Removes a Reshape, Flatten, Expand, Squeeze or Unsqueeze to the shape the value has, a Transpose that moves no axis, a Pad by nothing, a Tile by ones, a Cast to the same type, and a Concat, Sum, Max, Min or Mean of one value.",
  why: "They copy a tensor and hide patterns from other rewrites.",
  exactness: "exact",
  roots: ["Reshape", "Flatten", "Expand", "Squeeze", "Unsqueeze", "Transpose", "Pad", "Tile", "Cast", "Concat", "Sum", "Max", "Min", "Mean"],
  preconditions: [
    { name: "passes through", doc: "The result is proven to be the first input: same shape dimension by dimension (equal symbols count as equal, unknown dimensions never do), same element type." },
    { name: "replaceable", doc: "The value is not both an input and an output of a graph, nor an output under two names." },
  ],
  match(root, context) {
    const source = root.inputs[0];
    if (!source) return undefined;
    const { state, detail } = passesThrough(root, context);
    let holds = context.require("passes through", state, detail);
    holds = requireReplaceable(context, "replaceable", { node: root.id, output: 0 }, source) && holds;
    return holds ? { nodes: [root.id], bindings: {} } : undefined;
  },
  rewrite(match, rewriter, context) {
    takeOver(rewriter, { node: match.root, output: 0 }, context.find(match.root)!.inputs[0]!);
    rewriter.removeDead([match.root]);
  },
  examples: [
    {
      title: "A Reshape to the same symbolic shape",
      before: `graph @main(%x: float32[N, 3, 4]) -> (%y: float32[N, 3, 4]) {
  %s = constant int64[3] [0, 3, 4]
  %a = Relu(%x)
  %b = Reshape(%a, %s)
  %y = Neg(%b)
  return %y
}`,
      after: `graph @main(%x: float32[N, 3, 4]) -> (%y: float32[N, 3, 4]) {
  %a = Relu(%x)
  %y = Neg(%a)
  return %y
}`,
    },
    {
      title: "A Cast to the type the value has",
      before: `graph @main(%x: float32[N, 3]) -> (%y: float32[N, 3]) {
  %a = Relu(%x)
  %b = Cast(%a) {to = 1}
  %y = Neg(%b)
  return %y
}`,
      after: `graph @main(%x: float32[N, 3]) -> (%y: float32[N, 3]) {
  %a = Relu(%x)
  %y = Neg(%a)
  return %y
}`,
    },
    {
      title: "Two unknown dimensions are not known to be equal",
      fails: "passes through",
      before: `graph @main(%x: float32[?, ?], %s: int64[2]) -> (%y: float32[?, ?]) {
  %a = Relu(%x)
  %y = Reshape(%a, %s)
  return %y
}`,
      after: `graph @main(%x: float32[?, ?], %s: int64[2]) -> (%y: float32[?, ?]) {
  %a = Relu(%x)
  %y = Reshape(%a, %s)
  return %y
}`,
    },
    {
      title: "A Transpose of a square matrix keeps the shape, not the order",
      fails: "passes through",
      before: `graph @main(%x: float32[3, 3]) -> (%y: float32[3, 3]) {
  %a = Relu(%x)
  %y = Transpose(%a)
  return %y
}`,
      after: `graph @main(%x: float32[3, 3]) -> (%y: float32[3, 3]) {
  %a = Relu(%x)
  %y = Transpose(%a)
  return %y
}`,
    },
  ],
});
