import { string } from "../../ir/attribute.ts";
import { type ConstantNode, fusedDomain, fusedOp, type NodeId, type OperatorNode, type ValueRef } from "../../ir/graph.ts";
import type { Rewriter } from "../../ir/rewriter.ts";
import type { MatchContext } from "../definition.ts";
import { mergedNotes } from "./replacement.ts";

export interface GroupSpec {
  /** what the group is called: "Conv+Add+Relu" */
  readonly kind: string;
  /**
   * Its nodes, producers before users. The last one's first output is the group's first; other values that something
   * outside uses are given out too. Nothing that needs the group's results may feed it.
   */
  readonly parts: readonly OperatorNode[];
  /** the node that gives name and place; the first part when not given */
  readonly anchor?: OperatorNode;
  /** a name for the parameter of an operand that comes from outside; the operator's formal name when undefined */
  readonly parameterName?: (part: OperatorNode, index: number) => string | undefined;
}

/** Axes, shapes, ranges: what lowering reads at compile time goes into the body. */
const isCompileTime = (node: ConstantNode): boolean => (node.value.type.element === "int64" || node.value.type.element === "int32") && node.value.count <= 64;

/** Replaces nodes by a fused group with them as its body. */
export function fuseGroup(rewriter: Rewriter, context: MatchContext, { kind, parts, anchor = parts[0]!, parameterName }: GroupSpec): NodeId {
  const last = parts.at(-1)!;
  const body = rewriter.addRegion();
  const inputs: ValueRef[] = [];
  const inside = new Map<string, ValueRef>();
  const key = (ref: ValueRef): string => `${ref.node}:${ref.output}`;
  const taken = new Set<string>();
  const free = (formal: string): string => {
    let name = formal;
    for (let i = 1; taken.has(name); i++) name = `${formal}_${i}`;
    taken.add(name);
    return name;
  };
  const operand = (ref: ValueRef, formal: string): ValueRef => {
    const node = rewriter.node(ref.node);
    if (node.kind === "constant" && isCompileTime(node)) {
      const copy = rewriter.addConstant({ value: node.value, name: free(formal), storage: node.storage, region: body, order: node.order });
      rewriter.derive("replace", [node.id], [copy.node]);
      return copy;
    }
    const name = free(formal);
    inputs.push(ref);
    return rewriter.addParameter({ name, type: rewriter.type(ref), region: body });
  };
  for (const part of parts) for (const output of part.outputs) taken.add(output.name);
  for (const part of parts) {
    const operands = part.inputs.map((ref, index) => {
      if (!ref) return null;
      let inner = inside.get(key(ref));
      if (!inner) {
        inner = operand(ref, parameterName?.(part, index) ?? context.definition(part)?.inputs[index]?.name ?? `input${index}`);
        inside.set(key(ref), inner);
      }
      return inner;
    });
    const id = rewriter.addNode({
      op: part.op,
      domain: part.domain,
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
  const within = new Set(parts.map((part) => part.id));
  const results: ValueRef[] = [{ node: last.id, output: 0 }];
  for (const part of parts)
    for (const output of part.outputs.keys()) {
      const ref = { node: part.id, output };
      if (!(part === last && output === 0) && rewriter.usesOfValue(ref).some((use) => use.kind === "result" || !within.has(use.user))) results.push(ref);
    }
  const outputs = results.map((ref) => rewriter.node(ref.node).outputs[ref.output]!);
  for (const [i, ref] of results.entries()) rewriter.addOutput(body, { name: outputs[i]!.name, value: inside.get(key(ref))! });
  const group = rewriter.addNode({
    op: fusedOp,
    domain: fusedDomain,
    inputs,
    attributes: { kind: string(kind) },
    regions: { body },
    outputs: outputs.map(({ name, type }) => ({ name, type })),
    name: anchor.name,
    region: anchor.region,
    order: anchor.order,
    ...mergedNotes(anchor),
  });
  rewriter.derive("fuse", parts.map((part) => part.id), [group]);
  for (const [output, ref] of results.entries()) rewriter.replaceUses(ref, { node: group, output });
  rewriter.removeDead([...parts].reverse().map((part) => part.id));
  return group;
}
