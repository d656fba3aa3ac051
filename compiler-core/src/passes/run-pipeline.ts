import type { Delta } from "../ir/delta.ts";
import type { Graph } from "../ir/graph.ts";
import type { Step, StepId, Timeline } from "../ir/timeline.ts";
import { type Diagnostic, GraphwrightError } from "../support/diagnostic.ts";
import { silentTask, type Task } from "../support/task.ts";
import { defaultOptions, type RewriteDefinition, type RewriteOptions } from "./definition.ts";
import { applyRepeatedly, explain } from "./driver/driver.ts";
import { nearestNames } from "./driver/nearest-names.ts";
import { allRewrites, findRewrite } from "./index.ts";
import { findPass, findPipeline, type Pass, passes as allPasses, type Pipeline } from "./pipelines.ts";

/** What a numerical check of a step says; see check.ts. */
export interface StepVerdict {
  readonly verdict: "identical" | "rounding" | "different" | "not-checked";
  readonly note: string;
}

export interface RunPipelineOptions<Check extends StepVerdict = StepVerdict> {
  readonly task?: Task;
  readonly options?: Partial<RewriteOptions>;
  /** names of passes and rewrites to leave out; "rewrite@site" leaves out one place */
  readonly skip?: readonly string[];
  /** names of the passes and rewrites to run; all when not given */
  readonly only?: readonly string[];
  /** position in `passes` and then `finally` at which the first round begins, for going on where a run was stopped or changed */
  readonly startAt?: number;
  /** checks each step before it is taken; a step that computes something else is not taken, and is reported */
  readonly check?: (before: Graph, after: Graph, delta: Delta) => Check;
  /** milliseconds, for the report; the compiler has no clock of its own */
  readonly clock?: () => number;
  /** called after each step; "stop" ends the run there */
  readonly onStep?: (step: Step, check: Check | undefined) => void | "stop";
}

/** One pass of a run, also when it changed nothing. */
export interface PassRun {
  readonly pass: string;
  readonly round: number;
  /** steps from..to (exclusive..inclusive); equal when nothing changed */
  readonly from: StepId;
  readonly to: StepId;
  /** applications by rewrite */
  readonly applied: Readonly<Record<string, number>>;
  readonly milliseconds: number;
  /** the run was stopped inside this pass */
  readonly stopped: boolean;
  /** steps that a check refused */
  readonly refused: readonly Diagnostic[];
}

export interface PipelineRun {
  readonly passes: readonly PassRun[];
  /** what was not done and why: budgets, refused steps, contradictions of types */
  readonly diagnostics: readonly Diagnostic[];
  readonly stopped: boolean;
}

const roundLimit = 16;
const refusal = "rewrite-changes-outputs";
/** Steps between two turns of the host's event loop. */
const pauseEvery = 32;

/**
 * Runs a pipeline on the timeline's head, each application one step. Throws "no-such-pass" for a misspelled name
 * before anything is done, and CancelledError when the task is cancelled; then, as after any error, the timeline is
 * as it was.
 */
export async function runPipeline<Check extends StepVerdict = StepVerdict>(timeline: Timeline, pipeline: Pipeline | string, run: RunPipelineOptions<Check> = {}): Promise<PipelineRun> {
  const { task = silentTask, check, onStep, clock = () => 0, startAt = 0 } = run;
  const plan = typeof pipeline === "string" ? findPipeline(pipeline) : pipeline;
  const options: RewriteOptions = { ...defaultOptions, ...plan.options, ...run.options };
  const selection = select(run.only, run.skip, options);
  const repeated = plan.passes.map(findPass);
  const last = plan.finally.map(findPass);
  const start = { count: timeline.steps.length, head: timeline.head.id };
  const runs: PassRun[] = [];
  const diagnostics: Diagnostic[] = [];
  /** "rewrite@site" of steps that a check refused: not tried again in later rounds */
  const refused = new Set<string>();
  /** the step at which a pass last found nothing more to do */
  const settled = new Map<string, StepId>();
  let stopped = false;
  let sinceStart = 0;

  const runPass = async (pass: Pass, round: number, share: number): Promise<number> => {
    const chosen = selection.of(pass);
    const from = timeline.head.id;
    const noted = diagnostics.length;
    const applied: Record<string, number> = {};
    const began = clock();
    task.progress(share, pass.title);
    if (settled.get(pass.name) === from) {
      runs.push({ pass: pass.name, round, from, to: from, applied, milliseconds: 0, stopped: false, refused: [] });
      return 0;
    }
    const left = (rewrite: string, site: string): boolean => selection.skipsSite(rewrite, site) || (refused.size > 0 && refused.has(`${rewrite}@${site}`));
    const generator = applyRepeatedly(timeline.editBase(), chosen, {
      options,
      pass: pass.name,
      ...(selection.sites > 0 || refused.size > 0 ? { skipSite: left } : {}),
      tick: (done) => {
        task.check();
        task.progress(share, `${pass.title}, ${Math.round(100 * done)}%`);
      },
    });
    let before = timeline.editBase();
    for (let next = generator.next(); !next.done && !stopped; ) {
      task.check();
      const { graph, delta, diagnostics: said } = next.value;
      const verdict = check?.(before, graph, delta);
      if (verdict?.verdict === "different") {
        diagnostics.push({
          severity: "error",
          code: refusal,
          message: `${delta.rewrite} at ${delta.site} was not applied, since the outputs would differ: ${verdict.note}.`,
          where: { node: delta.site },
          hint: "Please report the model or this part of it: a rewrite must never do this.",
        });
        refused.add(`${delta.rewrite}@${delta.site}`);
        next = generator.next("revert");
        continue;
      }
      diagnostics.push(...said);
      const step = timeline.append(graph, delta);
      before = graph;
      applied[delta.rewrite] = (applied[delta.rewrite] ?? 0) + 1;
      if (onStep?.(step, verdict) === "stop") {
        stopped = true;
        break;
      }
      if (++sinceStart % pauseEvery === 0) await task.pause();
      next = generator.next();
    }
    if (!stopped) settled.set(pass.name, timeline.head.id);
    runs.push({ pass: pass.name, round, from, to: timeline.head.id, applied, milliseconds: clock() - began, stopped, refused: diagnostics.slice(noted).filter((d) => d.code === refusal) });
    await task.pause();
    return Object.values(applied).reduce((a, b) => a + b, 0);
  };

  try {
    for (let round = 1; round <= roundLimit && !stopped && startAt < repeated.length; round++) {
      let changed = 0;
      const first = round === 1 ? startAt : 0;
      for (const [i, pass] of repeated.entries()) if (!stopped && i >= first) changed += await runPass(pass, round, Math.min(0.9, (round - 1 + i / repeated.length) / 3));
      // Passes before the start of a first, partial round may find something now.
      if (changed === 0 && first === 0) break;
      if (round === roundLimit) diagnostics.push({ severity: "warning", code: "round-limit", message: `the passes still changed the graph in round ${roundLimit}; the run ended there.` });
    }
    for (const [i, pass] of last.entries()) if (!stopped && repeated.length + i >= startAt) await runPass(pass, 1, 0.95);
  } catch (error) {
    timeline.rollBack(start.count, start.head);
    throw error;
  }
  const used = new Set([...repeated, ...last].flatMap((pass) => selection.of(pass)));
  for (const rewrite of used) diagnostics.push(...overBudget(timeline.head.graph, rewrite, options));
  task.progress(1, "Done");
  return { passes: runs, diagnostics, stopped };
}

interface Selection {
  of(pass: Pass): RewriteDefinition[];
  /** how many single places are left out */
  readonly sites: number;
  skipsSite(rewrite: string, site: string): boolean;
}

function select(only: readonly string[] | undefined, skip: readonly string[] | undefined, options: RewriteOptions): Selection {
  const names = [...allPasses.map((p) => p.name), ...allRewrites.map((r) => r.name)];
  const check = (name: string): void => {
    if (!names.includes(name)) throw new GraphwrightError("no-such-pass", `there is no pass or rewrite ${JSON.stringify(name)}.`, undefined, nearestNames(name, names));
  };
  const sites = new Set(skip?.filter((name) => name.includes("@")));
  for (const name of sites) check(name.slice(0, name.indexOf("@")));
  const skipped = new Set(skip?.filter((name) => !sites.has(name)));
  for (const name of skipped) check(name);
  const wanted = only && new Set(only);
  for (const name of wanted ?? []) check(name);
  return {
    of: (pass) =>
      skipped.has(pass.name)
        ? []
        : pass.rewrites
            .filter((name) => !skipped.has(name) && (!wanted || wanted.has(pass.name) || wanted.has(name)))
            .map(findRewrite)
            .filter((rewrite) => !options.strict || rewrite.exactness === "exact"),
    sites: sites.size,
    skipsSite: (rewrite, site) => sites.has(`${rewrite}@${site}`),
  };
}

/** Places where only a limit that the person set stands in the way. */
function overBudget(graph: Graph, rewrite: RewriteDefinition, options: RewriteOptions): Diagnostic[] {
  const budgets = new Set(rewrite.preconditions.filter((p) => p.budget).map((p) => p.name));
  if (budgets.size === 0) return [];
  const found: Diagnostic[] = [];
  for (const { site, preconditions } of explain(graph, rewrite, undefined, options)) {
    const failed = preconditions.find((p) => p.state === "failed");
    if (failed && budgets.has(failed.name))
      found.push({ severity: "info", code: "over-budget", message: `${rewrite.name} was not applied: ${failed.detail ?? failed.name}.`, where: { node: site }, ...(failed.enable === undefined ? {} : { hint: failed.enable }) });
  }
  return found;
}
