import type { Attributes } from "../../ir/attribute.ts";
import type { OperatorNode, ValueRef } from "../../ir/graph.ts";
import type { Tensor } from "../../ir/tensor.ts";
import { defineRewrite, type Match, type MatchContext, type PreconditionInfo, type RewriteDefinition } from "../definition.ts";
import { fuseGroup } from "./fused-group.ts";
import { addDerivedConstant, mergedNotes } from "./replacement.ts";
import { opsetPrecondition, requireOpset } from "./target-opset.ts";

/** A constant that the fused operator needs and the graph does not have. */
export interface NewConstant {
  readonly tensor: Tensor;
  /** the constant whose name and storage it follows */
  readonly like: ValueRef;
  readonly suffix: string;
  /** another thing than `like`: its name never passes on */
  readonly other?: boolean;
}

/** Nodes that together compute one operator. */
export interface Recognized {
  /** the nodes that go; the first gives name and place */
  readonly nodes: readonly OperatorNode[];
  /** the node whose value the operator gives; the first when not given */
  readonly last?: OperatorNode;
  readonly op: string;
  readonly inputs: readonly (ValueRef | NewConstant | null)[];
  readonly attributes?: Attributes;
}

/** States the preconditions of a pattern at a root; undefined when one does not hold. */
export type Recognize = (root: OperatorNode, context: MatchContext) => Recognized | undefined;

interface FusionSpec extends Pick<RewriteDefinition, "name" | "title" | "summary" | "why" | "roots" | "preconditions" | "examples"> {
  readonly exactness?: RewriteDefinition["exactness"];
  readonly recognize: Recognize;
}

const isNew = (input: ValueRef | NewConstant): input is NewConstant => "tensor" in input;

const dataOf = (found: Recognized): ValueRef => found.inputs.find((input): input is ValueRef => input !== null && !isNew(input))!;

/** A rewrite that writes a pattern as the operator it computes. */
export const operatorFusion = ({ recognize, preconditions, exactness = "reassociates", ...rest }: FusionSpec): RewriteDefinition =>
  defineRewrite({
    ...rest,
    exactness,
    preconditions: [...preconditions, opsetPrecondition],
    match(root, context, options) {
      const found = recognize(root, context);
      if (!found || !requireOpset(context, options, found.op, dataOf(found))) return undefined;
      return { nodes: [root.id, ...found.nodes.filter((n) => n.id !== root.id).map((n) => n.id)], bindings: { found } };
    },
    rewrite(match, rewriter, context) {
      const found = match.bindings.found as Recognized;
      const first = found.nodes[0]!;
      const last = found.last ?? first;
      const inputs = found.inputs.map((input) =>
        input && isNew(input) ? addDerivedConstant(match, rewriter, context, { ...input, sources: [input.like.node], beside: first, ...(input.other ? { taken: new Set([input.like.node]) } : {}) }) : input,
      );
      const { name, type } = last.outputs[0]!;
      const id = rewriter.addNode({
        op: found.op,
        inputs,
        attributes: found.attributes ?? {},
        outputs: [{ name, type }],
        name: last.name,
        region: last.region,
        order: last.order,
        ...mergedNotes(last, ...found.nodes),
      });
      rewriter.derive("fuse", match.nodes, [id]);
      rewriter.replaceUses({ node: last.id, output: 0 }, { node: id, output: 0 });
      rewriter.removeDead([last.id]);
    },
  });

const groupPrecondition: PreconditionInfo = {
  name: "no operator for it",
  doc: "The operator set has no operator for the pattern, nor may it be raised to one that has: otherwise the operator is used.",
};

/** Nodes in an order in which producers come before users. */
export function producersFirst(nodes: readonly OperatorNode[]): OperatorNode[] {
  const left = new Map(nodes.map((node) => [node.id, node]));
  const sorted: OperatorNode[] = [];
  const place = (node: OperatorNode): void => {
    if (!left.delete(node.id)) return;
    for (const input of node.inputs) {
      const before = input && nodes.find((other) => other.id === input.node);
      if (before) place(before);
    }
    sorted.push(node);
  };
  for (const node of nodes) place(node);
  return sorted;
}

/** A rewrite that keeps the nodes of a pattern together in a fused group, where the operator cannot be written. */
export const operatorGroup = ({ recognize, preconditions, ...rest }: FusionSpec): RewriteDefinition =>
  defineRewrite({
    ...rest,
    exactness: "exact",
    preconditions: [...preconditions, groupPrecondition],
    match(root, context, options) {
      const found = recognize(root, context);
      if (!found) return undefined;
      const silent: MatchContext = { ...context, require: (_name, state) => state === true || state === "satisfied" };
      const writable = requireOpset(silent, options, found.op, dataOf(found));
      if (!context.require("no operator for it", !writable, () => (writable ? `${found.op} can be written` : `${found.op} is too new for the model`))) return undefined;
      return { nodes: [root.id, ...found.nodes.filter((n) => n.id !== root.id).map((n) => n.id)], bindings: { found } };
    },
    rewrite(match: Match, rewriter, context) {
      const { op, nodes, last = nodes[0]! } = match.bindings.found as Recognized;
      const parts = producersFirst(nodes).filter((node) => node.id !== last.id);
      fuseGroup(rewriter, context, { kind: op, parts: [...parts, last], anchor: last });
    },
  });

/** Whether nothing outside `nodes` uses what they compute, the value of `last` apart. */
function outsideUse(nodes: readonly OperatorNode[], last: OperatorNode, context: MatchContext): string | undefined {
  const inside = new Set(nodes.map((node) => node.id));
  for (const node of nodes) {
    if (node.id === last.id) continue;
    if (node.region !== last.region) return `${context.describe({ node: node.id, output: 0 })} lies in an enclosing graph`;
    for (const use of context.graph.usesOf(node.id)) {
      if (use.kind === "result") return `${context.describe({ node: node.id, output: 0 })} is an output of the graph`;
      if (!inside.has(use.user)) return `${context.describe({ node: node.id, output: 0 })} is used elsewhere`;
    }
  }
  return undefined;
}

export const insidePrecondition: PreconditionInfo = { name: "used only here", doc: "The values between are used by the pattern only, in the same graph, and are no outputs of the graph." };

export function requireInside(context: MatchContext, nodes: readonly OperatorNode[], last: OperatorNode): boolean {
  const problem = outsideUse(nodes, last, context);
  return context.require(insidePrecondition.name, problem === undefined, problem ?? "nothing else uses them");
}

