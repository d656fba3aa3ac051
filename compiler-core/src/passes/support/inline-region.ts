import type { Node, NodeId, RegionId, ValueRef } from "../../ir/graph.ts";
import { topologicalOrder } from "../../ir/order.ts";
import type { Rewriter } from "../../ir/rewriter.ts";
import type { MatchContext } from "../definition.ts";

/**
 * Copies the nodes of a body into another region, bodies within included, and gives the value there of each value of
 * the body. Parameters must be mapped beforehand, to nodes in `values` or to values in `parameters`. Names that another value has too are made fresh.
 */
export function copyRegion(rewriter: Rewriter, context: MatchContext, from: RegionId, into: RegionId, place: Node, values: Map<NodeId, NodeId>, parameters?: ReadonlyMap<NodeId, ValueRef>): (ref: ValueRef) => ValueRef {
  const { graph } = context;
  const mapped = (ref: ValueRef): ValueRef => {
    const given = parameters?.get(ref.node);
    if (given) return given;
    const node = values.get(ref.node);
    return node === undefined ? ref : { node, output: ref.output };
  };
  const nameOf = (name: string): string => (name === "" || context.isUniqueName(name) ? name : context.freshName(name));
  for (const id of topologicalOrder(graph, from)) {
    const node = graph.node(id);
    if (node.kind === "parameter") continue;
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
        const inside = copyRegion(rewriter, context, body, inner, place, values, parameters);
        for (const output of record.outputs) rewriter.addOutput(inner, { ...output, value: inside(output.value) });
        regions[name] = inner;
      }
      copy = rewriter.addNode({
        ...spec,
        op: node.op,
        domain: node.domain,
        overload: node.overload,
        inputs: node.inputs.map((ref) => ref && mapped(ref)),
        attributes: node.attributes,
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
