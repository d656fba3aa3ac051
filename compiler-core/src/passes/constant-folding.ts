import { ConstantValue } from "../ir/constant.ts";
import { byteSize } from "../ir/element-type.ts";
import type { OperatorNode, ValueRef } from "../ir/graph.ts";
import type { Tensor } from "../ir/tensor.ts";
import { elementCount, elementOf, staticShape } from "../ir/value-type.ts";
import { evaluateNode } from "../evaluate/index.ts";
import { isTensor, type Value } from "../ops/definition.ts";
import { GraphwrightError } from "../support/diagnostic.ts";
import { defineRewrite, type MatchContext } from "./definition.ts";
import { requireDeterministic } from "./support/determinism.ts";

type Folded = { readonly outputs: readonly (Tensor | null)[] } | { readonly reason: string };

// A node's record changes whenever its inputs do, and constants never change, so a result stays true for its record.
const results = new WeakMap<OperatorNode, Folded>();

function fold(node: OperatorNode, context: MatchContext): Folded {
  let result = results.get(node);
  if (!result) {
    result = evaluate(node, context);
    results.set(node, result);
  }
  return result;
}

function evaluate(node: OperatorNode, context: MatchContext): Folded {
  if (!context.definition(node)?.evaluate) return { reason: `${node.op} has no evaluation` };
  try {
    const inputs = node.inputs.map((ref) => (ref ? context.tensor(ref)! : null));
    const values: readonly (Value | null)[] = evaluateNode(context.graph, node, inputs);
    const tensors = values.map((value) => (isTensor(value) ? value : null));
    if (wantedOutputs(node, context).some((i) => !tensors[i])) return { reason: "a sequence, an optional or a map is not a constant" };
    return { outputs: tensors };
  } catch (error) {
    if (error instanceof GraphwrightError) return { reason: error.message };
    throw error;
  }
}

const wantedOutputs = (node: OperatorNode, context: MatchContext): number[] =>
  [...node.outputs.keys()].filter((output) => context.graph.usesOfValue({ node: node.id, output }).length > 0);

const tensorBytes = (tensor: Tensor): number =>
  tensor.element === "string" ? (tensor.data as string[]).reduce((sum, s) => sum + s.length, 0) : byteSize(tensor.element, elementCount(tensor.dims));

/** Bytes of the constants that folding makes; evaluates only where the shapes are not inferred. */
function producedBytes(node: OperatorNode, context: MatchContext): number | string {
  let bytes = 0;
  for (const output of wantedOutputs(node, context)) {
    const { type } = node.outputs[output]!;
    const dims = staticShape(type);
    if (dims && type.kind === "tensor" && type.element && type.element !== "string") bytes += byteSize(type.element, elementCount(dims));
    else {
      const folded = fold(node, context);
      if ("reason" in folded) return folded.reason;
      bytes += tensorBytes(folded.outputs[output]!);
    }
  }
  return bytes;
}

/** Bytes that a node would leave as constants, where its operands are constants and its sizes are inferred; undefined where it stays. */
function foldedBytes(node: OperatorNode, context: MatchContext): number | undefined {
  if (node.domain === "" && node.op === "DequantizeLinear") return undefined;
  if (Object.keys(node.regions).length > 0 || !node.inputs.every((ref) => ref === null || context.constant(ref))) return undefined;
  const definition = context.definition(node);
  if (!definition?.evaluate || definition.nondeterministic) return undefined;
  let bytes = 0;
  for (const output of wantedOutputs(node, context)) {
    const { type } = node.outputs[output]!;
    const dims = staticShape(type);
    if (!dims || type.kind !== "tensor" || !type.element || type.element === "string") return undefined;
    bytes += byteSize(type.element, elementCount(dims));
  }
  return bytes;
}

/** A constant that this many nodes share is not looked through. */
const sharedBy = 32;

/**
 * Bytes of the constants that go with the node. One that other nodes use, all of which can be folded too, goes with the
 * last of them: its bytes are shared out by what each makes of it, so that a weight may be cut into parts and joined anew.
 */
function freedBytes(node: OperatorNode, produced: number, context: MatchContext): number {
  const sources = new Set(node.inputs.flatMap((ref) => (ref ? [ref.node] : [])));
  let bytes = 0;
  for (const id of sources) {
    const uses = context.graph.usesOf(id);
    const own = context.constant({ node: id, output: 0 })!.bytes;
    const users = new Set<number>();
    for (const use of uses) users.add(use.kind === "input" ? use.user : -1);
    if (users.has(-1) || users.size > sharedBy) continue;
    if (users.size === 1) bytes += own;
    else {
      let all = 0;
      for (const user of users) all += user === node.id ? produced : (foldedBytes(context.find(user)!, context) ?? Infinity);
      if (all < Infinity) bytes += all === 0 ? own : Math.floor((own * produced) / all);
    }
  }
  return bytes;
}

export function sizeText(bytes: number): string {
  if (Math.abs(bytes) < 1e3) return `${bytes} B`;
  if (Math.abs(bytes) < 1e6) return `${(bytes / 1e3).toFixed(1)} kB`;
  return `${(bytes / 1e6).toFixed(1)} MB`;
}

/** Operators that read a weight from memory: half as many bytes of it are what a model in fewer bits is for. */
const weightReaders = new Set(["Conv", "ConvTranspose", "Gather", "Gemm", "MatMul"]);
const leastWeight = 256;

/** Is it a Cast of a large constant of half floats to float32, all of whose users read it as a weight? */
function widensWeight(node: OperatorNode, context: MatchContext): boolean {
  const constant = node.domain === "" && node.op === "Cast" ? context.constant(node.inputs[0]) : undefined;
  const element = constant?.type.element;
  if (!constant || (element !== "float16" && element !== "bfloat16") || constant.count < leastWeight || elementOf(context.type({ node: node.id, output: 0 })) !== "float32") return false;
  return context.graph.usesOf(node.id).every((use) => {
    const user = use.kind === "input" ? context.find(use.user) : undefined;
    return user?.domain === "" && weightReaders.has(user.op) && use.kind === "input" && use.index < 2;
  });
}

export const constantFolding = defineRewrite({
  name: "constant-folding",
  title: "Constant folding",
  summary: "Replaces an operator whose inputs are all constants by its value.",
  why: "What does not depend on the model's inputs is computed once, before the model is deployed.",
  exactness: "exact",
  roots: ["*"],
  preconditions: [
    { name: "constant inputs", doc: "Every input is a constant. An initializer that is also a graph input may be overridden by the caller and is none." },
    { name: "deterministic", doc: "The operator is known and draws no random numbers; it is no DequantizeLinear, whose place tells what is quantized." },
    { name: "no bodies", doc: "The operator has no bodies." },
    { name: "no widened weight", doc: `It is no Cast of ${leastWeight} or more half floats to float32 that products and lookups use as a weight: kernels widen these as they read them.` },
    { name: "within budget", doc: "The constants grow by no more than the folding budget.", budget: true },
    { name: "evaluated", doc: "The operator can be evaluated here and gives tensors." },
  ],
  match(root, context, options) {
    const { graph } = context;
    const computed = root.inputs.filter((ref): ref is ValueRef => ref !== null && !context.constant(ref));
    const overridable = computed.filter((ref) => {
      const node = graph.node(ref.node);
      return node.kind === "parameter" && node.fallback !== undefined;
    });
    const constant = context.require(
      "constant inputs",
      computed.length === 0,
      () => (computed.length === 0 ? "all inputs are constants" : overridable.length === computed.length ? `${overridable.map((r) => context.describe(r)).join(", ")} has a default that the caller may override` : `${computed.map((r) => context.describe(r)).join(", ")} is computed`),
      () => (overridable.length === computed.length ? { enable: "Make the graph input a constant, if no caller overrides it." } : {}),
    );
    if (!constant || wantedOutputs(root, context).length === 0) return undefined;
    let holds =
      root.domain === "" && root.op === "DequantizeLinear"
        ? context.require("deterministic", false, "a DequantizeLinear says what is quantized: it is left for quantized operators")
        : requireDeterministic(context, "deterministic", root);
    holds = context.require("no bodies", Object.keys(root.regions).length === 0) && holds;
    holds = context.require("no widened weight", !widensWeight(root, context)) && holds;
    if (!holds) return undefined;
    const produced = producedBytes(root, context);
    const growth = typeof produced === "number" ? produced - freedBytes(root, produced, context) : 0;
    const within = context.require(
      "within budget",
      typeof produced !== "number" ? "unknown" : growth <= options.foldGrowthBytes,
      () => (typeof produced === "number" ? `the constants ${growth < 0 ? "shrink" : "grow"} by ${sizeText(Math.abs(growth))}; the budget is ${sizeText(options.foldGrowthBytes)}` : produced),
      { enable: `Set the folding budget to ${sizeText(growth)}.` },
    );
    if (!within && typeof produced === "number") return undefined;
    const folded = fold(root, context);
    if (!context.require("evaluated", "outputs" in folded, "reason" in folded ? folded.reason : "evaluated") || !within) return undefined;
    const constants = root.inputs.flatMap((ref) => (ref ? [ref.node] : []));
    return { nodes: [root.id, ...new Set(constants)], bindings: { outputs: (folded as { outputs: readonly (Tensor | null)[] }).outputs } };
  },
  rewrite(match, rewriter, context) {
    const root = context.find(match.root)!;
    const values = match.bindings.outputs as readonly (Tensor | null)[];
    for (const output of wantedOutputs(root, context)) {
      const from = { node: root.id, output };
      const to = rewriter.addConstant({
        value: ConstantValue.of(values[output]!),
        name: root.outputs[output]!.name,
        region: root.region,
        order: root.order,
        doc: root.doc,
        metadata: root.metadata,
        // Written as a node where it is an output, since not every reader takes an initializer for one.
        storage: context.isResult(from) ? "node" : "initializer",
      });
      rewriter.derive("fold", match.nodes, [to.node]);
      rewriter.replaceUses(from, to);
    }
    rewriter.removeDead([root.id]);
  },
  examples: [
    {
      title: "A sum of two constants",
      before: `graph @main(%x: float32[N, 2]) -> (%y: float32[N, 2]) {
  %a = constant float32[2] [1, 2]
  %b = constant float32[2] [10, 20]
  %s = Add(%a, %b)
  %y = Mul(%x, %s)
  return %y
}`,
      after: `graph @main(%x: float32[N, 2]) -> (%y: float32[N, 2]) {
  %s = constant float32[2] [11, 22]
  %y = Mul(%x, %s)
  return %y
}`,
    },
    {
      title: "Folding would grow the model beyond the budget",
      fails: "within budget",
      options: { foldGrowthBytes: 1024 },
      before: `graph @main(%x: float32[N, 1024]) -> (%y: float32[N, 1024]) {
  %shape = constant int64[1] [1024]
  %w = ConstantOfShape(%shape) {value = tensor float32[1] [0.5]}
  %y = Mul(%x, %w)
  return %y
}`,
      after: `graph @main(%x: float32[N, 1024]) -> (%y: float32[N, 1024]) {
  %shape = constant int64[1] [1024]
  %w = ConstantOfShape(%shape) {value = tensor float32[1] [0.5]}
  %y = Mul(%x, %w)
  return %y
}`,
    },
    {
      title: "The caller may override the default",
      fails: "constant inputs",
      before: `graph @main(%x: float32[N, 2], %a: float32[2] = constant float32[2] [1, 2]) -> (%y: float32[N, 2]) {
  %b = constant float32[2] [10, 20]
  %s = Add(%a, %b)
  %y = Mul(%x, %s)
  return %y
}`,
      after: `graph @main(%x: float32[N, 2], %a: float32[2] = constant float32[2] [1, 2]) -> (%y: float32[N, 2]) {
  %b = constant float32[2] [10, 20]
  %s = Add(%a, %b)
  %y = Mul(%x, %s)
  return %y
}`,
    },
    {
      title: "Weights of half floats",
      fails: "no widened weight",
      before: `graph @main(%x: float32[N, 16]) -> (%y: float32[N, 32]) {
  %h = constant float16[16, 32] splat(0.25)
  %w = Cast(%h) {to = 1}
  %y = MatMul(%x, %w)
  return %y
}`,
      after: `graph @main(%x: float32[N, 16]) -> (%y: float32[N, 32]) {
  %h = constant float16[16, 32] splat(0.25)
  %w = Cast(%h) {to = 1}
  %y = MatMul(%x, %w)
  return %y
}`,
    },
    {
      title: "Random numbers are drawn anew in each run",
      fails: "deterministic",
      before: `graph @main(%x: float32[2]) -> (%y: float32[2]) {
  %p = constant float32[2] [0.5, 0.5]
  %r = Bernoulli(%p)
  %y = Mul(%x, %r)
  return %y
}`,
      after: `graph @main(%x: float32[2]) -> (%y: float32[2]) {
  %p = constant float32[2] [0.5, 0.5]
  %r = Bernoulli(%p)
  %y = Mul(%x, %r)
  return %y
}`,
    },
  ],
});
