import { float, int } from "../ir/attribute.ts";
import { type OperatorNode, sameValue } from "../ir/graph.ts";
import type { MatchContext } from "./definition.ts";
import { insidePrecondition, operatorFusion, type Recognized, requireInside } from "./support/operator-fusion.ts";
import { appliedAfter, normalizationPreconditions, onesOver, requireNormalization, rootDivision } from "./support/normalization-pattern.ts";

export function recognizeRms(root: OperatorNode, context: MatchContext): Recognized | undefined {
  const division = rootDivision(root, context);
  if (!division) return undefined;
  const x = division.numerator;
  const difference = context.producer(x, "Sub");
  // Less its mean it is a layer normalization.
  if (difference && context.producer(difference.inputs[1], "ReduceMean")) return undefined;
  if (!context.require("x over its own root mean square", sameValue(division.squared, x), "another value is squared than divided")) return undefined;
  const place = requireNormalization(context, [division.mean], division, x);
  if (!place) return undefined;
  const scale = appliedAfter(root, "Mul", x, place.axis, context);
  const ones = scale ? scale.operand : onesOver(x, place.axis, division.epsilonRef, context);
  if (!context.require("scale over the normalized axes", ones !== undefined, () => (scale ? "the Mul after it" : ones ? "there is none that fits: ones take its place" : "there is none that fits, and ones cannot take its place, since the sizes are not known")) || !ones) return undefined;
  const last = scale?.node ?? root;
  const nodes = [...division.nodes, ...(scale ? [scale.node] : [])];
  if (!requireInside(context, nodes, last)) return undefined;
  return { nodes, last, op: "RMSNormalization", inputs: [x, ones], attributes: { axis: int(place.axis - place.rank), epsilon: float(Math.fround(division.epsilon)) } };
}

export const rmsPreconditions = [
  { name: "x over its own root mean square", doc: "What is squared is what is divided." },
  ...normalizationPreconditions,
  { name: "scale over the normalized axes", doc: "The Mul after it has exactly the normalized sizes and does not widen the value; else it stays, and ones, whose sizes must be known, are the scale." },
  insidePrecondition,
];

export const rmsBody = (scale = "float32[4] [1, 2, 3, 4]", axes = "-1"): string => `graph @main(%x: float32[N, 4, 4]) -> (%y: float32[N, 4, 4]) {
  %axes = constant int64[1] [${axes}]
  %two = constant float32[] [2]
  %eps = constant float32[] [0.000001]
  %g = constant ${scale}
  %q = Pow(%x, %two)
  %v = ReduceMean(%q, %axes)
  %e = Add(%v, %eps)
  %s = Sqrt(%e)
  %i = Reciprocal(%s)
  %n = Mul(%x, %i)
  %y = Mul(%g, %n) "norm"
  return %y
}`;

const set23 = `model {opset = {"" = 23}}\n`;

export const rmsNormalizationFusion = operatorFusion({
  name: "rms-normalization-fusion",
  title: "RMSNormalization",
  summary: "Writes x / sqrt(mean(x^2) + epsilon), with the scale after it, as one RMSNormalization.",
  why: "Seven passes over the activation become one or two. Zhang and Sennrich 2019.",
  roots: ["Div", "Mul"],
  preconditions: rmsPreconditions,
  recognize: recognizeRms,
  examples: [
    {
      title: "In a model of operator set 23",
      before: set23 + rmsBody(),
      after: `${set23}graph @main(%x: float32[N, 4, 4]) -> (%y: float32[N, 4, 4]) {
  %g = constant float32[4] [1, 2, 3, 4]
  %y = RMSNormalization(%x, %g) {axis = -1, epsilon = 0.000001} "norm"
  return %y
}`,
    },
    { title: "An axis in the middle", fails: "trailing axes", options: { highestOpset: 23 }, before: rmsBody(undefined, "1"), after: rmsBody(undefined, "1") },
    { title: "Operator set 21 has no RMSNormalization", fails: "operator set", before: rmsBody(), after: rmsBody() },
  ],
});
