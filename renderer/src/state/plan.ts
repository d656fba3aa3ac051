/** The passes that a run takes, as a person ordered and chose them, and from where they must be run again. */
import type { PassRunView, PipelineView, StepId, TimelineView } from "@graphwright/compiler-core";
import { blocksOf } from "./steps.ts";

/** Passes repeated in this order until nothing changes, then those that run once. */
export interface Plan {
  readonly passes: readonly string[];
  readonly finally: readonly string[];
}

export const planOf = (pipeline: PipelineView): Plan => ({
  passes: pipeline.passes.slice(0, pipeline.passes.length - pipeline.finally.length),
  finally: pipeline.finally,
});

export const flat = (plan: Plan): readonly string[] => [...plan.passes, ...plan.finally];

/** Puts a pass at another place of the flat list. Among the final passes it becomes one of them. */
export function movePass(plan: Plan, pass: string, to: number): Plan {
  const all = flat(plan);
  const from = all.indexOf(pass);
  const target = Math.max(0, Math.min(all.length - 1, to));
  if (from < 0 || from === target) return plan;
  const rest = all.filter((name) => name !== pass);
  rest.splice(target, 0, pass);
  const wasFinal = from >= plan.passes.length;
  const border = plan.passes.length - (wasFinal ? 0 : 1);
  // Where the list of others is cut: a pass put on the border stays what it was.
  const becomesFinal = target > border || (target === border && wasFinal);
  const cut = border + (becomesFinal ? 0 : 1);
  return { passes: rest.slice(0, cut), finally: rest.slice(cut) };
}

export const withoutSkipped = (plan: Plan, skipped: readonly string[]): Plan => ({
  passes: plan.passes.filter((pass) => !skipped.includes(pass)),
  finally: plan.finally.filter((pass) => !skipped.includes(pass)),
});

export interface RunFrom {
  /** the plan was changed at a pass that was run, or the run did not come to its end */
  readonly kind: "changed" | "unfinished";
  readonly from: StepId;
  /** position in the timeline's runs of the last one that stays */
  readonly after: number | null;
  /** position in the plan's flat list */
  readonly startAt: number;
}

/**
 * Where running the plan would begin to differ from what was run on the branch: everything before it may stay.
 * Undefined when nothing was run, or everything as planned. `plan` is without skipped passes.
 */
export function runFrom(timeline: TimelineView, plan: Plan, known: ReadonlySet<string>): RunFrom | undefined {
  const { passes, finally: last } = plan;
  const planned = new Set(flat(plan));
  const runs = runsOf(timeline).filter(({ run }) => known.has(run.pass) && (planned.has(run.pass) || run.applied > 0));
  let phase: "repeat" | "final" = passes.length === 0 ? "final" : "repeat";
  let [i, j] = [0, 0];
  let unfinished = false;
  for (const [k, { run, from, whole }] of runs.entries()) {
    const after = run.previous;
    const before = runs[k - 1];
    if (unfinished && before?.run.pass === run.pass) {
      unfinished = !whole;
      continue;
    }
    if (phase === "final" && j === last.length && passes.length > 0) [phase, i, j] = ["repeat", 0, 0];
    if (phase === "repeat" && run.pass === passes[i]) i = (i + 1) % passes.length;
    else if (phase === "repeat" && i === 0 && k > 0 && !passes.includes(run.pass)) {
      if (run.pass !== last[0]) return { kind: "changed", from, after, startAt: passes.length };
      [phase, j] = ["final", 1];
    } else if (phase === "final" && run.pass === last[j]) j++;
    else return { kind: "changed", from, after, startAt: phase === "final" ? passes.length + j : i };
    unfinished = !whole;
  }
  const end = runs.at(-1);
  if (!end) return undefined;
  const after = timeline.runs.indexOf(end.run);
  if (unfinished) return { kind: "unfinished", from: end.to, after, startAt: flat(plan).indexOf(end.run.pass) };
  if (phase === "final" ? j < last.length : i > 0 || last.length > 0) return { kind: "unfinished", from: end.to, after, startAt: phase === "final" || i === 0 ? passes.length + j : i };
  return undefined;
}

/** Runs on the branch in order; one that was stopped, or whose later steps are on another branch, is not whole. */
const runsOf = (timeline: TimelineView): readonly { readonly run: PassRunView; readonly from: StepId; readonly to: StepId; readonly whole: boolean }[] =>
  blocksOf(timeline).flatMap((block) => (block.kind === "run" ? block.runs.map((run) => {
    const whole = timeline.branch.includes(run.to);
    return { run, from: run.from, to: whole ? run.to : block.to, whole: whole && !run.stopped };
  }) : []));
