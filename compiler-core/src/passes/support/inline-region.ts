import type { Attributes } from "../../ir/attribute.ts";
import type { Graph, Node, NodeId, OperatorNode, RegionId, ValueRef } from "../../ir/graph.ts";
import { topologicalOrder } from "../../ir/order.ts";
import type { Rewriter } from "../../ir/rewriter.ts";
import { bindAttributes } from "../../ops/index.ts";
import type { MatchContext } from "../definition.ts";

/**
 * Copies the nodes of a body into another region, bodies within included, and gives the value there of each value of
 * the body. Parameters must be mapped beforehand, to nodes in `values` or to values in `parameters`; constants that are
 * in `values` are not copied again. Of a function, `omitted` has the parameters that a call does not give, `bindings` the
 * attributes that its nodes refer to. Names that another value has too are made fresh, and all of them for a `further` copy.
 */
export function copyRegion(
  rewriter: Rewriter,
  context: MatchContext,
  from: RegionId,
  into: RegionId,
  place: Node,
  values: Map<NodeId, NodeId>,
  { parameters, omitted, bindings, further = false }: { readonly parameters?: ReadonlyMap<NodeId, ValueRef>; readonly omitted?: ReadonlySet<NodeId>; readonly bindings?: Attributes; readonly further?: boolean } = {},
): (ref: ValueRef) => ValueRef {
  const { graph } = context;
  const mapped = (ref: ValueRef): ValueRef => {
    const given = parameters?.get(ref.node);
    if (given) return given;
    const node = values.get(ref.node);
    return node === undefined ? ref : { node, output: ref.output };
  };
  const nameOf = (name: string): string => (name === "" || (!further && context.isUniqueName(name)) ? name : context.freshName(name));
  for (const id of topologicalOrder(graph, from)) {
    const node = graph.node(id);
    if (node.kind === "parameter" || (node.kind === "constant" && values.has(id))) continue;
    const spec = { region: into, order: place.order, doc: node.doc, metadata: node.metadata };
    let copy: NodeId;
    if (node.kind === "constant") copy = rewriter.addConstant({ ...spec, value: node.value, name: nameOf(node.outputs[0]!.name), storage: node.storage, nodeName: node.name }).node;
    else {
      const regions: Record<string, RegionId> = {};
      for (const [name, body] of Object.entries(node.regions)) {
        const record = graph.region(body);
        const inner = rewriter.addRegion(record.name, record.doc);
        for (const parameter of record.parameters) {
          const { outputs } = graph.node(parameter);
          values.set(parameter, rewriter.addParameter({ name: nameOf(outputs[0]!.name), type: outputs[0]!.type, region: inner }).node);
        }
        const inside = copyRegion(rewriter, context, body, inner, place, values, { ...(parameters ? { parameters } : {}), ...(omitted ? { omitted } : {}), ...(bindings ? { bindings } : {}), further });
        for (const output of record.outputs) rewriter.addOutput(inner, { ...output, value: inside(output.value) });
        regions[name] = inner;
      }
      copy = rewriter.addNode({
        ...spec,
        op: node.op,
        domain: node.domain,
        overload: node.overload,
        inputs: node.inputs.map((ref) => (ref && !omitted?.has(ref.node) ? mapped(ref) : null)),
        attributes: bindings ? bindAttributes(node, bindings).attributes : node.attributes,
        outputs: node.outputs.map((output) => ({ name: nameOf(output.name), type: output.type })),
        name: node.name,
        regions,
      });
    }
    rewriter.derive("replace", [id], [copy]);
    values.set(id, copy);
  }
  return mapped;
}

/**
 * Puts values in place of the outputs of a node that is taken apart, those that are used. A new value takes the name
 * of the output that it stands for. A value from elsewhere keeps its own: where the output is one of the graph, a copy
 * bears its name.
 */
export function replaceOutputs(rewriter: Rewriter, context: MatchContext, root: OperatorNode, valueOf: (output: number) => ValueRef): void {
  const named = new Set<string>();
  for (const [output, { name, type }] of root.outputs.entries()) {
    const from = { node: root.id, output };
    if (rewriter.usesOfValue(from).length === 0) continue;
    const value = valueOf(output);
    const key = `${value.node}:${value.output}`;
    const own = value.node >= context.graph.nodes.length && !named.has(key);
    named.add(key);
    if (own) {
      rewriter.update(value.node, { outputs: rewriter.node(value.node).outputs.map((o, i) => (i === value.output ? { ...o, name } : o)) });
      rewriter.replaceUses(from, value);
    } else if (context.isResult(from)) {
      const copy = rewriter.addNode({ op: "Identity", inputs: [value], outputs: [{ name, type }], region: root.region, order: root.order });
      rewriter.derive("replace", [root.id], [copy]);
      rewriter.replaceUses(from, { node: copy, output: 0 });
    } else rewriter.replaceUses(from, value);
  }
  rewriter.removeDead([root.id]);
}

/** Operators of a body and of the bodies in it. */
export function operatorsIn(graph: Graph, region: RegionId): OperatorNode[] {
  return [...graph.members(region)].flatMap((id) => {
    const node = graph.node(id);
    return node.kind === "operator" ? [node, ...Object.values(node.regions).flatMap((inner) => operatorsIn(graph, inner))] : [];
  });
}
