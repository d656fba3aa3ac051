import {
  type ConstantNode,
  describeNode,
  type Graph,
  isFused,
  type NodeId,
  type OperatorNode,
  type RegionId,
  rootRegion,
  type ValueRef,
} from "../../ir/graph.ts";
import { shapeOf } from "../../ir/value-type.ts";
import { attributeReader, findOperator } from "../../ops/index.ts";
import type { MatchContext, PreconditionResult, PreconditionState } from "../definition.ts";
import { GraphIndex } from "./graph-index.ts";

/** A context on one version. With `record`, every stated precondition is kept for the explain view. */
export function matchContext(graph: Graph, index: GraphIndex = new GraphIndex(graph), record?: PreconditionResult[]): MatchContext {
  const reserved = new Set<string>();
  const find = (id: NodeId): OperatorNode | undefined => graph.operator(id);
  const constant = (ref: ValueRef | null | undefined): ReturnType<Graph["constant"]> => graph.constant(ref);
  return {
    graph,
    find,
    producer: (ref, ...ops) => {
      const node = ref ? graph.operator(ref.node) : undefined;
      return node && (ops.length === 0 || (node.domain === "" && ops.includes(node.op))) ? node : undefined;
    },
    type: (ref) => graph.type(ref),
    shape: (ref) => shapeOf(graph.type(ref)) ?? undefined,
    constant,
    tensor: (ref) => constant(ref)?.tensor(),
    attributes: (node) => attributeReader(node, findOperator(node.domain, node.op)),
    definition: (node) => findOperator(node.domain, node.op),
    onlyUser: (ref) => {
      const use = graph.soleUse(ref);
      if (use?.kind !== "input") return undefined;
      const user = graph.operator(use.user);
      return user && user.region === graph.find(ref.node)?.region ? user : undefined;
    },
    isResult: (ref) => graph.isResult(ref),
    alike: (node) => index.nodesLike(node),
    identicalConstants: (node: ConstantNode) => index.constantsLike(node),
    freshName: (base) => {
      let name = base;
      for (let i = 1; index.countName(name) > 0 || index.isOutputName(name) || reserved.has(name); i++) name = `${base}_${i}`;
      reserved.add(name);
      return name;
    },
    isUniqueName: (name) => index.countName(name) <= 1 && !reserved.has(name),
    describe: (ref) => {
      const node = graph.find(ref.node);
      if (!node) return `#${ref.node}`;
      if (node.kind === "operator") return describeNode(node);
      return node.outputs[ref.output]?.name || describeNode(node);
    },
    require: (name, state, detail, because) => {
      const verdict: PreconditionState = typeof state === "boolean" ? (state ? "satisfied" : "failed") : state;
      if (record) {
        const said = typeof detail === "function" ? detail() : detail;
        const more = typeof because === "function" ? because() : because;
        record.push({
          name,
          state: verdict,
          ...(said === undefined ? {} : { detail: said }),
          ...(more?.enable === undefined || verdict === "satisfied" ? {} : { enable: more.enable }),
          ...(more?.nodes === undefined ? {} : { nodes: more.nodes }),
        });
      }
      return verdict === "satisfied";
    },
  };
}

/**
 * Where rewrites look: the graph and the bodies of its control flow. Bodies of fused groups are the fused nodes
 * themselves, and functions are written once for all their calls.
 */
export function rewritable(graph: Graph, region: RegionId): boolean {
  for (let at = region; at !== rootRegion; ) {
    const { owner } = graph.region(at);
    if (owner === null) return false;
    const node = graph.node(owner);
    if (isFused(node)) return false;
    at = node.region;
  }
  return true;
}
