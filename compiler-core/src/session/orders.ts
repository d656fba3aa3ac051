import type { StepId } from "../ir/timeline.ts";
import { checkModels } from "../passes/check.ts";
import { findPipeline, type Pipeline } from "../passes/pipelines.ts";
import { runPipeline } from "../passes/run-pipeline.ts";
import { formatDiagnostic, GraphwrightError } from "../support/diagnostic.ts";
import type { Task } from "../support/task.ts";
import { checkView } from "./check-view.ts";
import type { Model } from "./model.ts";
import { operatorCounts } from "./node-detail.ts";
import type { CheckView, OrderResult, OrderSpec, OrdersView } from "./protocol.ts";

/** Tries several orders of passes from one step, each on its own branch. The head is where it was afterwards. */
export async function compareOrders(model: Model, step: StepId, specs: readonly OrderSpec[], verify: boolean, task: Task): Promise<Omit<OrdersView, "timeline">> {
  if (specs.length < 2) throw new GraphwrightError("usage", "a comparison takes two orders or more.");
  const plans = specs.map(planOf);
  const { timeline } = model;
  const head = timeline.head.id;
  const tip = timeline.branch().at(-1)!;
  const orders: OrderResult[] = [];
  for (const [i, spec] of specs.entries()) {
    timeline.moveTo(step);
    const first = timeline.steps.length;
    const quiet: Task = { ...task, check: () => task.check(), pause: () => task.pause(), progress: (done, label) => task.progress((i + (done ?? 0)) / specs.length, `${spec.name}: ${label}`) };
    const run = await runPipeline(timeline, plans[i]!, { task: quiet, ...(spec.only ? { only: spec.only } : {}), ...(spec.skip ? { skip: spec.skip } : {}) });
    model.addRuns(run.passes.map((p) => ({ pass: p.pass, from: p.from, to: p.to, applied: Object.values(p.applied).reduce((a, b) => a + b, 0), milliseconds: p.milliseconds, notes: [] })));
    const counts = new Map<string, number>();
    for (const { delta } of timeline.steps.slice(first)) if (delta) counts.set(delta.rewrite, (counts.get(delta.rewrite) ?? 0) + 1);
    orders.push({
      name: spec.name,
      step: timeline.head.id,
      applied: timeline.steps.length - first,
      rewrites: [...counts].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1)),
      cost: model.fullCost(timeline.head.id),
      operators: operatorCounts(timeline.head.graph),
      notes: run.diagnostics.map(formatDiagnostic),
    });
  }
  timeline.moveTo(tip);
  timeline.moveTo(head);
  const names = [...new Set(orders.flatMap((order) => order.operators.map((o) => o.op)))].sort();
  const differences = names
    .map((op) => ({ op, counts: orders.map((order) => order.operators.find((o) => o.op === op)?.count ?? 0) }))
    .filter(({ counts }) => new Set(counts).size > 1);
  const checks: CheckView[] = [];
  if (verify) for (const order of orders.slice(1)) checks.push(checkView(await checkModels(model.graph(orders[0]!.step), model.graph(order.step), { task }), "model"));
  return { orders, differences, checks };
}

function planOf(spec: OrderSpec): Pipeline {
  if ((spec.pipeline === undefined) === (spec.passes === undefined)) throw new GraphwrightError("usage", `the order ${JSON.stringify(spec.name)} takes a pipeline or passes.`);
  if (spec.pipeline !== undefined) return findPipeline(spec.pipeline);
  return { name: spec.name, title: spec.name, summary: "", passes: spec.passes!, finally: spec.finally ?? [] };
}
