import { string } from "../../ir/attribute.ts";
import { fusedDomain, fusedOp, type NodeId, type OperatorNode, type ValueRef } from "../../ir/graph.ts";
import type { Rewriter } from "../../ir/rewriter.ts";
import type { MatchContext } from "../definition.ts";
import { mergedNotes } from "./replacement.ts";

export interface GroupSpec {
  /** what the group is called: "Conv+Add+Relu" */
  readonly kind: string;
  /** its nodes, producers before users; the last one's first output is the group's */
  readonly parts: readonly OperatorNode[];
  /** the node that gives name and place; the first part when not given */
  readonly anchor?: OperatorNode;
  /** a name for the parameter of an operand that comes from outside; the operator's formal name when undefined */
  readonly parameterName?: (part: OperatorNode, index: number) => string | undefined;
}

/** Replaces nodes by a fused group with them as its body. */
export function fuseGroup(rewriter: Rewriter, context: MatchContext, { kind, parts, anchor = parts[0]!, parameterName }: GroupSpec): NodeId {
  const last = parts.at(-1)!;
  const body = rewriter.addRegion();
  const inputs: ValueRef[] = [];
  const inside = new Map<string, ValueRef>();
  const key = (ref: ValueRef): string => `${ref.node}:${ref.output}`;
  const taken = new Set<string>();
  const parameter = (ref: ValueRef, formal: string): ValueRef => {
    let name = formal;
    for (let i = 1; taken.has(name); i++) name = `${formal}_${i}`;
    taken.add(name);
    inputs.push(ref);
    return rewriter.addParameter({ name, type: rewriter.type(ref), region: body });
  };
  for (const part of parts) for (const output of part.outputs) taken.add(output.name);
  for (const part of parts) {
    const operands = part.inputs.map((ref, index) => {
      if (!ref) return null;
      let inner = inside.get(key(ref));
      if (!inner) {
        inner = parameter(ref, parameterName?.(part, index) ?? context.definition(part)?.inputs[index]?.name ?? `input${index}`);
        inside.set(key(ref), inner);
      }
      return inner;
    });
    const id = rewriter.addNode({
      op: part.op,
      inputs: operands,
      attributes: part.attributes,
      outputs: part.outputs.map(({ name, type }) => ({ name, type })),
      name: part.name,
      doc: part.doc,
      metadata: part.metadata,
      region: body,
      order: part.order,
    });
    rewriter.derive("replace", [part.id], [id]);
    for (const output of part.outputs.keys()) inside.set(key({ node: part.id, output }), { node: id, output });
  }
  const { name, type } = last.outputs[0]!;
  rewriter.addOutput(body, { name, value: inside.get(key({ node: last.id, output: 0 }))! });
  const group = rewriter.addNode({
    op: fusedOp,
    domain: fusedDomain,
    inputs,
    attributes: { kind: string(kind) },
    regions: { body },
    outputs: [{ name, type }],
    name: anchor.name,
    region: anchor.region,
    order: anchor.order,
    ...mergedNotes(anchor),
  });
  rewriter.derive("fuse", parts.map((part) => part.id), [group]);
  rewriter.replaceUses({ node: last.id, output: 0 }, { node: group, output: 0 });
  rewriter.removeDead([last.id]);
  return group;
}
