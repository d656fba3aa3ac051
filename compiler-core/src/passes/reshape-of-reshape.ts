import { toIntegers } from "../ir/tensor.ts";
import { defineRewrite } from "./definition.ts";

export const reshapeOfReshape = defineRewrite({
  name: "reshape-of-reshape",
  title: "Reshape of Reshape",
  summary: "Reshapes the value before a Reshape, Flatten, Squeeze or Unsqueeze straight to the last shape.",
  why: "The shape between does not matter; without it other rewrites see the value itself.",
  exactness: "exact",
  roots: ["Reshape"],
  preconditions: [{ name: "target says all", doc: "The last shape is a constant without 0, which would copy a dimension of the shape between (with allowzero 0 is a size of its own)." }],
  match(root, context) {
    const inner = context.producer(root.inputs[0], "Reshape", "Flatten", "Squeeze", "Unsqueeze");
    if (!inner) return undefined;
    const target = context.tensor(root.inputs[1]);
    const sizes = target && toIntegers(target);
    const copies = sizes?.includes(0) && context.attributes(root).int("allowzero", 0) === 0;
    if (!context.require("target says all", sizes ? !copies : "unknown", () => (sizes ? `the shape is [${sizes.join(", ")}]` : "the shape is computed"))) return undefined;
    return { nodes: [root.id, inner.id], bindings: {} };
  },
  rewrite(match, rewriter, context) {
    const root = context.find(match.root)!;
    const inner = context.find(match.nodes[1]!)!;
    rewriter.update(match.root, { inputs: [inner.inputs[0]!, root.inputs[1]!] });
    rewriter.removeDead([inner.id]);
  },
  examples: [
    {
      title: "By way of a flat shape",
      before: `graph @main(%x: float32[N, 6]) -> (%y: float32[M, 3]) {
  %flat = constant int64[1] [-1]
  %s = constant int64[2] [-1, 3]
  %a = Reshape(%x, %flat)
  %y = Reshape(%a, %s)
  return %y
}`,
      after: `graph @main(%x: float32[N, 6]) -> (%y: float32[M, 3]) {
  %s = constant int64[2] [-1, 3]
  %y = Reshape(%x, %s)
  return %y
}`,
    },
    {
      title: "0 copies a dimension of the shape between",
      fails: "target says all",
      before: `graph @main(%x: float32[2, 6]) -> (%y: float32[3, 4]) {
  %t = constant int64[2] [3, -1]
  %s = constant int64[2] [0, 4]
  %a = Reshape(%x, %t)
  %y = Reshape(%a, %s)
  return %y
}`,
      after: `graph @main(%x: float32[2, 6]) -> (%y: float32[3, 4]) {
  %t = constant int64[2] [3, -1]
  %s = constant int64[2] [0, 4]
  %a = Reshape(%x, %t)
  %y = Reshape(%a, %s)
  return %y
}`,
    },
  ],
});
