import { isFloat } from "../ir/element-type.ts";
import { type NodeId, type OperatorNode, sameValue, type ValueRef } from "../ir/graph.ts";
import { elementOf, shapesEqual } from "../ir/value-type.ts";
import { defineRewrite, type MatchContext } from "./definition.ts";
import { isInference } from "./support/channel-affine.ts";
import { isElementwise } from "./support/elementwise.ts";
import { fuseGroup } from "./support/fused-group.ts";
import { producersFirst } from "./support/operator-fusion.ts";

const outputOf = (node: OperatorNode): ValueRef => ({ node: node.id, output: 0 });

/** A normalization by running statistics is a scale and a shift for each channel. */
const isPointwise = (node: OperatorNode | undefined, context: MatchContext): node is OperatorNode =>
  node !== undefined && ((node.domain === "" && node.op === "BatchNormalization" && isInference(node, context)) || isElementwise(node));

/** More would not fit into registers; a longer chain becomes several groups. */
const partLimit = 24;

/** `root` and the element-by-element operators of the same shape before it that serve it alone. */
function clusterOf(root: OperatorNode, context: MatchContext): Map<NodeId, OperatorNode> {
  const shape = context.shape(outputOf(root)) ?? null;
  const parts = new Map([[root.id, root]]);
  const pending = [...root.inputs];
  for (let ref = pending.shift(); ref !== undefined; ref = pending.shift()) {
    const node = ref && context.find(ref.node);
    if (!node || parts.has(node.id) || parts.size >= partLimit || node.region !== root.region || !isPointwise(node, context)) continue;
    if (!shapesEqual(context.shape(outputOf(node)) ?? null, shape)) continue;
    // A value that several parts use is looked at again when the last of them has been taken.
    if (!context.graph.usesOf(node.id).every((use) => use.kind === "input" && parts.has(use.user))) continue;
    parts.set(node.id, node);
    pending.push(...node.inputs);
  }
  return parts;
}

/** A later operator whose group takes `root` in. */
function takenBy(root: OperatorNode, context: MatchContext): OperatorNode | undefined {
  const seen = new Set<NodeId>();
  const pending = [root];
  for (let node = pending.shift(); node && seen.size < 8; node = pending.shift())
    for (const use of context.graph.usesOf(node.id)) {
      const user = use.kind === "input" ? context.find(use.user) : undefined;
      if (!user || seen.has(user.id) || user.region !== root.region || !isPointwise(user, context) || !isFloating(user, context)) continue;
      seen.add(user.id);
      if (clusterOf(user, context).has(root.id)) return user;
      pending.push(user);
    }
  return undefined;
}

function isFloating(node: OperatorNode, context: MatchContext): boolean {
  const element = elementOf(context.type(outputOf(node)));
  return element !== null && isFloat(element);
}

export const elementwiseGroup = defineRewrite({
  name: "elementwise-group",
  title: "Elementwise group",
  summary: "Groups element-by-element operators of one shape that follow one another, such as a bias and a GELU, or a normalization by running statistics and a Relu, into one fused group.",
  why: "One loop reads each input once and writes the result once; what lies between never leaves the registers.",
  exactness: "exact",
  // Any of them; the operator is looked at first.
  roots: ["*"],
  preconditions: [
    { name: "several operators", doc: "Operators before it work element by element on the same proven shape, and everything that uses them belongs to the group." },
    { name: "more than a Swish", doc: "The group is not x times its sigmoid alone, which is kept as a group by its name." },
    { name: "the last of them", doc: "No later operator's group takes this one in." },
  ],
  match(root, context) {
    if (!isPointwise(root, context) || !isFloating(root, context)) return undefined;
    const before = root.inputs.some((ref) => ref && isPointwise(context.find(ref.node), context));
    if (!before) return undefined;
    const parts = clusterOf(root, context);
    if (!context.require("several operators", parts.size > 1, () => (parts.size > 1 ? [...parts.values()].map((node) => node.op).join(", ") : "the one before it is used elsewhere too, or has another shape"))) return undefined;
    const alone = parts.size === 2 && root.op === "Mul" && [...parts.values()].some((node) => node.op === "Sigmoid" && root.inputs.some((ref) => sameValue(ref, node.inputs[0])));
    if (!context.require("more than a Swish", !alone, alone ? "x sigmoid(x) has a group of its own" : "it is")) return undefined;
    const later = takenBy(root, context);
    if (!context.require("the last of them", later === undefined, () => (later ? `${context.describe(outputOf(later))} takes it in` : "no later group takes it in"))) return undefined;
    const nodes = producersFirst([...parts.values()]);
    return { nodes: [root.id, ...nodes.filter((node) => node !== root).map((node) => node.id)], bindings: { parts: nodes } };
  },
  rewrite(match, rewriter, context) {
    const parts = match.bindings.parts as readonly OperatorNode[];
    fuseGroup(rewriter, context, { kind: parts.map((part) => part.op).join("+"), parts, anchor: parts.at(-1)! });
  },
  examples: [
    {
      title: "Normalization by running statistics, then Relu",
      before: `graph @main(%x: float32[N, 2, 4, 4]) -> (%y: float32[N, 2, 4, 4]) {
  %s = constant float32[2] [1, 2]
  %b = constant float32[2] [3, 4]
  %m = constant float32[2] [0, 1]
  %v = constant float32[2] [1, 2]
  %n = BatchNormalization(%x, %s, %b, %m, %v)
  %y = Relu(%n)
  return %y
}`,
      after: `graph @main(%x: float32[N, 2, 4, 4]) -> (%y: float32[N, 2, 4, 4]) {
  %s = constant float32[2] [1, 2]
  %b = constant float32[2] [3, 4]
  %m = constant float32[2] [0, 1]
  %v = constant float32[2] [1, 2]
  %y = graphwright.Fused(%x, %s, %b, %m, %v) {kind = "BatchNormalization+Relu"} body (%X: float32[N, 2, 4, 4], %scale: float32[2], %B: float32[2], %input_mean: float32[2], %input_var: float32[2]) {
    %n = BatchNormalization(%X, %scale, %B, %input_mean, %input_var)
    %y = Relu(%n)
    return %y
  }
  return %y
}`,
    },
    {
      title: "A bias and a GELU that follow no product",
      before: `graph @main(%x: float32[N, 4]) -> (%y: float32[N, 4]) {
  %b = constant float32[4] [1, 2, 3, 4]
  %s = Add(%x, %b)
  %y = Gelu(%s)
  return %y
}`,
      after: `graph @main(%x: float32[N, 4]) -> (%y: float32[N, 4]) {
  %b = constant float32[4] [1, 2, 3, 4]
  %y = graphwright.Fused(%x, %b) {kind = "Add+Gelu"} body (%A: float32[N, 4], %B: float32[4]) {
    %s = Add(%A, %B)
    %y = Gelu(%s)
    return %y
  }
  return %y
}`,
    },
    {
      title: "Two ways that meet again",
      before: `graph @main(%x: float32[N, 4], %z: float32[N, 4]) -> (%y: float32[N, 4]) {
  %a = Add(%x, %z)
  %b = Tanh(%a)
  %c = Sigmoid(%a)
  %d = Mul(%b, %c)
  %y = Sub(%d, %x)
  return %y
}`,
      after: `graph @main(%x: float32[N, 4], %z: float32[N, 4]) -> (%y: float32[N, 4]) {
  %y = graphwright.Fused(%x, %z) {kind = "Add+Tanh+Sigmoid+Mul+Sub"} body (%A: float32[N, 4], %B: float32[N, 4]) {
    %a = Add(%A, %B)
    %b = Tanh(%a)
    %c = Sigmoid(%a)
    %d = Mul(%b, %c)
    %y = Sub(%d, %A)
    return %y
  }
  return %y
}`,
    },
    {
      title: "The value between is an output too",
      fails: "several operators",
      before: `graph @main(%x: float32[N, 4]) -> (%y: float32[N, 4], %s: float32[N, 4]) {
  %s = Relu(%x)
  %y = Neg(%s)
  return %y, %s
}`,
      after: `graph @main(%x: float32[N, 4]) -> (%y: float32[N, 4], %s: float32[N, 4]) {
  %s = Relu(%x)
  %y = Neg(%s)
  return %y, %s
}`,
    },
  ],
});
