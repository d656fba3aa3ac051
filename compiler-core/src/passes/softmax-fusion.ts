import { int } from "../ir/attribute.ts";
import { type OperatorNode, sameValue } from "../ir/graph.ts";
import type { MatchContext } from "./definition.ts";
import { requireActivation, activationPreconditions } from "./support/activation-pattern.ts";
import { reducedAxes } from "./support/normalization-pattern.ts";
import { insidePrecondition, operatorFusion, type Recognized, requireInside } from "./support/operator-fusion.ts";

function recognize(root: OperatorNode, context: MatchContext): Recognized | undefined {
  const exp = context.producer(root.inputs[0], "Exp");
  const sum = context.producer(root.inputs[1], "ReduceSum");
  if (!exp || !sum || !sameValue(sum.inputs[0], root.inputs[0])) return undefined;
  const difference = context.producer(exp.inputs[0], "Sub");
  const max = context.producer(difference?.inputs[1], "ReduceMax");
  const x = difference?.inputs[0];
  const shifted = difference !== undefined && max !== undefined && x !== null && x !== undefined && sameValue(max.inputs[0], x);
  if (!context.require("shifted by the largest", shifted, "without it large entries overflow, which Softmax does not do") || !shifted) return undefined;
  const [a, b] = [reducedAxes(sum, context), reducedAxes(max, context)];
  const known = a !== undefined && b !== undefined;
  const one = known && a.axes.length === 1 && a.axes.join() === b.axes.join() && a.keep && b.keep;
  if (!context.require("along one axis", known ? one : "unknown", () => (known ? `axes [${b.axes.join(", ")}] and [${a.axes.join(", ")}], keepdims ${b.keep ? 1 : 0} and ${a.keep ? 1 : 0}` : "axes or rank are not known")) || !one) return undefined;
  let holds = requireActivation(context, x, []);
  const nodes = [root, exp, sum, difference, max];
  holds = requireInside(context, nodes, root) && holds;
  return holds ? { nodes, op: "Softmax", inputs: [x], attributes: { axis: int(a.axes[0]! === a.rank - 1 ? -1 : a.axes[0]!) } } : undefined;
}

export const softmaxFusion = operatorFusion({
  name: "softmax-fusion",
  title: "Softmax",
  summary: "Writes exp(x - max) / sum(exp(x - max)) along one axis as one Softmax.",
  why: "Five passes over the activation become one.",
  roots: ["Div"],
  preconditions: [
    { name: "shifted by the largest", doc: "The largest entry is subtracted before exp, as Softmax does." },
    { name: "along one axis", doc: "Largest entry and sum run along the same single axis, which is kept with size 1." },
    ...activationPreconditions,
    insidePrecondition,
  ],
  recognize,
  examples: [
    {
      title: "Five operators",
      before: `graph @main(%x: float32[N, 4]) -> (%y: float32[N, 4]) {
  %a = constant int64[1] [1]
  %m = ReduceMax(%x, %a)
  %d = Sub(%x, %m)
  %e = Exp(%d)
  %s = ReduceSum(%e, %a)
  %y = Div(%e, %s)
  return %y
}`,
      after: `graph @main(%x: float32[N, 4]) -> (%y: float32[N, 4]) {
  %y = Softmax(%x) {axis = -1}
  return %y
}`,
    },
    {
      title: "Not shifted: large entries overflow",
      fails: "shifted by the largest",
      before: `graph @main(%x: float32[N, 4]) -> (%y: float32[N, 4]) {
  %a = constant int64[1] [1]
  %e = Exp(%x)
  %s = ReduceSum(%e, %a)
  %y = Div(%e, %s)
  return %y
}`,
      after: `graph @main(%x: float32[N, 4]) -> (%y: float32[N, 4]) {
  %a = constant int64[1] [1]
  %e = Exp(%x)
  %s = ReduceSum(%e, %a)
  %y = Div(%e, %s)
  return %y
}`,
    },
  ],
});
