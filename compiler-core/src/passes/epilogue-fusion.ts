import { describeNode, type OperatorNode, sameValue, type ValueRef } from "../ir/graph.ts";
import { shapesEqual } from "../ir/value-type.ts";
import { defineRewrite, type MatchContext } from "./definition.ts";
import { fuseGroup } from "./support/fused-group.ts";

const anchors = ["Conv", "Gemm", "MatMul"];

/** Elementwise operators of one computed value: their other inputs, if any, are constants. */
const activations = new Set([
  "Celu",
  "Clip",
  "Elu",
  "Gelu",
  "HardSigmoid",
  "HardSwish",
  "LeakyRelu",
  "Mish",
  "Relu",
  "Selu",
  "Sigmoid",
  "Softplus",
  "Softsign",
  "Swish",
  "Tanh",
  "ThresholdedRelu",
]);

const outputOf = (node: OperatorNode): ValueRef => ({ node: node.id, output: 0 });

/** The other operand of a binary node. */
const otherOperand = (node: OperatorNode, one: ValueRef): ValueRef | null => (sameValue(node.inputs[0], one) ? node.inputs[1] : node.inputs[0]) ?? null;

/** Add, or Sum of two, which is the same. */
const isSum = (node: OperatorNode): boolean => node.domain === "" && (node.op === "Add" || (node.op === "Sum" && node.inputs.length === 2));

/** `value`'s only user, if it is a sum with something else. */
function addAfter(value: ValueRef, context: MatchContext): OperatorNode | undefined {
  const user = context.onlyUser(value);
  return user && isSum(user) ? user : undefined;
}

/** `value`'s only user or users, if they are an activation of it: x * sigmoid(x) is one made of two operators. */
function activationAfter(value: ValueRef, context: MatchContext): OperatorNode[] {
  const user = context.onlyUser(value);
  if (user)
    return user.domain === "" && activations.has(user.op) && sameValue(user.inputs[0], value) && user.inputs.slice(1).every((ref) => !ref || context.constant(ref)) ? [user] : [];
  const uses = context.graph.usesOfValue(value);
  if (uses.length !== 2) return [];
  const users = uses.map((use) => (use.kind === "input" ? context.find(use.user) : undefined));
  const gate = users.find((u) => u?.domain === "" && (u.op === "Sigmoid" || u.op === "HardSigmoid"));
  const product = users.find((u) => u?.domain === "" && u.op === "Mul");
  if (!gate || !product || gate.region !== product.region || gate.region !== context.graph.node(value.node).region) return [];
  return context.onlyUser(outputOf(gate)) === product ? [gate, product] : [];
}

interface Group {
  readonly parts: readonly OperatorNode[];
  readonly note: string;
}

function groupFrom(anchor: OperatorNode, context: MatchContext): Group {
  const parts = [anchor];
  let note = "";
  let last = outputOf(anchor);
  const add = addAfter(last, context);
  if (add) {
    const other = otherOperand(add, last);
    const sum = outputOf(add);
    const rival = other && context.producer(other, ...anchors);
    if (!shapesEqual(context.type(sum).kind === "tensor" ? (context.shape(sum) ?? null) : null, context.shape(last) ?? null))
      return { parts, note: `${describeNode(add)} gives ${context.type(sum).text}, which is not proven to be the shape ${context.type(last).text}` };
    // Of two that meet in one sum, the later takes it: the other's result is there by then.
    if (rival && context.onlyUser(other) === add && (rival.order > anchor.order || (rival.order === anchor.order && rival.id > anchor.id)))
      return { parts, note: `${describeNode(rival)}, which comes later, takes the sum` };
    parts.push(add);
    last = sum;
  }
  const activation = activationAfter(last, context);
  if (activation.length > 0) parts.push(...activation);
  else if (parts.length === 1) {
    const users = context.graph.usesOfValue(last);
    note = users.length > 1 ? `its output has ${users.length} uses` : users[0]?.kind === "input" ? `${describeNode(context.graph.node(users[0].user))} comes next` : "its output is an output of the graph";
  }
  return { parts, note };
}

export const epilogueFusion = defineRewrite({
  name: "epilogue-fusion",
  title: "Epilogue fusion",
  summary: "Groups a Conv, Gemm or MatMul with the sum and the activation that follow it into one fused group.",
  why: "The sum and the activation are done on each result while it is still in a register, so that the activation tensor is written once and not read again. The group is a function with a body; an export to ONNX writes the body in its place.",
  exactness: "exact",
  roots: anchors,
  preconditions: [
    {
      name: "an epilogue follows",
      doc: "The output is used only by an Add (or a Sum of two) with a value that leaves its shape as it is, by an activation (Relu, Clip with constant bounds, Sigmoid, ..., x * sigmoid(x)), or by the one and then the other, all in the same graph; the values between are no outputs.",
    },
  ],
  match(root, context) {
    const { parts, note } = groupFrom(root, context);
    if (!context.require("an epilogue follows", parts.length > 1, () => (parts.length > 1 ? parts.map((p) => p.op).join("+") : note))) return undefined;
    return { nodes: parts.map((p) => p.id), bindings: {} };
  },
  rewrite(match, rewriter, context) {
    const parts = match.nodes.map((id) => context.find(id)!);
    fuseGroup(rewriter, context, { kind: parts.map((p) => p.op).join("+"), parts, parameterName: (part) => (part !== parts[0] && isSum(part) ? "residual" : undefined) });
  },
  examples: [
    {
      title: "A residual block's end: Conv, Add, Relu",
      before: `graph @main(%x: float32[N, 2, 4, 4], %r: float32[N, 2, 4, 4]) -> (%y: float32[N, 2, 4, 4]) {
  %w = constant float32[2, 2, 1, 1] [1, 2, 3, 4]
  %c = Conv(%x, %w) "conv1"
  %s = Add(%c, %r) "sum1"
  %y = Relu(%s) "relu1"
  return %y
}`,
      after: `graph @main(%x: float32[N, 2, 4, 4], %r: float32[N, 2, 4, 4]) -> (%y: float32[N, 2, 4, 4]) {
  %w = constant float32[2, 2, 1, 1] [1, 2, 3, 4]
  %y = graphwright.Fused(%x, %w, %r) {kind = "Conv+Add+Relu"} "conv1" body (%X: float32[N, 2, 4, 4], %W: float32[2, 2, 1, 1], %residual: float32[N, 2, 4, 4]) {
    %c = Conv(%X, %W) "conv1"
    %s = Add(%c, %residual) "sum1"
    %y = Relu(%s) "relu1"
    return %y
  }
  return %y
}`,
    },
    {
      title: "x * sigmoid(x) after a Gemm",
      before: `graph @main(%x: float32[N, 2]) -> (%y: float32[N, 2]) {
  %w = constant float32[2, 2] [1, 2, 3, 4]
  %c = Gemm(%x, %w)
  %g = Sigmoid(%c)
  %y = Mul(%c, %g)
  return %y
}`,
      after: `graph @main(%x: float32[N, 2]) -> (%y: float32[N, 2]) {
  %w = constant float32[2, 2] [1, 2, 3, 4]
  %y = graphwright.Fused(%x, %w) {kind = "Gemm+Sigmoid+Mul"} body (%A: float32[N, 2], %B: float32[2, 2]) {
    %c = Gemm(%A, %B)
    %g = Sigmoid(%c)
    %y = Mul(%c, %g)
    return %y
  }
  return %y
}`,
    },
    {
      title: "The output is used twice",
      fails: "an epilogue follows",
      before: `graph @main(%x: float32[N, 2, 4, 4]) -> (%y: float32[N, 2, 4, 4], %z: float32[N, 2, 4, 4]) {
  %w = constant float32[2, 2, 1, 1] [1, 2, 3, 4]
  %c = Conv(%x, %w)
  %y = Relu(%c)
  %z = Neg(%c)
  return %y, %z
}`,
      after: `graph @main(%x: float32[N, 2, 4, 4]) -> (%y: float32[N, 2, 4, 4], %z: float32[N, 2, 4, 4]) {
  %w = constant float32[2, 2, 1, 1] [1, 2, 3, 4]
  %c = Conv(%x, %w)
  %y = Relu(%c)
  %z = Neg(%c)
  return %y, %z
}`,
    },
    {
      title: "The sum widens the output",
      fails: "an epilogue follows",
      before: `graph @main(%x: float32[1, 2], %r: float32[8, 2]) -> (%y: float32[8, 2]) {
  %w = constant float32[2, 2] [1, 2, 3, 4]
  %c = MatMul(%x, %w)
  %y = Add(%c, %r)
  return %y
}`,
      after: `graph @main(%x: float32[1, 2], %r: float32[8, 2]) -> (%y: float32[8, 2]) {
  %w = constant float32[2, 2] [1, 2, 3, 4]
  %c = MatMul(%x, %w)
  %y = Add(%c, %r)
  return %y
}`,
    },
  ],
});
