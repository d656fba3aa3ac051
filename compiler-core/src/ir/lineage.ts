import { isFused, type NodeId } from "./graph.ts";
import type { StepId, Timeline } from "./timeline.ts";
import type { ProvenanceEntry } from "./delta.ts";

/**
 * Which nodes of one step answer to which nodes of another, followed through fusing, splitting, folding and
 * replacing along the timeline. Nodes that both steps have answer to themselves.
 */
export class Lineage {
  private readonly timeline: Timeline;

  constructor(timeline: Timeline) {
    this.timeline = timeline;
  }

  /**
   * What `node` of step `from` is in step `to`; either may come first. Empty when it was eliminated. A node that went
   * into a fused group is the group.
   */
  follow(node: NodeId, from: StepId, to: StepId): NodeId[] {
    const meeting = this.timeline.commonAncestor(from, to);
    let current = new Set([node]);
    for (let at = from; at !== meeting; at = this.timeline.step(at).parent as StepId) current = this.step(current, at, "back");
    const forward = this.timeline.path(to).slice(this.timeline.step(meeting).depth + 1);
    for (const at of forward) current = this.step(current, at, "forward");
    const graph = this.timeline.step(to).graph;
    const found = [...current].filter((id) => graph.has(id)).sort((a, b) => a - b);
    const groups = new Set(found.filter((id) => isFused(graph.node(id))));
    return found.filter((id) => {
      const owner = graph.regions.get(graph.node(id).region)?.owner;
      return owner === null || owner === undefined || !groups.has(owner);
    });
  }

  /** The nodes of the imported model that `node` of step `at` came from. */
  origins(node: NodeId, at: StepId): NodeId[] {
    return this.follow(node, at, 0);
  }

  /** Every entry that made or consumed `node` on the way to `at`, oldest first. */
  history(node: NodeId, at: StepId): { step: StepId; entry: ProvenanceEntry }[] {
    const found: { step: StepId; entry: ProvenanceEntry }[] = [];
    let wanted = new Set([node]);
    for (const id of this.timeline.path(at).reverse()) {
      const delta = this.timeline.step(id).delta;
      if (!delta) continue;
      for (const entry of delta.provenance)
        if (entry.to.some((n) => wanted.has(n))) {
          found.push({ step: id, entry });
          wanted = new Set([...wanted, ...entry.from]);
        }
    }
    return found.reverse();
  }

  private step(nodes: Set<NodeId>, at: StepId, direction: "back" | "forward"): Set<NodeId> {
    const step = this.timeline.step(at);
    const entries = step.delta?.provenance ?? [];
    const target = direction === "forward" ? step.graph : this.timeline.step(step.parent as StepId).graph;
    const next = new Set<NodeId>();
    for (const node of nodes) {
      if (target.has(node)) next.add(node);
      for (const entry of entries) {
        const [source, result] = direction === "forward" ? [entry.from, entry.to] : [entry.to, entry.from];
        // A node that was eliminated in favour of another does not make that other one its descendant backwards.
        if (entry.kind === "eliminate" && direction === "back") continue;
        if (source.includes(node)) for (const id of result) if (target.has(id)) next.add(id);
      }
    }
    return next;
  }
}
