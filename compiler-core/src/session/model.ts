import type { Graph } from "../ir/graph.ts";
import { Lineage } from "../ir/lineage.ts";
import { diffGraphs } from "../ir/diff.ts";
import { Timeline, type StepId } from "../ir/timeline.ts";
import type { BlobSource } from "../support/blob.ts";
import type { Diagnostic } from "../support/diagnostic.ts";
import { costAfter, graphCost, peakBytes } from "./cost.ts";
import { operatorCounts } from "./node-detail.ts";
import { KeptRuns } from "./tensors.ts";
import type { CheckView, CostView, ModelSummary, PassRunView, StepView, TimelineView } from "./protocol.ts";

/** One opened model: its timeline, and what was learned about its steps on the way. */
export class Model {
  readonly source: BlobSource;
  readonly diagnostics: readonly Diagnostic[];
  readonly timeline: Timeline;
  readonly lineage: Lineage;
  readonly checks = new Map<StepId, CheckView>();
  readonly runs: PassRunView[] = [];
  /** values of its last evaluations */
  readonly kept = new KeptRuns();
  /** texts of the custom rewrites that its steps name */
  readonly custom = new Map<string, string>();
  private readonly costs = new Map<StepId, CostView>();
  private readonly peaks = new Map<StepId, number | undefined>();

  constructor(source: BlobSource, graph: Graph, diagnostics: readonly Diagnostic[]) {
    this.source = source;
    this.diagnostics = diagnostics;
    this.timeline = new Timeline(graph);
    this.lineage = new Lineage(this.timeline);
  }

  graph(step: StepId): Graph {
    return this.timeline.step(step).graph;
  }

  /** Totals of a step, without the peak. Found from the parent's where that is known. */
  cost(step: StepId): CostView {
    const known = this.costs.get(step);
    if (known) return known;
    const pending: StepId[] = [];
    let at: StepId | null = step;
    while (at !== null && !this.costs.has(at)) {
      pending.push(at);
      at = this.timeline.step(at).parent;
    }
    for (const id of pending.reverse()) {
      const { parent, graph } = this.timeline.step(id);
      const before = parent === null ? undefined : this.costs.get(parent);
      this.costs.set(id, before ? costAfter(before, this.graph(parent!), graph, diffGraphs(this.graph(parent!), graph)) : graphCost(graph));
    }
    return this.costs.get(step)!;
  }

  /** Totals with the peak of live activations, which takes a walk over the whole graph. */
  fullCost(step: StepId): CostView {
    if (!this.peaks.has(step)) this.peaks.set(step, peakBytes(this.graph(step)));
    const peak = this.peaks.get(step);
    return peak === undefined ? this.cost(step) : { ...this.cost(step), peakBytes: peak };
  }

  /** Notes runs of passes, which follow one another and the run `after`, or the last one on the way to the step where they began. */
  addRuns(runs: readonly Omit<PassRunView, "previous">[], after?: number | null): void {
    let previous = after === undefined ? this.lastRun(runs[0]?.from ?? 0) : after;
    for (const run of runs) {
      this.runs.push({ ...run, previous });
      previous = this.runs.length - 1;
    }
  }

  /** The run that ends last on the way to a step; of one that ends elsewhere, what lies on that way counts. */
  private lastRun(step: StepId): number | null {
    const depth = new Map(this.timeline.path(step).map((id, index) => [id, index]));
    let best: { readonly index: number; readonly end: number } | undefined;
    for (const [index, { from, to }] of this.runs.entries()) {
      const start = depth.get(from);
      if (start === undefined) continue;
      const end = depth.get(to) ?? depth.get(this.timeline.commonAncestor(to, step))!;
      if (!depth.has(to) && end === start) continue;
      if (!best || end >= best.end) best = { index, end };
    }
    return best?.index ?? null;
  }

  /** Forgets what was learned of steps that a roll-back dropped. */
  rollBack(count: number, head: StepId, runs: number): void {
    this.timeline.rollBack(count, head);
    this.runs.length = runs;
    for (const map of [this.costs, this.peaks, this.checks] as Map<StepId, unknown>[]) for (const id of map.keys()) if (id >= count) map.delete(id);
  }

  summary(step: StepId): ModelSummary {
    const graph = this.graph(step);
    const { info, root } = graph;
    return {
      format: info.format,
      name: this.source.name,
      fileBytes: this.source.size,
      irVersion: info.irVersion,
      opsets: info.opsets,
      producer: [info.producerName, info.producerVersion].filter(Boolean).join(" "),
      doc: info.doc,
      metadata: info.metadata,
      inputs: root.parameters.map((id) => ({ name: graph.node(id).outputs[0]!.name, type: graph.node(id).outputs[0]!.type.text })),
      outputs: root.outputs.map((o) => ({ name: o.name, type: graph.type(o.value).text })),
      operators: operatorCounts(graph),
      cost: this.fullCost(step),
    };
  }

  view(): TimelineView {
    const { timeline } = this;
    const last = timeline.head.id;
    const steps = timeline.steps.map((step): StepView => {
      const check = this.checks.get(step.id);
      const { delta } = step;
      return {
        id: step.id,
        parent: step.parent,
        pass: delta?.pass ?? "",
        rewrite: delta?.rewrite ?? "",
        site: delta?.site ?? "",
        added: delta?.added.filter((n) => n.kind === "operator").length ?? 0,
        removed: delta?.removed.filter((n) => n.kind === "operator").length ?? 0,
        changed: delta?.updated.length ?? 0,
        cost: step.id === 0 || step.id === last ? this.fullCost(step.id) : this.peaks.has(step.id) ? this.fullCost(step.id) : this.cost(step.id),
        ...(check ? { check } : {}),
      };
    });
    return { head: last, steps, branch: timeline.branch(), runs: this.runs };
  }
}
