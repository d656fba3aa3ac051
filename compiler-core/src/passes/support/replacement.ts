import { ConstantValue } from "../../ir/constant.ts";
import { describeNode, type Node, type NodeId, type ValueRef } from "../../ir/graph.ts";
import type { OperatorSpec, Rewriter } from "../../ir/rewriter.ts";
import type { Tensor } from "../../ir/tensor.ts";
import type { Match, MatchContext } from "../definition.ts";

/** States that `user` alone uses `value`, in the same region, and that the value is no output. */
export function requireUsedOnce(context: MatchContext, name: string, value: ValueRef, user: Node): boolean {
  const { graph } = context;
  const uses = graph.usesOfValue(value);
  const others = uses.filter((use) => use.kind === "input" && use.user !== user.id).map((use) => (use as { user: NodeId }).user);
  const result = uses.find((use) => use.kind === "result");
  const sameRegion = graph.find(value.node)?.region === user.region;
  return context.require(
    name,
    uses.length === 1 && !result && sameRegion,
    () => {
      if (!sameRegion) return `${context.describe(value)} lies in an enclosing graph`;
      if (result) return `${graph.valueName(value) || context.describe(value)} is an output of the graph`;
      if (others.length > 0) return `the output of ${context.describe(value)} is also used by ${others.map((id) => describeNode(graph.node(id))).join(", ")}`;
      return uses.length > 1 ? `${describeNode(user)} uses it ${uses.length} times` : `only ${describeNode(user)} uses the output of ${context.describe(value)}`;
    },
    () => ({ nodes: others }),
  );
}

/**
 * States that `to` can stand wherever `from` stood: an output of a graph must be computed in that graph and cannot
 * be its input, nor have two names.
 */
export function requireReplaceable(context: MatchContext, name: string, from: ValueRef, to: ValueRef): boolean {
  const { graph } = context;
  if (!context.isResult(from)) return context.require(name, true, "the value is no output of the graph");
  const source = graph.node(to.node);
  const problem =
    source.kind === "parameter"
      ? `${context.describe(to)} is an input of the graph and ${graph.valueName(from)} an output`
      : source.region !== graph.node(from.node).region
        ? `${context.describe(to)} lies in an enclosing graph and ${graph.valueName(from)} is an output of this one`
        : context.isResult(to)
          ? `${graph.valueName(to)} and ${graph.valueName(from)} are both outputs of the graph`
          : undefined;
  return context.require(name, problem === undefined, problem ?? `${context.describe(to)} can be the output itself`);
}

/** Moves all uses of `from` to `to`; when `from` is an output of a graph, `to` takes its name. */
export function takeOver(rewriter: Rewriter, from: ValueRef, to: ValueRef): void {
  const isOutput = rewriter.usesOfValue(from).some((use) => use.kind === "result");
  const name = rewriter.node(from.node).outputs[from.output]!.name;
  rewriter.replaceUses(from, to);
  if (!isOutput) return;
  const outputs = rewriter.node(to.node).outputs.map((output, index) => (index === to.output ? { ...output, name } : output));
  rewriter.update(to.node, { outputs });
}

/** Documentation and metadata of a node that stands for several: the first one's, then what only the others say. */
export function mergedNotes(...nodes: readonly Node[]): Pick<OperatorSpec, "doc" | "metadata"> {
  const doc = nodes.find((node) => node.doc !== "")?.doc ?? "";
  const metadata = Object.assign({}, ...nodes.map((node) => node.metadata).reverse()) as Record<string, string>;
  return { doc, metadata };
}

/**
 * A constant worked out from others. It takes the name of `like` when nothing outside the match uses that one, else
 * that name with `suffix`. `sources` are the nodes whose numbers went into it.
 */
export function addDerivedConstant(
  match: Omit<Match, "root">,
  rewriter: Rewriter,
  context: MatchContext,
  at: { readonly tensor: Tensor; readonly like: ValueRef; readonly suffix: string; readonly sources: readonly NodeId[]; readonly beside: Node; readonly taken?: ReadonlySet<NodeId> },
): ValueRef {
  const { graph } = context;
  const old = graph.node(at.like.node);
  const dies = !at.taken?.has(old.id) && graph.usesOf(old.id).every((use) => use.kind === "input" && match.nodes.includes(use.user));
  const oldName = graph.valueName(at.like);
  const ref = rewriter.addConstant({
    value: ConstantValue.of(at.tensor),
    name: dies ? oldName : context.freshName(oldName === "" ? at.suffix : `${oldName}_${at.suffix}`),
    region: at.beside.region,
    order: at.beside.order,
    ...(old.kind === "constant" ? { storage: old.storage, ...(dies ? { nodeName: old.name, doc: old.doc, metadata: old.metadata } : {}) } : {}),
  });
  rewriter.derive("fold", at.sources, [ref.node]);
  return ref;
}

/** Replaces one output of the match's root by the first output of a new node of the same name, and clears up. */
export function replaceRoot(match: Match, rewriter: Rewriter, spec: Omit<OperatorSpec, "outputs" | "region">): NodeId {
  const root = rewriter.node(match.root);
  const output = root.outputs[0]!;
  const id = rewriter.addNode({ ...spec, region: root.region, outputs: [{ name: output.name, type: output.type }] });
  rewriter.derive("fuse", match.nodes, [id]);
  rewriter.replaceUses({ node: root.id, output: 0 }, { node: id, output: 0 });
  rewriter.removeDead([root.id]);
  return id;
}
