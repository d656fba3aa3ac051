import type { Delta } from "../ir/delta.ts";
import type { Graph } from "../ir/graph.ts";
import type { Step, StepId, Timeline } from "../ir/timeline.ts";
import { type Diagnostic, GraphwrightError } from "../support/diagnostic.ts";
import { silentTask, type Task } from "../support/task.ts";
import type { PreconditionResult, RewriteDefinition, RewriteOptions } from "./definition.ts";
import { SiteDriver, siteOf } from "./driver/driver.ts";
import { nearestNames } from "./driver/nearest-names.ts";
import { rewrites as builtIn } from "./index.ts";
import { passes, pipelines } from "./pipelines.ts";
import { runPipeline, type StepVerdict } from "./run-pipeline.ts";

/** Raised when a recipe of the new kind would be misread by an older Graphwright. */
export const recipeVersion = 1;

/** One application of one rewrite. */
export interface RecipeSite {
  readonly rewrite: string;
  /** name of the node's first named output, else of the node, else "#id" */
  readonly site: string;
  /** which of several nodes of that name (bodies may use a name again), from 0 */
  readonly nth?: number;
  /** the pass it belongs to in the timeline */
  readonly pass?: string;
}

/** A pass or a pipeline, run to its fixed point. */
export interface RecipeRun {
  readonly pass?: string;
  readonly pipeline?: string;
  /** names of passes and rewrites, or "rewrite@site" */
  readonly only?: readonly string[];
  readonly skip?: readonly string[];
}

export type RecipeStep = RecipeSite | RecipeRun;

/** What was applied where: small, readable, and the same whatever machine it is replayed on. */
export interface Recipe {
  readonly graphwright: "recipe";
  readonly version: typeof recipeVersion;
  /** the model it was made on; for people, replaying does not ask */
  readonly model?: string;
  /** texts of custom rewrites that the steps name */
  readonly custom: readonly string[];
  readonly steps: readonly RecipeStep[];
}

const isSite = (step: RecipeStep): step is RecipeSite => "rewrite" in step;

/** The recipe of the way to a step. Each application is one step, so that each can be left out or changed by hand. */
export function recordRecipe(timeline: Timeline, step: StepId, custom: readonly string[] = [], model?: string): Recipe {
  const steps = timeline.path(step).filter((id) => timeline.step(id).delta).map((id) => recordStep(timeline, id));
  return { graphwright: "recipe", version: recipeVersion, ...(model === undefined ? {} : { model }), custom, steps };
}

/** One step of a timeline (not the first, which is the model as imported). */
export function recordStep(timeline: Timeline, id: StepId): RecipeSite {
  const { delta, parent } = timeline.step(id);
  if (!delta || parent === null) throw new RangeError(`step ${id} rewrote nothing`);
  const nth = delta.site === "" ? 0 : occurrence(timeline.step(parent).graph, delta);
  return { rewrite: delta.rewrite, site: delta.site, ...(nth > 0 ? { nth } : {}), ...(delta.pass === delta.rewrite ? {} : { pass: delta.pass }) };
}

/** Which of the nodes of the site's name the match's root is. Names of the outermost graph are its own. */
function occurrence(before: Graph, { site, matched }: Delta): number {
  const root = matched.find((id) => before.has(id) && siteOf(before.node(id)) === site);
  if (root === undefined || before.root.id === before.node(root).region) return 0;
  let nth = 0;
  for (const node of before) if (node.id < root && siteOf(node) === site) nth++;
  return nth;
}

// ---- reading

/** Longer files and texts are refused: no recipe comes near. */
const longestText = 64 * 1024 * 1024;
const mostSteps = 1_000_000;
const longestName = 65_536;

/** Reads a recipe file. Throws "recipe" with the place in the file, and "recipe-version". */
export function parseRecipe(text: string, file = "recipe"): Recipe {
  if (text.length > longestText) throw fault(file, "", `the file has ${text.length} characters: too many for a recipe`);
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw fault(file, "", `the file is not JSON: ${(error as Error).message.slice(0, 200)}`);
  }
  return checkRecipe(json, file);
}

function fault(file: string, field: string, message: string, hint?: string): GraphwrightError {
  return new GraphwrightError("recipe", `${message}.`, { file, ...(field === "" ? {} : { field }) }, hint);
}

/** Checks that a value is a recipe, field by field; nothing in it is trusted. */
export function checkRecipe(json: unknown, file = "recipe"): Recipe {
  const record = object(json, file, "");
  if (record["graphwright"] !== "recipe") throw fault(file, "graphwright", 'this is not a recipe: the field "graphwright" is not "recipe"', "A recipe is made by `graphwright recipe` or saved from the window.");
  const { version } = record;
  if (version === undefined) throw new GraphwrightError("recipe-version", `this recipe does not say its version; version ${recipeVersion} is read here.`, { file, field: "version" });
  if (version !== recipeVersion)
    throw new GraphwrightError("recipe-version", `this recipe has version ${shown(version)}; version ${recipeVersion} is read here.`, { file, field: "version" }, typeof version === "number" && version > recipeVersion ? "It was made by a newer Graphwright." : undefined);
  known(record, ["graphwright", "version", "model", "custom", "steps"], file, "");
  const custom = record["custom"] === undefined ? [] : list(record["custom"], file, "custom").map((item, i) => string(item, file, `custom[${i}]`, longestText));
  const steps = list(record["steps"], file, "steps");
  if (steps.length > mostSteps) throw fault(file, "steps", `${steps.length} steps are too many; at most ${mostSteps} are read`);
  return {
    graphwright: "recipe",
    version: recipeVersion,
    ...(record["model"] === undefined ? {} : { model: string(record["model"], file, "model") }),
    custom,
    steps: steps.map((step, i) => checkStepRecord(step, file, `steps[${i}]`)),
  };
}

function checkStepRecord(value: unknown, file: string, field: string): RecipeStep {
  const record = object(value, file, field);
  const text = (name: string): string => string(record[name], file, `${field}.${name}`);
  if ("rewrite" in record) {
    known(record, ["rewrite", "site", "nth", "pass"], file, field);
    const { nth } = record;
    if (nth !== undefined && (typeof nth !== "number" || !Number.isSafeInteger(nth) || nth < 0)) throw fault(file, `${field}.nth`, `a whole number from 0 is expected, not ${shown(nth)}`);
    return { rewrite: text("rewrite"), site: text("site"), ...(nth === undefined ? {} : { nth }), ...(record["pass"] === undefined ? {} : { pass: text("pass") }) };
  }
  known(record, ["pass", "pipeline", "only", "skip"], file, field);
  if (("pass" in record) === ("pipeline" in record)) throw fault(file, field, 'a step names a "rewrite" and its "site", or a "pass", or a "pipeline"');
  const names = (name: string): string[] => list(record[name], file, `${field}.${name}`).map((item, i) => string(item, file, `${field}.${name}[${i}]`));
  return {
    ...("pass" in record ? { pass: text("pass") } : { pipeline: text("pipeline") }),
    ...(record["only"] === undefined ? {} : { only: names("only") }),
    ...(record["skip"] === undefined ? {} : { skip: names("skip") }),
  };
}

function object(value: unknown, file: string, field: string): Record<string, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw fault(file, field, `an object is expected, not ${shown(value)}`);
  return value as Record<string, unknown>;
}

function list(value: unknown, file: string, field: string): readonly unknown[] {
  if (!Array.isArray(value)) throw fault(file, field, `a list is expected, not ${shown(value)}`);
  return value;
}

function string(value: unknown, file: string, field: string, longest = longestName): string {
  if (typeof value !== "string") throw fault(file, field, `a text is expected, not ${shown(value)}`);
  if (value.length > longest) throw fault(file, field, `the text has ${value.length} characters; at most ${longest} are read`);
  return value;
}

/** A misspelled field must not be passed over in silence. */
function known(record: Record<string, unknown>, names: readonly string[], file: string, field: string): void {
  const odd = Object.keys(record).find((name) => !names.includes(name));
  if (odd !== undefined) throw fault(file, field === "" ? odd.slice(0, 100) : `${field}.${odd.slice(0, 100)}`, "a recipe has no such field", nearestNames(odd.slice(0, 100), names));
}

function shown(value: unknown): string {
  const text = value === undefined ? "nothing" : Array.isArray(value) ? "a list" : typeof value === "object" && value !== null ? "an object" : (JSON.stringify(value) ?? typeof value);
  return text.length > 60 ? `${text.slice(0, 60)}...` : text;
}

/**
 * The steps that `only` and `skip` leave: names of passes and rewrites, or "rewrite@site". Throws "no-such-pass" for a
 * name that is neither a rewrite nor a pass nor the recipe's own.
 */
export function selectSteps(recipe: Recipe, only: readonly string[] | undefined, skip: readonly string[] | undefined): Recipe {
  if (!only && !skip) return recipe;
  const names = new Set([...builtIn.map((r) => r.name), ...passes.map((p) => p.name), ...recipe.steps.flatMap((step) => (isSite(step) ? [step.rewrite, ...(step.pass === undefined ? [] : [step.pass])] : []))]);
  for (const given of [...(only ?? []), ...(skip ?? [])]) {
    const name = given.split("@")[0]!;
    if (!names.has(name)) throw new GraphwrightError("no-such-pass", `there is no pass or rewrite ${JSON.stringify(name)}.`, undefined, nearestNames(name, names));
  }
  const named = (list: readonly string[], step: RecipeSite): boolean => list.some((name) => name === step.rewrite || name === step.pass || name === `${step.rewrite}@${step.site}`);
  const steps = recipe.steps.flatMap((step): RecipeStep[] => {
    if (isSite(step)) return (only && !named(only, step)) || (skip && named(skip, step)) ? [] : [step];
    const left = only && step.only ? step.only.filter((name) => only.includes(name)) : (only ?? step.only);
    return [{ ...step, ...(left ? { only: left } : {}), ...(skip || step.skip ? { skip: [...(step.skip ?? []), ...(skip ?? [])] } : {}) }];
  });
  return { ...recipe, steps };
}

// ---- replaying

/** A step of the recipe that was not applied. */
export interface RecipeFailure {
  /** place in the recipe's list of steps */
  readonly index: number;
  readonly rewrite: string;
  readonly site: string;
  /** "Conv_7 (Conv): \"used once\" is failed (Relu_9 also uses the output)" */
  readonly reason: string;
  /** the preconditions as the explain view shows them, where there is a node of that name */
  readonly preconditions: readonly PreconditionResult[];
}

export interface RecipeReplay {
  readonly applied: number;
  readonly failed: readonly RecipeFailure[];
  readonly diagnostics: readonly Diagnostic[];
}

export interface ReplayOptions<Check extends StepVerdict = StepVerdict> {
  readonly task?: Task;
  readonly options?: Partial<RewriteOptions>;
  /** rewrites besides the built-in ones */
  readonly custom?: readonly RewriteDefinition[];
  /** gives the verdict on a step before it is taken; one that computes something else is not taken */
  readonly check?: (before: Graph, after: Graph, delta: Delta) => Check | undefined;
  readonly onStep?: (step: Step, check: Check | undefined) => void;
}

const pauseEvery = 32;

/**
 * Replays a recipe on the timeline's head. Steps whose sites do not match are reported and the rest goes on. Throws
 * "recipe" for a rewrite, pass or pipeline that does not exist, before anything is done. After a cancel, as after any
 * error, the timeline is as it was.
 */
export async function replayRecipe<Check extends StepVerdict = StepVerdict>(timeline: Timeline, recipe: Recipe, replay: ReplayOptions<Check> = {}): Promise<RecipeReplay> {
  const { task = silentTask, check, onStep } = replay;
  const definitions = new Map([...builtIn, ...(replay.custom ?? [])].map((rewrite) => [rewrite.name, rewrite]));
  const names = { rewrite: [...definitions.keys()], pass: [...passes.map((p) => p.name), ...builtIn.map((r) => r.name)], pipeline: pipelines.map((p) => p.name) };
  for (const [i, step] of recipe.steps.entries())
    for (const kind of isSite(step) ? (["rewrite"] as const) : (["pass", "pipeline"] as const)) {
      const name = (step as Record<string, unknown>)[kind] as string | undefined;
      if (name !== undefined && !names[kind].includes(name)) throw fault("recipe", `steps[${i}].${kind}`, `there is no ${kind} ${JSON.stringify(name.slice(0, 100))}`, nearestNames(name.slice(0, 100), names[kind]));
    }
  const start = { count: timeline.steps.length, head: timeline.head.id };
  const failed: RecipeFailure[] = [];
  const diagnostics: Diagnostic[] = [];
  let driver: SiteDriver | undefined;
  try {
    for (const [index, step] of recipe.steps.entries()) {
      task.check();
      if (index % pauseEvery === 0) {
        task.progress(index / recipe.steps.length, `Step ${index + 1} of ${recipe.steps.length}`);
        await task.pause();
      }
      if (!isSite(step)) {
        driver = undefined;
        const only = step.only ? { only: step.only } : {};
        const skip = step.skip ? { skip: step.skip } : {};
        const plan = step.pipeline ?? { name: step.pass!, title: step.pass!, summary: "", passes: [step.pass!], finally: [] };
        const run = await runPipeline<StepVerdict>(timeline, plan, { task, ...(replay.options ? { options: replay.options } : {}), ...only, ...skip, ...(check ? { check: (a, b, delta) => check(a, b, delta) ?? notChecked } : {}), onStep: (taken, verdict) => onStep?.(taken, verdict === notChecked ? undefined : (verdict as Check | undefined)) });
        diagnostics.push(...run.diagnostics);
        continue;
      }
      driver ??= new SiteDriver(timeline.editBase(), replay.options);
      const rewrite = definitions.get(step.rewrite)!;
      const outcome = attempt(driver, rewrite, step);
      if ("reason" in outcome) {
        failed.push({ index, rewrite: step.rewrite, site: step.site, ...outcome });
        continue;
      }
      const verdict = check?.(driver.graph, outcome.graph, outcome.delta);
      if (verdict?.verdict === "different") {
        failed.push({ index, rewrite: step.rewrite, site: step.site, reason: `the outputs would differ: ${verdict.note}`, preconditions: [] });
        continue;
      }
      driver.take(outcome);
      diagnostics.push(...outcome.diagnostics);
      const taken = timeline.append(outcome.graph, outcome.delta);
      onStep?.(taken, verdict);
    }
  } catch (error) {
    timeline.rollBack(start.count, start.head);
    throw error;
  }
  return { applied: timeline.steps.length - start.count, failed, diagnostics };
}

const notChecked: StepVerdict = { verdict: "not-checked", note: "" };

function attempt(driver: SiteDriver, rewrite: RewriteDefinition, { site, nth = 0, pass }: RecipeSite): ReturnType<SiteDriver["try"]> & object | { reason: string; preconditions: readonly PreconditionResult[] } {
  const ids = driver.find(site);
  const id = ids[nth];
  if (id === undefined) return { reason: ids.length === 0 ? `no node or value is called ${JSON.stringify(site)}` : `there are only ${ids.length} nodes called ${JSON.stringify(site)}`, preconditions: [] };
  const applied = driver.try(rewrite, id, pass);
  if (applied) return applied;
  const explained = driver.explain(rewrite, id);
  const node = driver.graph.node(id);
  if (!explained) return { reason: `${site} is ${node.kind === "operator" ? `a ${node.op}` : `a ${node.kind}`} to which ${rewrite.name} cannot apply; it starts at ${rewrite.roots.join(", ")}`, preconditions: [] };
  const stop = explained.preconditions.find((p) => p.state !== "satisfied");
  return { reason: stop ? `"${stop.name}" is ${stop.state}${stop.detail === undefined ? "" : ` (${stop.detail})`}` : "it does not apply", preconditions: explained.preconditions };
}
