import { type FunctionDefinition, type Graph, type OperatorNode, qualifiedOp } from "../ir/graph.ts";
import { findOperator } from "../ops/index.ts";
import { defineRewrite } from "./definition.ts";
import { copyRegion, operatorsIn, replaceOutputs } from "./support/inline-region.ts";

/** The function of the model that a node calls; operators that are known by name go first, as in evaluation. */
const calleeOf = (graph: Graph, node: OperatorNode): FunctionDefinition | undefined => (findOperator(node.domain, node.op) ? undefined : graph.functionOf(node));

/** Does the function lead back to itself, by way of whatever it calls? */
function isRecursive(graph: Graph, start: FunctionDefinition): boolean {
  const seen = new Set<FunctionDefinition>();
  const pending = [start];
  while (pending.length > 0) {
    for (const node of operatorsIn(graph, pending.pop()!.region)) {
      const callee = calleeOf(graph, node);
      if (callee === start) return true;
      if (callee && !seen.has(callee)) {
        seen.add(callee);
        pending.push(callee);
      }
    }
  }
  return false;
}

export const inlineFunction = defineRewrite({
  name: "inline-function",
  title: "Function inlining",
  summary: "Puts the body of a function of the model in place of a call.",
  why: "Exporters keep layers as functions: rewrites do not look into them, and code is made of operators.",
  exactness: "exact",
  roots: ["*"],
  preconditions: [
    { name: "function of the model", doc: "The node calls a function that the model defines." },
    { name: "not recursive", doc: "The function does not call itself." },
    { name: "attributes given", doc: "The call gives each attribute that has no default." },
    { name: "outputs computed", doc: "No output is an input that the call omits." },
  ],
  match(root, context) {
    const { graph } = context;
    if (findOperator(root.domain, root.op)) return undefined;
    const callee = calleeOf(graph, root);
    if (!context.require("function of the model", callee !== undefined, () => `${qualifiedOp(root)} is not defined in it`) || !callee) return undefined;
    if (!context.require("not recursive", !isRecursive(graph, callee), () => qualifiedOp(root))) return undefined;
    const missing = callee.attributeNames.filter((name) => !root.attributes[name]);
    if (!context.require("attributes given", missing.length === 0, () => missing.join(", "))) return undefined;
    const region = graph.region(callee.region);
    const omitted = new Set(region.parameters.filter((_, i) => !root.inputs[i]));
    if (!context.require("outputs computed", region.outputs.every((o) => !omitted.has(o.value.node)), `${omitted.size} inputs are omitted`)) return undefined;
    return { nodes: [root.id], bindings: {} };
  },
  rewrite(match, rewriter, context) {
    const root = context.find(match.root)!;
    const { graph } = context;
    const callee = calleeOf(graph, root)!;
    const { parameters, outputs } = graph.region(callee.region);
    const given = new Map(parameters.flatMap((p, i) => (root.inputs[i] ? [[p, root.inputs[i]] as const] : [])));
    const inside = copyRegion(rewriter, context, callee.region, root.region, root, new Map(), {
      parameters: given,
      omitted: new Set(parameters.filter((p) => !given.has(p))),
      bindings: { ...callee.attributeDefaults, ...root.attributes },
      further: true,
    });
    // Domains that only the function imports are now the model's.
    if (Object.keys(callee.opsets).some((domain) => graph.info.opsets[domain] === undefined)) rewriter.setInfo({ ...graph.info, opsets: { ...callee.opsets, ...graph.info.opsets } });
    replaceOutputs(rewriter, context, root, (output) => inside(outputs[output]!.value));
  },
  examples: [
    {
      title: "A call with an attribute",
      before: `graph @main(%x: float32[N, 4]) -> (%y: float32[N, 4]) {
  %y = local.Scale(%x) {slope = 0.25}
  return %y
}
function "local" "Scale" attributes {slope = 0.5} opset {"" = 17} (%a) -> (%c) {
  %b = LeakyRelu(%a) {alpha = ref slope "FLOAT"}
  %c = Neg(%b)
  return %c
}`,
      after: `graph @main(%x: float32[N, 4]) -> (%y: float32[N, 4]) {
  %b_1 = LeakyRelu(%x) {alpha = 0.25}
  %y = Neg(%b_1)
  return %y
}
function "local" "Scale" attributes {slope = 0.5} opset {"" = 17} (%a) -> (%c) {
  %b = LeakyRelu(%a) {alpha = ref slope "FLOAT"}
  %c = Neg(%b)
  return %c
}`,
    },
    ...[
      {
        title: "A function that calls itself",
        fails: "not recursive",
        text: `graph @main(%x: float32[4]) -> (%y: float32[4]) {
  %y = local.F(%x)
  return %y
}
function "local" "F" attributes {} opset {"" = 17} (%a) -> (%b) {
  %b = local.F(%a)
  return %b
}`,
      },
      {
        title: "An attribute without a value",
        fails: "attributes given",
        text: `graph @main(%x: float32[4]) -> (%y: float32[4]) {
  %y = local.F(%x)
  return %y
}
function "local" "F" attributes {n} opset {"" = 17} (%a) -> (%b) {
  %b = LeakyRelu(%a) {alpha = ref n "FLOAT"}
  return %b
}`,
      },
      {
        title: "An output that is an omitted input",
        fails: "outputs computed",
        text: `graph @main(%x: float32[4]) -> (%y: float32[4]) {
  %y, %z = local.F(%x)
  return %y
}
function "local" "F" attributes {} opset {"" = 17} (%a, %b) -> (%c, %b) {
  %c = Relu(%a)
  return %c, %b
}`,
      },
      {
        title: "A node of an unknown operator",
        fails: "function of the model",
        text: `graph @main(%x: float32[4]) -> (%y: float32[4]) {
  %y = local.F(%x)
  return %y
}`,
      },
    ].map(({ title, fails, text }) => ({ title, fails, before: text, after: text })),
  ],
});
