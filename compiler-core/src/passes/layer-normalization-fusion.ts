import { float, int } from "../ir/attribute.ts";
import { type OperatorNode, sameValue } from "../ir/graph.ts";
import type { MatchContext } from "./definition.ts";
import { insidePrecondition, operatorFusion, type Recognized, requireInside } from "./support/operator-fusion.ts";
import { appliedAfter, normalizationPreconditions, onesOver, requireNormalization, rootDivision } from "./support/normalization-pattern.ts";

function recognize(root: OperatorNode, context: MatchContext): Recognized | undefined {
  const division = rootDivision(root, context);
  if (!division) return undefined;
  const difference = context.producer(division.numerator, "Sub");
  const [x, meanRef] = difference?.inputs ?? [];
  const mean = context.producer(meanRef, "ReduceMean");
  // Without a mean it is an RMS normalization.
  if (!difference || !x || !mean) return undefined;
  const centred = sameValue(mean.inputs[0], x) && sameValue(division.squared, division.numerator);
  if (!context.require("the same difference", centred, () => (sameValue(division.squared, division.numerator) ? "the mean is of another value" : "another value is squared than divided"))) return undefined;
  const place = requireNormalization(context, [mean, division.mean], division, x);
  if (!place) return undefined;
  const scale = appliedAfter(root, "Mul", x, place.axis, context);
  const shift = appliedAfter(scale?.node ?? root, "Add", x, place.axis, context);
  const ones = scale ? scale.operand : onesOver(x, place.axis, division.epsilonRef, context);
  if (!context.require("scale over the normalized axes", ones !== undefined, () => (scale ? "the Mul after it" : ones ? "there is none that fits: ones take its place" : "there is none that fits, and ones cannot take its place, since the sizes are not known")) || !ones) return undefined;
  const last = shift?.node ?? scale?.node ?? root;
  const nodes = [...division.nodes, difference, mean, ...(scale ? [scale.node] : []), ...(shift ? [shift.node] : [])];
  if (!requireInside(context, nodes, last)) return undefined;
  // Counted from the back, so that the axis does not hang on the rank.
  const axis = place.axis - place.rank;
  return { nodes, last, op: "LayerNormalization", inputs: [x, ones, ...(shift ? [shift.operand] : [])], attributes: { axis: int(axis), epsilon: float(Math.fround(division.epsilon)) } };
}

const spelledOut = (axes: string, scale = "float32[4] [1, 2, 3, 4]", keep = 1): string => `graph @main(%x: float32[N, 4, 4]) -> (%y: float32[N, 4, 4]) {
  %axes = constant int64[1] [${axes}]
  %two = constant float32[] [2]
  %eps = constant float32[] [0.00001]
  %g = constant ${scale}
  %b = constant float32[4] [5, 6, 7, 8]
  %m = ReduceMean(%x, %axes) {keepdims = ${keep}}
  %d = Sub(%x, %m)
  %q = Pow(%d, %two)
  %v = ReduceMean(%q, %axes) {keepdims = ${keep}}
  %e = Add(%v, %eps)
  %s = Sqrt(%e)
  %n = Div(%d, %s)
  %p = Mul(%n, %g)
  %y = Add(%p, %b) "norm"
  return %y
}`;

export const layerNormalizationFusion = operatorFusion({
  name: "layer-normalization-fusion",
  title: "LayerNormalization",
  summary: "Writes (x - mean) / sqrt(variance + epsilon), with the scale and the shift after it, as one LayerNormalization.",
  why: "Nine passes over the activation become one or two. Ba et al. 2016.",
  roots: ["Div", "Mul"],
  preconditions: [
    { name: "the same difference", doc: "The value less its own mean is what is squared and what is divided." },
    ...normalizationPreconditions,
    { name: "scale over the normalized axes", doc: "The Mul after it has exactly the normalized sizes and does not widen the value; else it stays, and ones, whose sizes must be known, are the scale." },
    insidePrecondition,
  ],
  recognize,
  examples: [
    {
      title: "As exported for operator sets below 17",
      before: spelledOut("-1"),
      after: `graph @main(%x: float32[N, 4, 4]) -> (%y: float32[N, 4, 4]) {
  %g = constant float32[4] [1, 2, 3, 4]
  %b = constant float32[4] [5, 6, 7, 8]
  %y = LayerNormalization(%x, %g, %b) {axis = -1, epsilon = 0.00001} "norm"
  return %y
}`,
    },
    {
      title: "A scale that varies over the rows stays outside",
      before: spelledOut("2", "float32[4, 1] [1, 2, 3, 4]"),
      after: `graph @main(%x: float32[N, 4, 4]) -> (%y: float32[N, 4, 4]) {
  %g = constant float32[4, 1] [1, 2, 3, 4]
  %b = constant float32[4] [5, 6, 7, 8]
  %eps_scale = constant float32[4] [1, 1, 1, 1]
  %n = LayerNormalization(%x, %eps_scale) {axis = -1, epsilon = 0.00001}
  %p = Mul(%n, %g)
  %y = Add(%p, %b) "norm"
  return %y
}`,
    },
    { title: "keepdims = 0: the square shape hides that rows meet columns", fails: "keepdims", before: spelledOut("-1", undefined, 0).replaceAll("[N, 4, 4]", "[4, 4, 4]"), after: spelledOut("-1", undefined, 0).replaceAll("[N, 4, 4]", "[4, 4, 4]") },
    { title: "An axis in the middle", fails: "trailing axes", before: spelledOut("1"), after: spelledOut("1") },
  ],
});
