import { type Dim } from "../../ir/dim.ts";
import { type Tensor, toNumbers } from "../../ir/tensor.ts";
import type { InferContext, InferredOutput } from "../../ir/type-rules.ts";
import { elementCount, elementOf, shapeOf, tensorType } from "../../ir/value-type.ts";
import { GraphwrightError } from "../../support/diagnostic.ts";
import type { AttributeInfo, AttributeReader, EvaluateContext } from "../definition.ts";
import { reportConflict } from "./infer.ts";
import { finished } from "./numbers.ts";
import { dimsDiffer } from "./infer.ts";
import type { OperatorNode } from "../../ir/graph.ts";

export const lossAttributes: Readonly<Record<string, AttributeInfo>> = {
  ignore_index: { kind: "int", doc: "targets of this class do not count" },
  reduction: { kind: "string", doc: "none, sum, or mean (weighted by the weights of the targets)", fallback: "mean" },
};

/** Type of the loss of scores [N, C, ...] (input 0) and targets [N, ...] (input 1). */
export function inferLoss(context: InferContext, node: OperatorNode, attributes: AttributeReader): InferredOutput {
  const scores = shapeOf(context.type(0));
  const target = shapeOf(context.type(1));
  const expected = scores && scores.filter((_, i) => i !== 1);
  if (expected && target) {
    const at = expected.findIndex((d, i) => dimsDiffer(d, target[i] as Dim));
    if (expected.length !== target.length || at >= 0) reportConflict(context, node, 0, 1, "scores [N, C, ...] need targets [N, ...]");
  }
  return { type: tensorType(elementOf(context.type(0)), attributes.string("reduction") === "none" ? (target ?? expected) : []) };
}

/** Loss of logarithms of probabilities [N, C, ...]: minus the target's, times its weight, reduced. */
export function likelihoodLoss(logarithms: ArrayLike<number>, scores: Tensor, target: Tensor, weight: Tensor | undefined, { attributes }: EvaluateContext): Tensor {
  const [batch, classes] = scores.dims as [number, number];
  const inner = elementCount(scores.dims.slice(2));
  const count = batch * inner;
  if (scores.dims.length < 2 || elementCount(target.dims) !== count)
    throw new GraphwrightError("shape-contradiction", `scores [${scores.dims.join(", ")}] and targets [${target.dims.join(", ")}] do not go together.`);
  const targets = toNumbers(target);
  const weights = weight && toNumbers(weight);
  const ignored = attributes.optionalInt("ignore_index");
  const reduction = attributes.string("reduction");
  const losses = new Float64Array(count);
  let total = 0;
  let sum = 0;
  for (let i = 0; i < count; i++) {
    const c = targets[i]!;
    if (c === ignored) continue;
    if (!(c >= 0 && c < classes)) throw new GraphwrightError("index-range", `the target ${c} is none of ${classes} classes.`);
    const factor = weights ? weights[c]! : 1;
    const n = Math.floor(i / inner);
    losses[i] = -logarithms[(n * classes + c) * inner + (i % inner)]! * factor;
    total += factor;
    sum += losses[i]!;
  }
  switch (reduction) {
    case "none":
      return finished(scores.element, target.dims, losses);
    case "sum":
      return finished(scores.element, [], Float64Array.of(sum));
    case "mean":
      return finished(scores.element, [], Float64Array.of(sum / total));
    default:
      throw new GraphwrightError("attribute-range", `reduction is "${reduction}", which is none of none, sum and mean.`);
  }
}
