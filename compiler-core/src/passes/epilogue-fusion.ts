import { describeNode, type OperatorNode, sameValue, type ValueRef } from "../ir/graph.ts";
import { elementOf, shapesEqual } from "../ir/value-type.ts";
import { isFloat } from "../ir/element-type.ts";
import { defineRewrite, type MatchContext } from "./definition.ts";
import { broadcastingOps, unaryOps } from "./support/elementwise.ts";
import { fuseGroup } from "./support/fused-group.ts";

const anchors = ["Conv", "ConvTranspose", "Gemm", "MatMul", "AveragePool", "MaxPool", "GlobalAveragePool"];
/** Anchors that make sums; of two that meet, the later goes on. */
const heavy = ["Conv", "ConvTranspose", "Gemm", "MatMul"];

const outputOf = (node: OperatorNode): ValueRef => ({ node: node.id, output: 0 });

/** An epilogue is done in registers, of which there are few. */
const partLimit = 10;

const isFloatingPoint = (ref: ValueRef, context: MatchContext): boolean => {
  const element = elementOf(context.type(ref));
  return element !== null && isFloat(element);
};

/** Whether one of the operands comes, by way of operators that it alone uses, from an anchor that stands later. */
function rivalOf(anchor: OperatorNode, operands: readonly (ValueRef | null)[], context: MatchContext): OperatorNode | undefined {
  const pending = operands.map((ref) => ({ ref, depth: 0 }));
  for (let next = pending.pop(); next; next = pending.pop()) {
    const { ref, depth } = next;
    const maker = ref && context.find(ref.node);
    if (!maker || maker.domain !== "" || depth > 4 || !context.onlyUser(ref)) continue;
    if (heavy.includes(maker.op) && (maker.order > anchor.order || (maker.order === anchor.order && maker.id > anchor.id))) return maker;
    if (unaryOps.has(maker.op) || broadcastingOps.has(maker.op)) for (const input of maker.inputs) pending.push({ ref: input, depth: depth + 1 });
  }
  return undefined;
}

/** `value`'s users, if they are x and a gate of x that are multiplied: x * sigmoid(x) is one operator made of two. */
function gateAfter(value: ValueRef, context: MatchContext): OperatorNode[] {
  const uses = context.graph.usesOfValue(value);
  if (uses.length !== 2) return [];
  const users = uses.map((use) => (use.kind === "input" ? context.find(use.user) : undefined));
  const gate = users.find((u) => u?.domain === "" && u.op !== "Mul" && unaryOps.has(u.op) && u.inputs.slice(1).every((ref) => !ref || context.constant(ref)));
  const product = users.find((u) => u?.domain === "" && u.op === "Mul");
  if (!gate || !product || gate.region !== product.region || gate.region !== context.graph.node(value.node).region) return [];
  return context.onlyUser(outputOf(gate)) === product && isFloatingPoint(outputOf(gate), context) ? [gate, product] : [];
}

interface Group {
  readonly parts: readonly OperatorNode[];
  /** why it ends where it does */
  readonly note: string;
}

function groupFrom(anchor: OperatorNode, context: MatchContext): Group {
  const parts = [anchor];
  const shape = context.shape(outputOf(anchor)) ?? null;
  for (let last = outputOf(anchor); ; last = outputOf(parts.at(-1)!)) {
    const ended = (note: string): Group => ({ parts, note });
    if (parts.length >= partLimit) return ended(`${partLimit} operators are enough`);
    if (context.isResult(last)) return ended("its output is an output of the graph");
    const user = context.onlyUser(last);
    if (!user) {
      const gate = gateAfter(last, context);
      if (gate.length === 0) return ended(`its output has ${context.graph.usesOfValue(last).length} uses`);
      parts.push(...gate);
      continue;
    }
    const result = outputOf(user);
    const known = user.domain === "" && isFloatingPoint(result, context);
    if (known && unaryOps.has(user.op) && sameValue(user.inputs[0], last) && user.inputs.slice(1).every((ref) => !ref || context.constant(ref)) && user.op !== "Cast" && user.op !== "CastLike") {
      parts.push(user);
      continue;
    }
    if (!known || !broadcastingOps.has(user.op)) return ended(`${describeNode(user)} comes next`);
    if (!shapesEqual(context.shape(result) ?? null, shape)) return ended(`${describeNode(user)} gives ${context.type(result).text}, which is not proven to be the shape ${context.type(last).text}`);
    const rival = rivalOf(anchor, user.inputs.filter((ref) => !sameValue(ref, last)), context);
    if (rival) return ended(`${describeNode(rival)}, which comes later, takes ${describeNode(user)}`);
    parts.push(user);
  }
}

/** A computed operand of the output's own shape is what a block passes by. */
const isResidual = (part: OperatorNode, index: number, anchor: OperatorNode): boolean => part !== anchor && broadcastingOps.has(part.op) && index < 2 && (part.op === "Add" || part.op === "Sum");

export const epilogueFusion = defineRewrite({
  name: "epilogue-fusion",
  title: "Epilogue fusion",
  summary: "Groups a convolution, matrix product or pooling with the biases, residual sums, scales and activations that follow it into one fused group.",
  why: "They are done on each result while it is still in a register, so that the activation tensor is written once and not read again. The group is a function with a body; an export to ONNX writes the body in its place.",
  exactness: "exact",
  roots: anchors,
  preconditions: [
    {
      name: "an epilogue follows",
      doc: "The output is used only by an element-by-element operator of floating-point numbers that leaves its shape as it is (its other operands may be computed elsewhere), or by x and a gate of x that are multiplied; and so on from there, all in the same graph; the values between are no outputs. A sum in which two products meet goes to the later.",
    },
  ],
  match(root, context) {
    if (context.graph.usesOf(root.id).some((use) => use.output > 0)) return undefined;
    const { parts, note } = groupFrom(root, context);
    if (!context.require("an epilogue follows", parts.length > 1, () => (parts.length > 1 ? parts.map((p) => p.op).join("+") : note))) return undefined;
    return { nodes: parts.map((p) => p.id), bindings: {} };
  },
  rewrite(match, rewriter, context) {
    const parts = match.nodes.map((id) => context.find(id)!);
    fuseGroup(rewriter, context, { kind: parts.map((p) => p.op).join("+"), parts, parameterName: (part, index) => (isResidual(part, index, parts[0]!) ? (context.constant(part.inputs[index]) ? "bias" : "residual") : undefined) });
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
      title: "Bias, residual and activation after a MatMul",
      before: `graph @main(%x: float32[N, 2], %r: float32[N, 2]) -> (%y: float32[N, 2]) {
  %w = constant float32[2, 2] [1, 2, 3, 4]
  %b = constant float32[2] [5, 6]
  %p = MatMul(%x, %w) "fc"
  %s = Add(%b, %p)
  %t = Add(%s, %r)
  %y = Gelu(%t)
  return %y
}`,
      after: `graph @main(%x: float32[N, 2], %r: float32[N, 2]) -> (%y: float32[N, 2]) {
  %w = constant float32[2, 2] [1, 2, 3, 4]
  %b = constant float32[2] [5, 6]
  %y = graphwright.Fused(%x, %w, %b, %r) {kind = "MatMul+Add+Add+Gelu"} "fc" body (%A: float32[N, 2], %B: float32[2, 2], %bias: float32[2], %residual: float32[N, 2]) {
    %p = MatMul(%A, %B) "fc"
    %s = Add(%bias, %p)
    %t = Add(%s, %residual)
    %y = Gelu(%t)
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
