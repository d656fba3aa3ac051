import type { Graph, NodeId, ValueRef } from "../ir/graph.ts";
import { rootRegion } from "../ir/graph.ts";
import { topologicalOrder } from "../ir/order.ts";
import { Rewriter } from "../ir/rewriter.ts";
import type { StepId, Timeline } from "../ir/timeline.ts";
import { GraphwrightError } from "../support/diagnostic.ts";
import { silentTask, type Task } from "../support/task.ts";
import { checkModels, checkStep, type CheckReport } from "./check.ts";

/** One comparison that the search made. */
export interface BisectProbe {
  readonly step: StepId;
  readonly report: CheckReport;
}

export interface Bisection {
  /** "same": the ends agree; "found": `step` is the first that differs; "not-checked": the ends could not be compared */
  readonly outcome: "same" | "found" | "not-checked";
  /** the first step after which the model computes something else */
  readonly step?: StepId;
  /** the first and the found step's model */
  readonly report: CheckReport;
  /** what the step rewrote, before and after it, on inputs of its own */
  readonly region?: CheckReport;
  /** every comparison, in the order in which it was made */
  readonly probes: readonly BisectProbe[];
}

export interface BisectOptions {
  readonly seeds?: number;
  readonly task?: Task;
}

/**
 * The first step on the way from `from` to `to` after which the model computes something else than at `from`, by
 * binary search: about log2 of the number of steps comparisons. What a later step repairs is not noticed, since only
 * the ends are known to differ. `from` must be an ancestor of `to`; throws "not-ancestor".
 */
export async function bisect(timeline: Timeline, from: StepId, to: StepId, { seeds = 3, task = silentTask }: BisectOptions = {}): Promise<Bisection> {
  const path = timeline.path(to);
  const start = path.indexOf(from);
  if (start < 0) throw new GraphwrightError("not-ancestor", `step ${from} is not on the way to step ${to}.`, undefined, "Choose two steps of one branch.");
  const steps = path.slice(start);
  const probes: BisectProbe[] = [];
  const base = timeline.step(from).graph;
  const most = Math.ceil(Math.log2(Math.max(2, steps.length))) + 1;
  const probe = async (at: number): Promise<CheckReport> => {
    const step = steps[at]!;
    const share = probes.length / most;
    const quiet: Task = { check: () => task.check(), pause: () => task.pause(), progress: (done, label) => task.progress(share + (done ?? 0) / most, `Step ${step}: ${label}`) };
    const report = await checkModels(base, timeline.step(step).graph, { seeds, task: quiet });
    probes.push({ step, report });
    return report;
  };
  let high = steps.length - 1;
  let report = await probe(high);
  if (report.verdict !== "different") return { outcome: report.verdict === "not-checked" ? "not-checked" : "same", report, probes };
  for (let low = 0; high - low > 1; ) {
    const middle = (low + high) >> 1;
    const here = await probe(middle);
    if (here.verdict === "different") {
      high = middle;
      report = here;
    } else low = middle;
  }
  const step = timeline.step(steps[high]!);
  return { outcome: "found", step: step.id, report, region: checkStep(timeline.step(step.parent!).graph, step.graph, step.delta!, { task }), probes };
}

export interface ValueBisection {
  readonly outcome: Bisection["outcome"];
  /** the first value, in the order of the first model, that the two compute differently */
  readonly value?: string;
  /** the node of each model that computes it */
  readonly nodes?: readonly [a: NodeId, b: NodeId];
  /** values that both models name, inputs and constants not counted */
  readonly common: number;
  readonly report: CheckReport;
  /** how many of the first common values each comparison held */
  readonly probes: readonly { readonly values: number; readonly report: CheckReport }[];
}

/**
 * The first value that two models compute differently, among those that both name, by binary search over how many of
 * them (in the first model's order) are compared. For models of which no steps are known.
 */
export async function bisectModels(a: Graph, b: Graph, { seeds = 3, task = silentTask }: BisectOptions = {}): Promise<ValueBisection> {
  const probes: { values: number; report: CheckReport }[] = [];
  const whole = await checkModels(a, b, { seeds, task });
  if (whole.verdict !== "different") return { outcome: whole.verdict === "not-checked" ? "not-checked" : "same", common: 0, report: whole, probes };
  const other = computedValues(b);
  const common = [...computedValues(a)].flatMap(([name, ref]) => (other.has(name) ? [{ name, a: ref, b: other.get(name)! }] : []));
  const probe = async (count: number): Promise<CheckReport> => {
    const pairs = common.slice(0, count);
    const report = await checkModels(showing(a, pairs.map((p) => [p.name, p.a])), showing(b, pairs.map((p) => [p.name, p.b])), { seeds, task });
    probes.push({ values: count, report });
    return report;
  };
  let report = common.length === 0 ? whole : await probe(common.length);
  // Where inputs differ or outputs are not named alike, no value inside tells more than the whole.
  if (common.length === 0 || report.verdict !== "different") return { outcome: "not-checked", common: common.length, report: { ...whole, note: `the models differ, but no value that both name does: ${whole.note}` }, probes };
  let low = 0;
  let high = common.length;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    const here = await probe(middle);
    if (here.verdict === "different") {
      high = middle;
      report = here;
    } else low = middle;
  }
  const found = common[high - 1]!;
  return { outcome: "found", value: found.name, nodes: [found.a.node, found.b.node], common: common.length, report, probes };
}

/** Values of the root by name, in topological order. A name that stands twice names nothing. */
function computedValues(graph: Graph): Map<string, ValueRef> {
  const values = new Map<string, ValueRef>();
  for (const id of topologicalOrder(graph, rootRegion)) {
    const node = graph.operator(id);
    for (const [output, { name }] of (node?.outputs ?? []).entries()) if (name !== "") values.set(name, { node: id, output });
  }
  return values;
}

/** The same model with these values as its outputs. */
function showing(graph: Graph, values: readonly (readonly [string, ValueRef])[]): Graph {
  const rewriter = new Rewriter(graph);
  rewriter.clearOutputs(rootRegion);
  for (const [name, value] of values) rewriter.addOutput(rootRegion, { name, value });
  return rewriter.commit({ pass: "bisect", rewrite: "show values", site: "", matched: [] }).graph;
}
