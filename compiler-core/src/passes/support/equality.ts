import type { Attribute, Attributes } from "../../ir/attribute.ts";
import { type Graph, type NodeId, type OperatorNode, type RegionId, sameValue, type ValueRef } from "../../ir/graph.ts";
import { topologicalOrder } from "../../ir/order.ts";
import { type Tensor, tensorsIdentical } from "../../ir/tensor.ts";
import { sameBits } from "../driver/graph-index.ts";

function attributeEqual(a: Attribute, b: Attribute): boolean {
  if (a.kind !== b.kind) return false;
  switch (a.kind) {
    case "tensor":
      return tensorsIdentical(a.value, b.kind === "tensor" ? b.value : a.value);
    case "tensors": {
      const other = (b as typeof a).value;
      return a.value.length === other.length && a.value.every((t, i) => tensorsIdentical(t, other[i] as Tensor));
    }
    case "sparse": {
      const other = b as typeof a;
      return tensorsIdentical(a.values, other.values) && tensorsIdentical(a.indices, other.indices) && a.dims.join() === other.dims.join();
    }
    case "ref": {
      const other = b as typeof a;
      return a.of === other.of;
    }
    case "bytes":
    case "ints":
    case "floats":
    case "strings":
    case "types": {
      const x: ArrayLike<unknown> = a.value;
      const y: ArrayLike<unknown> = (b as typeof a).value;
      return x.length === y.length && Array.from(x).every((v, i) => Object.is(v, y[i]));
    }
    default:
      return Object.is(a.value, (b as typeof a).value);
  }
}

/** Equal names and values; tensors and floats by their bits. */
export function attributesEqual(a: Attributes, b: Attributes): boolean {
  const names = Object.keys(a);
  return names.length === Object.keys(b).length && names.every((name) => Object.hasOwn(b, name) && attributeEqual(a[name]!, b[name]!));
}

/** Whether two bodies compute the same from the same parameters and captures, node by node. */
export function regionsEqual(graph: Graph, a: RegionId, b: RegionId, bound: Map<NodeId, NodeId> = new Map()): boolean {
  const x = graph.region(a);
  const y = graph.region(b);
  if (x.parameters.length !== y.parameters.length || x.outputs.length !== y.outputs.length) return false;
  for (const [i, id] of x.parameters.entries()) bound.set(id, y.parameters[i]!);
  const order = topologicalOrder(graph, a).filter((id) => graph.node(id).kind !== "parameter");
  const other = topologicalOrder(graph, b).filter((id) => graph.node(id).kind !== "parameter");
  if (order.length !== other.length) return false;
  const same = (p: ValueRef | null, q: ValueRef | null): boolean => (p && bound.has(p.node) ? sameValue({ node: bound.get(p.node)!, output: p.output }, q) : sameValue(p, q));
  for (const [i, id] of order.entries()) {
    const m = graph.node(id);
    const n = graph.node(other[i]!);
    if (m.outputs.length !== n.outputs.length || m.inputs.length !== n.inputs.length) return false;
    if (!m.inputs.every((input, k) => same(input, n.inputs[k]!))) return false;
    if (m.kind === "constant" ? n.kind !== "constant" || m.value.type !== n.value.type || !sameBits(m.value, n.value) : false) return false;
    if (m.kind === "operator") {
      if (n.kind !== "operator" || !sameOperator(m, n)) return false;
      const bodies = Object.entries(m.regions);
      if (bodies.length !== Object.keys(n.regions).length) return false;
      if (!bodies.every(([name, body]) => name in n.regions && regionsEqual(graph, body, n.regions[name]!, bound))) return false;
    }
    bound.set(m.id, n.id);
  }
  return x.outputs.every((output, i) => same(output.value, y.outputs[i]!.value));
}

export const sameOperator = (a: OperatorNode, b: OperatorNode): boolean =>
  a.op === b.op && a.domain === b.domain && a.overload === b.overload && attributesEqual(a.attributes, b.attributes);
