import { fusedDomain, type OperatorNode, qualifiedOp, sameValue, type ValueRef } from "../ir/graph.ts";
import { toIntegers, toNumbers } from "../ir/tensor.ts";
import { elementOf, shapesEqual } from "../ir/value-type.ts";
import { defineRewrite, type MatchContext } from "./definition.ts";
import { fuseGroup } from "./support/fused-group.ts";
import { isSmallWeight } from "./support/small-weight.ts";

const anchors = ["graphwright.BlockedConv", "graphwright.BlockedQLinearConv", "graphwright.ConcatChannels", "graphwright.PackedMatMul", "graphwright.StrassenConv", "graphwright.StrassenMatMul", "graphwright.WinogradConv"];
const unary = new Set(["Abs", "Cast", "Celu", "Clip", "DequantizeLinear", "Elu", "Erf", "Exp", "Gelu", "HardSigmoid", "HardSwish", "LeakyRelu", "Mish", "Neg", "QuantizeLinear", "Relu", "Selu", "Sigmoid", "Softplus", "Softsign", "Sqrt", "Swish", "Tanh", "ThresholdedRelu"]);
const binary = new Set(["Add", "Sub", "Mul", "Div", "Max", "Min", "Sum", "PRelu"]);

/** Between these types a kernel converts in registers; of smaller floats it would lose the rounding. */
const converted = new Set(["float32", "int32", "int8", "uint8"]);
const isConversion = (node: OperatorNode): boolean => ["Cast", "DequantizeLinear", "QuantizeLinear"].includes(node.op);
const convertsInRegisters = (node: OperatorNode, context: MatchContext): boolean => !isConversion(node) || [node.inputs[0], result(node)].every((ref) => converted.has(elementOf(context.type(ref)) ?? ""));

/** A Cast of a float32 result to half floats. */
const isRounding = (node: OperatorNode, value: ValueRef, context: MatchContext): boolean => node.domain === "" && node.op === "Cast" && elementOf(context.type(value)) === "float32" && ["float16", "bfloat16"].includes(elementOf(context.type(result(node))) ?? "");

/** Elementwise operators that can begin a group of their own. */
const starts = [...unary, ...binary];
const longest = 8;

const result = (node: OperatorNode): ValueRef => ({ node: node.id, output: 0 });

/** Does the node compute each element of its result from the same element of `value`, and from what does not depend on it? */
function follows(node: OperatorNode, value: ValueRef, context: MatchContext): boolean {
  if (node.domain !== "" || !shapesEqual(context.shape(result(node)) ?? null, context.shape(value) ?? null)) return false;
  const others = node.inputs.filter((ref) => ref && !sameValue(ref, value));
  if (!convertsInRegisters(node, context)) return false;
  if (unary.has(node.op)) return sameValue(node.inputs[0], value) && others.every((ref) => context.constant(ref) !== undefined);
  return binary.has(node.op) && node.inputs.length === 2;
}

/** A Pad with zeros by constant amounts: the border around what the kernel stores. */
function isHalo(node: OperatorNode, value: ValueRef, context: MatchContext): boolean {
  if (node.domain !== "" || node.op !== "Pad" || !sameValue(node.inputs[0], value) || node.inputs[3] || context.attributes(node).string("mode", "constant") !== "constant") return false;
  const amounts = context.tensor(node.inputs[1]);
  const fill = node.inputs[2] ? context.tensor(node.inputs[2]) : undefined;
  return amounts !== undefined && toIntegers(amounts).every((n) => n >= 0) && (!node.inputs[2] || (fill !== undefined && toNumbers(fill)[0] === 0));
}

/** What makes the weight of a kernel, or the table of a lookup, of constants in fewer bits: it is done where these are read. */
function widening(anchor: OperatorNode, context: MatchContext): OperatorNode[] {
  const ref = anchor.inputs[qualifiedOp(anchor) === "Gather" ? 0 : 1];
  const node = ref ? context.producer(ref) : undefined;
  const own = node && (qualifiedOp(anchor) === "Gather" ? isSmallWeight(ref, context) : qualifiedOp(node) === "graphwright.WidenWeight");
  return own && node.region === anchor.region && context.onlyUser(ref!) === anchor ? [node] : [];
}

/** A function of a value and what combines the two, where nothing else uses either: x * sigmoid(x) and the like. */
function gateOf(value: ValueRef, context: MatchContext): readonly [OperatorNode, OperatorNode] | undefined {
  const uses = context.graph.usesOfValue(value);
  const users = uses.flatMap((use) => (use.kind === "input" ? [context.find(use.user)] : []));
  if (uses.length !== 2 || users.length !== 2) return undefined;
  for (const [first, second] of [users, [...users].reverse()]) {
    if (first?.kind !== "operator" || second?.kind !== "operator" || first === second || first.region !== second.region) continue;
    if (first.domain === "" && unary.has(first.op) && !isConversion(first) && follows(first, value, context) && context.onlyUser(result(first)) === second && follows(second, value, context) && second.inputs.every((ref) => sameValue(ref, value) || sameValue(ref, result(first)))) return [first, second];
  }
  return undefined;
}

function chainFrom(anchor: OperatorNode, context: MatchContext): OperatorNode[] {
  const before = widening(anchor, context);
  const parts = [...before, anchor];
  if (anchor.op === "Gather") return parts;
  let value = result(anchor);
  while (parts.length < longest + before.length) {
    const gate = gateOf(value, context);
    if (gate && gate[0].region === anchor.region && parts.length + 2 <= longest + before.length) {
      parts.push(...gate);
      value = result(gate[1]);
      continue;
    }
    const user = context.onlyUser(value);
    if (!user || user.region !== anchor.region) break;
    if (isHalo(user, value, context)) {
      parts.push(user);
      break;
    }
    // What is rounded to half floats is stored so: the next operator reads it from memory.
    if (isRounding(user, value, context)) {
      parts.push(user);
      break;
    }
    if (!follows(user, value, context)) break;
    // Of two kernels that meet in one sum, the later takes it: the other's result is there by then.
    const rival = user.inputs.map((ref) => (ref && !sameValue(ref, value) ? context.producer(ref) : undefined)).find((p) => p && anchors.includes(qualifiedOp(p)) && context.onlyUser(result(p)) === user);
    if (rival && anchors.includes(qualifiedOp(anchor)) && (rival.order > anchor.order || (rival.order === anchor.order && rival.id > anchor.id))) break;
    // A conversion of the other operand that nothing else needs goes along.
    for (const ref of user.inputs) {
      const other = ref && !sameValue(ref, value) ? context.producer(ref) : undefined;
      if (other && isConversion(other) && other.domain === "" && other.region === anchor.region && context.onlyUser(result(other)) === user && convertsInRegisters(other, context) && other.inputs.slice(1).every((x) => !x || context.constant(x)) && shapesEqual(context.shape(result(other)) ?? null, context.shape(value) ?? null)) parts.push(other);
    }
    parts.push(user);
    value = result(user);
  }
  return parts;
}

export const fuseKernel = defineRewrite({
  name: "fuse-kernel",
  title: "Kernel with what follows it",
  summary: "Groups a packed kernel, or a chain of elementwise operators, with the elementwise operators and the padding that follow: one kernel each.",
  why: "Sums, activations and the border for the next convolution are done while a result is in a register; what lies between is never stored.",
  exactness: "exact",
  roots: [...anchors, ...starts, "Gather"],
  preconditions: [{ name: "something follows", doc: "The only user of the output is elementwise with a result of the same shape, or two are, a function and what combines the two, or it pads it with zeros, or rounds it to half floats; or the weight is widened for this node alone." }],
  match(root, context) {
    const kernel = root.domain === fusedDomain;
    if (!kernel && root.op !== "Gather" && !convertsInRegisters(root, context)) return undefined;
    // A chain starts where no kernel or chain before it can take the node along.
    const before = kernel ? [] : root.inputs.filter((ref): ref is ValueRef => {
      const producer = ref ? context.producer(ref) : undefined;
      const taken = context.onlyUser(ref!) === root ? follows(root, ref!, context) : (gateOf(ref!, context)?.includes(root) ?? false);
      return producer !== undefined && taken && (anchors.includes(qualifiedOp(producer)) || starts.includes(qualifiedOp(producer)));
    });
    if (before.length > 0) return undefined;
    const parts = chainFrom(root, context);
    return context.require("something follows", parts.length > 1, () => (parts.length > 1 ? parts.map((p) => p.op).join("+") : "its users are no elementwise operators of the same shape")) ? { nodes: parts.map((p) => p.id), bindings: {} } : undefined;
  },
  rewrite(match, rewriter, context) {
    const parts = match.nodes.map((id) => context.find(id)!);
    fuseGroup(rewriter, context, { kind: parts.map((p) => p.op).join("+"), parts, anchor: context.find(match.root)! });
  },
  examples: [
    {
      title: "A residual sum, an activation, and the border of the next convolution",
      before: `graph @main(%x: float32[1, 1, 2, 2, 2], %r: float32[1, 1, 2, 2, 2]) -> (%y: float32[1, 1, 4, 4, 2]) {
  %w = constant float32[1, 1, 1, 1, 2, 2] [1, 2, 3, 4]
  %pads = constant int64[10] [0, 0, 1, 1, 0, 0, 0, 1, 1, 0]
  %c = graphwright.BlockedConv(%x, %w) "conv1"
  %s = Add(%c, %r)
  %a = Relu(%s)
  %y = Pad(%a, %pads)
  return %y
}`,
      after: `graph @main(%x: float32[1, 1, 2, 2, 2], %r: float32[1, 1, 2, 2, 2]) -> (%y: float32[1, 1, 4, 4, 2]) {
  %w = constant float32[1, 1, 1, 1, 2, 2] [1, 2, 3, 4]
  %y: float32[1, 1, 4, 4, 2] = graphwright.Fused(%x, %w, %r) {kind = "BlockedConv+Add+Relu+Pad"} "conv1" body (%X: float32[1, 1, 2, 2, 2], %W: float32[1, 1, 1, 1, 2, 2], %B: float32[1, 1, 2, 2, 2]) {
    %pads = constant int64[10] [0, 0, 1, 1, 0, 0, 0, 1, 1, 0]
    %c: float32[1, 1, 2, 2, 2] = graphwright.BlockedConv(%X, %W) "conv1"
    %s: float32[1, 1, 2, 2, 2] = Add(%c, %B)
    %a: float32[1, 1, 2, 2, 2] = Relu(%s)
    %y$1: float32[1, 1, 4, 4, 2] = Pad(%a, %pads)
    return %y$1 as "y"
  }
  return %y
}`,
    },
    {
      title: "What a function of the result multiplies",
      before: `graph @main(%x: float32[4, 2]) -> (%y: float32[4, 2]) {
  %w = constant float32[1, 2, 2] [1, 2, 3, 4]
  %c = graphwright.PackedMatMul(%x, %w) {columns = 2}
  %s = Sigmoid(%c)
  %y = Mul(%c, %s)
  return %y
}`,
      after: `graph @main(%x: float32[4, 2]) -> (%y: float32[4, 2]) {
  %w = constant float32[1, 2, 2] [1, 2, 3, 4]
  %y: float32[4, 2] = graphwright.Fused(%x, %w) {kind = "PackedMatMul+Sigmoid+Mul"} body (%X: float32[4, 2], %W: float32[1, 2, 2]) {
    %c: float32[4, 2] = graphwright.PackedMatMul(%X, %W) {columns = 2}
    %s: float32[4, 2] = Sigmoid(%c)
    %y$1: float32[4, 2] = Mul(%c, %s)
    return %y$1 as "y"
  }
  return %y
}`,
    },
    {
      title: "Nothing elementwise follows",
      fails: "something follows",
      before: `graph @main(%x: float32[4, 2]) -> (%y: float32[2, 4]) {
  %w = constant float32[2, 2, 1] [1, 2, 3, 4]
  %c = graphwright.PackedMatMul(%x, %w) {columns = 2}
  %y = Transpose(%c)
  return %y
}`,
      after: `graph @main(%x: float32[4, 2]) -> (%y: float32[2, 4]) {
  %w = constant float32[2, 2, 1] [1, 2, 3, 4]
  %c = graphwright.PackedMatMul(%x, %w) {columns = 2}
  %y = Transpose(%c)
  return %y
}`,
    },
  ],
});
