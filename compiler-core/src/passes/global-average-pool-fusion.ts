import type { OperatorNode } from "../ir/graph.ts";
import { elementOf } from "../ir/value-type.ts";
import { isFloat } from "../ir/element-type.ts";
import type { MatchContext } from "./definition.ts";
import { reducedAxes } from "./support/normalization-pattern.ts";
import { operatorFusion, type Recognized } from "./support/operator-fusion.ts";

function recognize(root: OperatorNode, context: MatchContext): Recognized | undefined {
  const x = root.inputs[0]!;
  const reduced = reducedAxes(root, context);
  if (!reduced || reduced.rank < 4) return undefined;
  const spatial = reduced.axes.length === reduced.rank - 2 && reduced.axes.every((axis, i) => axis === i + 2);
  let holds = context.require("spatial axes", spatial && reduced.keep, () => `axes [${reduced.axes.join(", ")}] of rank ${reduced.rank}, keepdims ${reduced.keep ? 1 : 0}`);
  const element = elementOf(context.type(x));
  holds = context.require("floating point", element === null ? "unknown" : isFloat(element), element ?? "the element type is unknown") && holds;
  return holds ? { nodes: [root], op: "GlobalAveragePool", inputs: [x] } : undefined;
}

export const globalAveragePoolFusion = operatorFusion({
  name: "global-average-pool-fusion",
  title: "Mean over space to GlobalAveragePool",
  summary: "Writes a ReduceMean over all spatial axes as a GlobalAveragePool.",
  why: "One name for one computation: pooling kernels serve it, and equal branches are seen to be equal.",
  roots: ["ReduceMean"],
  preconditions: [
    { name: "spatial axes", doc: "The mean runs over all axes behind batch and channels, which stay with size 1; there are two of them or more." },
    { name: "floating point", doc: "The elements are floating-point numbers: a pool takes no integers." },
  ],
  recognize,
  examples: [
    {
      title: "Height and width",
      before: `graph @main(%x: float32[N, 2, 3, 4]) -> (%y: float32[N, 2, 1, 1]) {
  %a = constant int64[2] [-1, 2]
  %y = ReduceMean(%x, %a) "pool"
  return %y
}`,
      after: `graph @main(%x: float32[N, 2, 3, 4]) -> (%y: float32[N, 2, 1, 1]) {
  %y = GlobalAveragePool(%x) "pool"
  return %y
}`,
    },
    {
      title: "The axes go away",
      fails: "spatial axes",
      before: `graph @main(%x: float32[N, 2, 3, 4]) -> (%y: float32[N, 2]) {
  %a = constant int64[2] [2, 3]
  %y = ReduceMean(%x, %a) {keepdims = 0}
  return %y
}`,
      after: `graph @main(%x: float32[N, 2, 3, 4]) -> (%y: float32[N, 2]) {
  %a = constant int64[2] [2, 3]
  %y = ReduceMean(%x, %a) {keepdims = 0}
  return %y
}`,
    },
  ],
});
