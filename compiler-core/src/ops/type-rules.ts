import type { Attribute, Attributes } from "../ir/attribute.ts";
import type { ConstantValue } from "../ir/constant.ts";
import type { Dim } from "../ir/dim.ts";
import type { FunctionDefinition, Node, NodeId, OperatorNode, RegionId, ValueRef } from "../ir/graph.ts";
import { mergeTypes } from "../ir/merge-types.ts";
import { toNumbers } from "../ir/tensor.ts";
import type { GraphView, InferContext, InferredOutput, TypeRules } from "../ir/type-rules.ts";
import { unknownType } from "../ir/value-type.ts";
import { GraphwrightError } from "../support/diagnostic.ts";
import { attributeReader } from "./attribute-reader.ts";
import type { OperatorDefinition } from "./definition.ts";

type FindOperator = (domain: string, op: string) => OperatorDefinition | undefined;

/** Calls nested deeper than this are taken for a recursive function, which ONNX forbids. */
const deepestCall = 64;
/** Elements of larger integer constants are not followed by shape arithmetic. */
const knownLimit = 64;

/** What a region is inferred under, when nothing is written. */
interface Surroundings {
  readonly bindings: Attributes;
  readonly opset: (domain: string) => number;
  /** compile-time values of the parameters of `entry` */
  readonly constants: ReadonlyMap<number, ConstantValue>;
  readonly entry: RegionId | undefined;
}

/** Adapts operator definitions to what the Rewriter asks for. */
export function typeRulesFor(find: FindOperator): TypeRules {
  const inferNode = (node: OperatorNode, context: InferContext, depth: number): readonly InferredOutput[] => {
    const definition = find(node.domain, node.op);
    try {
      if (definition) return definition.infer(context, node, attributeReader(node, definition));
      const callee = context.graph?.functionOf(node);
      return callee ? inferCall(callee, node, context, depth) : node.outputs.map(() => ({ type: unknownType }));
    } catch (error) {
      // A model may hold anything: what inference cannot use is said, and the node's types stay open.
      // In a function's own body, attributes of the call are open.
      if (error instanceof GraphwrightError && error.diagnostic.code === "unbound-attribute") return node.outputs.map(() => ({ type: unknownType }));
      if (error instanceof GraphwrightError) context.report({ ...error.diagnostic, severity: "warning" });
      else context.report({ severity: "warning", code: "inference-failed", message: `type inference of ${node.op} failed: ${(error as Error).message}.` });
      return node.outputs.map(() => ({ type: unknownType }));
    }
  };

  /** Types of one call of a model-local function. The function's own body stays as it is: other calls see other types. */
  const inferCall = (callee: FunctionDefinition, node: OperatorNode, context: InferContext, depth: number): readonly InferredOutput[] => {
    const graph = context.graph as GraphView;
    const unknown = node.outputs.map(() => ({ type: unknownType }));
    if (depth >= deepestCall) return unknown;
    const bindings: Attributes = { ...callee.attributeDefaults, ...node.attributes };
    const parameters = graph.region(callee.region).parameters.map((_, index): InferredOutput => {
      const known = context.known(index);
      return { type: context.type(index), ...(known ? { known } : {}) };
    });
    const constants = new Map<number, ConstantValue>();
    for (const index of parameters.keys()) {
      const constant = context.constant(index);
      if (constant) constants.set(index, constant);
    }
    return dryRun(graph, context, depth, { bindings, opset: (domain) => callee.opsets[domain] ?? context.opset, constants, entry: callee.region })(callee.region, parameters);
  };

  /** Infers a region and those inside it without writing anything to the graph. */
  const dryRun = (graph: GraphView, context: InferContext, depth: number, surroundings: Surroundings): ((id: RegionId, given: readonly InferredOutput[]) => readonly InferredOutput[]) => {
    const values = new Map<NodeId, readonly InferredOutput[]>();
    const constantParameters = new Map<NodeId, ConstantValue>();

    const inferRegion = (id: RegionId, given: readonly InferredOutput[]): readonly InferredOutput[] => {
      const region = graph.region(id);
      for (const [index, parameter] of region.parameters.entries()) {
        const declared = graph.node(parameter).outputs[0]!;
        const from = given[index] ?? { type: unknownType };
        values.set(parameter, [{ ...from, type: mergeTypes(from.type, declared.type) }]);
        const constant = id === surroundings.entry ? surroundings.constants.get(index) : undefined;
        if (constant) constantParameters.set(parameter, constant);
      }
      for (const member of graph.members(id)) {
        const inner = graph.node(member);
        if (inner.kind !== "operator") continue;
        const bound = bindAttributes(inner, surroundings.bindings);
        values.set(member, inferNode(bound, bodyContext(bound), depth + 1));
      }
      return region.outputs.map((output) => valueOf(output.value));
    };
    const valueOf = (ref: ValueRef | null | undefined): InferredOutput => {
      if (!ref) return { type: unknownType };
      const own = values.get(ref.node)?.[ref.output];
      if (own) return own;
      const producer: Node = graph.node(ref.node);
      if (producer.kind === "constant") {
        const known = knownElements(producer.value);
        return known ? { type: producer.value.type, known } : { type: producer.value.type };
      }
      const output = producer.outputs[ref.output];
      return { type: output?.type ?? unknownType };
    };
    const bodyContext = (inner: OperatorNode): InferContext => ({
      type: (index) => valueOf(inner.inputs[index]).type,
      constant: (index) => {
        const ref = inner.inputs[index];
        if (!ref) return undefined;
        const producer = graph.node(ref.node);
        return producer.kind === "constant" ? producer.value : constantParameters.get(ref.node);
      },
      known: (index) => valueOf(inner.inputs[index]).known,
      typeOf: (ref) => valueOf(ref).type,
      inferBody: inferRegion,
      tryBody: inferRegion,
      opset: surroundings.opset(inner.domain),
      report: (diagnostic) => context.report(diagnostic),
      graph,
    });
    return inferRegion;
  };

  const withTrial = (context: InferContext): InferContext => {
    const { graph } = context;
    if (!graph) return context;
    const surroundings: Surroundings = { bindings: {}, opset: () => context.opset, constants: new Map(), entry: undefined };
    return { ...context, tryBody: (region, parameters) => dryRun(graph, { ...context, report: () => undefined }, 0, surroundings)(region, parameters) };
  };
  return { infer: (node, context) => inferNode(node, Object.keys(node.regions).length > 0 ? withTrial(context) : context, 0) };
}

/** The node with its attribute references replaced by what a call gives; those the call leaves out disappear. */
export function bindAttributes(node: OperatorNode, bindings: Attributes): OperatorNode {
  if (!Object.values(node.attributes).some((a) => a.kind === "ref")) return node;
  const attributes: Record<string, Attribute> = {};
  for (const [name, attribute] of Object.entries(node.attributes)) {
    const bound = attribute.kind === "ref" ? bindings[attribute.of] : attribute;
    if (bound) attributes[name] = bound;
  }
  return { ...node, attributes };
}

function knownElements(value: ConstantValue): readonly Dim[] | undefined {
  const { element, shape } = value.type;
  if ((element !== "int64" && element !== "int32") || shape === null || shape.length > 1 || value.count > knownLimit) return undefined;
  return Array.from(toNumbers(value.tensor()));
}
