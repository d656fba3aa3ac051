import { type NodeId, type OperatorNode, qualifiedOp, type Graph, type Node } from "./graph.ts";
import type { StepId, Timeline } from "./timeline.ts";

/** How a node or constant is told in a lineage: by its name, or by its value's. */
export interface LineageNode {
  readonly name: string;
  readonly kind: Node["kind"];
  /** qualified operator; "" for constants and inputs */
  readonly op: string;
  readonly outputs: readonly string[];
}

export interface LineageOrigin extends LineageNode {
  /** names of the nodes and constants of the imported model that it came from; its own when nothing touched it */
  readonly origins: readonly string[];
}

export interface LineageFate extends LineageNode {
  /** names of the nodes and constants that hold what it was; empty when it was eliminated */
  readonly became: readonly string[];
  /** the step that left nothing of it, and the values that are used in its stead */
  readonly eliminated?: { readonly step: StepId; readonly pass: string; readonly rewrite: string; readonly site: string; readonly instead: readonly string[] };
}

/** Both directions of the lineage of a whole step. */
export interface LineageTable {
  readonly nodes: readonly LineageOrigin[];
  readonly originals: readonly LineageFate[];
}

export const nameOfNode = (node: Node): string => node.name || node.outputs.find((o) => o.name !== "")?.name || `#${node.id}`;

const described = (node: Node): LineageNode => ({
  name: nameOfNode(node),
  kind: node.kind,
  op: node.kind === "operator" ? qualifiedOp(node as OperatorNode) : "",
  outputs: node.outputs.map((o) => o.name),
});

interface Trace {
  readonly first: Graph;
  readonly last: Graph;
  originsOf(id: NodeId): readonly NodeId[];
  /** nodes that a step eliminated, and what took their place */
  readonly gone: ReadonlyMap<NodeId, { readonly step: StepId; readonly instead: readonly NodeId[] }>;
}

const none: readonly NodeId[] = [];

/** Origins of all nodes at once, by one walk along the steps: its cost follows what the steps changed. */
function trace(timeline: Timeline, to: StepId): Trace {
  const first = timeline.step(0).graph;
  const origins = new Map<NodeId, readonly NodeId[]>();
  const originsOf = (id: NodeId): readonly NodeId[] => origins.get(id) ?? (first.has(id) ? [id] : none);
  const gone = new Map<NodeId, { step: StepId; instead: readonly NodeId[] }>();
  for (const at of timeline.path(to)) {
    const { delta } = timeline.step(at);
    if (!delta) continue;
    const now = new Map<NodeId, Set<NodeId>>();
    const removed = new Set(delta.removed.map((node) => node.id));
    const join = (target: NodeId, from: readonly NodeId[]): void => {
      let set = now.get(target);
      if (!set) now.set(target, (set = new Set(originsOf(target))));
      for (const id of from) for (const origin of originsOf(id)) set.add(origin);
    };
    for (const { kind, from, to: targets } of delta.provenance) {
      if (kind !== "eliminate") for (const target of targets) join(target, from);
      else for (const id of from) gone.set(id, { step: at, instead: targets });
    }
    // A node that took others in, as a Conv its Pad, keeps its id.
    for (const [before, after] of delta.updated)
      if (delta.matched.includes(after.id) && before.kind === "operator" && after.kind === "operator" && before.attributes !== after.attributes)
        join(after.id, delta.matched.filter((id) => removed.has(id)));
    for (const [id, set] of now) origins.set(id, [...set].sort((a, b) => a - b));
  }
  return { first, last: timeline.step(to).graph, originsOf, gone };
}

/** What every node of a step came from, and what every node of the imported model became. */
export function lineageTable(timeline: Timeline, to: StepId): LineageTable {
  const { first, last, originsOf, gone } = trace(timeline, to);
  const became = new Map<NodeId, NodeId[]>();
  const nodes: LineageOrigin[] = [];
  for (const node of last) {
    const origins = originsOf(node.id);
    // Parameters of bodies that rewrites made stand for what is passed in.
    if (node.kind === "parameter" && origins.length === 0) continue;
    nodes.push({ ...described(node), origins: origins.map((id) => nameOfNode(first.node(id))) });
    for (const origin of origins) {
      const list = became.get(origin);
      if (list) list.push(node.id);
      else became.set(origin, [node.id]);
    }
  }
  const ends = new Map<NodeId, { step: StepId; instead: readonly NodeId[] }>();
  for (const [id, end] of gone) for (const origin of originsOf(id)) if (end.step >= (ends.get(origin)?.step ?? -1)) ends.set(origin, end);
  const originals = [...first].map((node): LineageFate => {
    const now = became.get(node.id) ?? [];
    const end = now.length === 0 ? ends.get(node.id) : undefined;
    const delta = end && timeline.step(end.step).delta;
    return {
      ...described(node),
      became: now.map((id) => nameOfNode(last.node(id))),
      ...(end && delta ? { eliminated: { step: end.step, pass: delta.pass, rewrite: delta.rewrite, site: delta.site, instead: end.instead.filter((id) => timeline.step(end.step).graph.has(id)).map((id) => nameOfNode(timeline.step(end.step).graph.node(id))) } } : {}),
    };
  });
  return { nodes, originals };
}

/** Metadata under this key names the origins of a node or constant, as a JSON list. */
export const originsKey = "graphwright.origins";
/** Longer lists, as of a constant that a whole subgraph was folded into, are cut, and say by how much. */
const mostNames = 256;

/**
 * Origins for the metadata of an exported model, by node: for what rewrites made or changed. A node without them is
 * the original of its name. A model that was exported so before gives the origins that it was given.
 */
export function originsMetadata(timeline: Timeline, to: StepId): (id: NodeId) => Readonly<Record<string, string>> | undefined {
  const { first, last, originsOf } = trace(timeline, to);
  const namesOf = (origin: NodeId): readonly string[] => {
    const node = first.node(origin);
    try {
      const earlier: unknown = JSON.parse(node.metadata[originsKey] ?? "null");
      if (Array.isArray(earlier) && earlier.every((name) => typeof name === "string")) return earlier;
    } catch {
      // Somebody else's text under our key: the node's own name is the better answer.
    }
    return [nameOfNode(node)];
  };
  return (id) => {
    const origins = originsOf(id);
    if (origins.length === 0 || (first.has(id) && origins.length === 1 && nameOfNode(first.node(id)) === nameOfNode(last.node(id)))) return undefined;
    const names = [...new Set(origins.flatMap(namesOf))];
    const shown = names.length > mostNames ? [...names.slice(0, mostNames), `... and ${names.length - mostNames} more`] : names;
    return { [originsKey]: JSON.stringify(shown) };
  };
}
