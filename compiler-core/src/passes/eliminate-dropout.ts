import { toNumbers } from "../ir/tensor.ts";
import { defineRewrite } from "./definition.ts";
import { requireReplaceable, takeOver } from "./support/replacement.ts";

export const eliminateDropout = defineRewrite({
  name: "eliminate-dropout",
  title: "Dropout elimination",
  summary: "Uses the input of a Dropout in inference mode in place of its output.",
  why: "In inference mode Dropout copies its input; without it, neighbours can fuse.",
  exactness: "exact",
  roots: ["Dropout"],
  preconditions: [
    { name: "inference mode", doc: "training_mode is absent or constant false." },
    { name: "mask unused", doc: "Nothing uses the second output, the mask." },
    { name: "replaceable", doc: "The value is not both an input and an output of a graph, nor an output under two names." },
  ],
  match(root, context) {
    const source = root.inputs[0];
    if (!source) return undefined;
    const mode = root.inputs[2];
    const constant = context.tensor(mode);
    const training = constant ? toNumbers(constant)[0] !== 0 : undefined;
    let holds = context.require(
      "inference mode",
      !mode || training === false ? true : training ? "failed" : "unknown",
      !mode ? "training_mode is not given" : training === undefined ? `training_mode is computed by ${context.describe(mode)}` : `training_mode is ${training}`,
      { enable: "Set training_mode to false, if the model is meant for inference." },
    );
    const maskUsers = context.graph.usesOfValue({ node: root.id, output: 1 });
    holds = context.require("mask unused", maskUsers.length === 0, maskUsers.length === 0 ? "nothing uses the mask" : `the mask has ${maskUsers.length} uses`) && holds;
    holds = requireReplaceable(context, "replaceable", { node: root.id, output: 0 }, source) && holds;
    return holds ? { nodes: [root.id], bindings: {} } : undefined;
  },
  rewrite(match, rewriter, context) {
    takeOver(rewriter, { node: match.root, output: 0 }, context.find(match.root)!.inputs[0]!);
    rewriter.removeDead([match.root]);
  },
  examples: [
    {
      title: "Inference mode",
      before: `graph @main(%x: float32[N, 4]) -> (%y: float32[N, 4]) {
  %ratio = constant float32[] [0.5]
  %a = Relu(%x)
  %b = Dropout(%a, %ratio)
  %y = Neg(%b)
  return %y
}`,
      after: `graph @main(%x: float32[N, 4]) -> (%y: float32[N, 4]) {
  %a = Relu(%x)
  %y = Neg(%a)
  return %y
}`,
    },
    {
      title: "training_mode is true: values are dropped, it must stay",
      fails: "inference mode",
      before: `graph @main(%x: float32[N, 4]) -> (%y: float32[N, 4]) {
  %ratio = constant float32[] [0.5]
  %training = constant bool[] [true]
  %a = Dropout(%x, %ratio, %training) {seed = 1}
  %y = Neg(%a)
  return %y
}`,
      after: `graph @main(%x: float32[N, 4]) -> (%y: float32[N, 4]) {
  %ratio = constant float32[] [0.5]
  %training = constant bool[] [true]
  %a = Dropout(%x, %ratio, %training) {seed = 1}
  %y = Neg(%a)
  return %y
}`,
    },
    {
      title: "The caller chooses training_mode: unknown, so it must stay",
      fails: "inference mode",
      before: `graph @main(%x: float32[N, 4], %training: bool[]) -> (%y: float32[N, 4]) {
  %a = Dropout(%x, _, %training) {seed = 1}
  %y = Neg(%a)
  return %y
}`,
      after: `graph @main(%x: float32[N, 4], %training: bool[]) -> (%y: float32[N, 4]) {
  %a = Dropout(%x, _, %training) {seed = 1}
  %y = Neg(%a)
  return %y
}`,
    },
    {
      title: "The mask is used: it must stay",
      fails: "mask unused",
      before: `graph @main(%x: float32[N, 4]) -> (%y: float32[N, 4], %m: bool[N, 4]) {
  %a, %mask = Dropout(%x)
  %y = Neg(%a)
  %m = Not(%mask)
  return %y, %m
}`,
      after: `graph @main(%x: float32[N, 4]) -> (%y: float32[N, 4], %m: bool[N, 4]) {
  %a, %mask = Dropout(%x)
  %y = Neg(%a)
  %m = Not(%mask)
  return %y, %m
}`,
    },
  ],
});
