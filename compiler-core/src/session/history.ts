import type { Graph } from "../ir/graph.ts";
import { lineageTable, type LineageTable } from "../ir/lineage-table.ts";
import type { StepId } from "../ir/timeline.ts";
import { bisect, bisectModels } from "../passes/bisect.ts";
import { checkStep } from "../passes/check.ts";
import { parseCustomRewrites } from "../passes/custom-rewrite.ts";
import { checkRecipe, parseRecipe, type Recipe, type RecipeFailure, recordRecipe, replayRecipe, selectSteps } from "../passes/recipe.ts";
import { formatDiagnostic, GraphwrightError } from "../support/diagnostic.ts";
import type { Task } from "../support/task.ts";
import { checkView } from "./check-view.ts";
import type { CustomRewrites } from "./custom.ts";
import type { Model } from "./model.ts";
import type { BisectView, CheckView, ValueBisectView } from "./protocol.ts";
import { scheduleRewrites } from "./schedule-step.ts";
import type { Clock } from "./session.ts";

/**
 * The way to a step as a recipe. A custom rewrite goes into it only when a numerical check of every one of its steps
 * found the same numbers: throws "custom-rewrite-wrong" and "custom-rewrite-unchecked".
 */
export async function recipeOf(model: Model, step: StepId, task: Task): Promise<{ recipe: Recipe; text: string }> {
  const { timeline, custom, checks } = model;
  const used = new Map<string, string>();
  for (const id of timeline.path(step)) {
    const { delta, parent, graph } = timeline.step(id);
    const text = delta && custom.get(delta.rewrite);
    if (!delta || text === undefined) continue;
    used.set(delta.rewrite, text);
    if (!checks.has(id)) {
      checks.set(id, checkView(checkStep(model.graph(parent!), graph, delta, { task }), "region"));
      await task.pause();
    }
    const { verdict, note } = checks.get(id)!;
    if (verdict === "different") throw new GraphwrightError("custom-rewrite-wrong", `${delta.rewrite} computes something else at ${delta.site}: ${note}. It cannot be saved.`, { node: delta.site }, "Undo the step, or correct the rewrite.");
    if (verdict === "not-checked") throw new GraphwrightError("custom-rewrite-unchecked", `${delta.rewrite} could not be checked at ${delta.site}: ${note}. It cannot be saved.`, { node: delta.site });
  }
  const recipe = recordRecipe(timeline, step, [...used.values()], model.source.name);
  return { recipe, text: `${JSON.stringify(recipe, null, 1)}\n` };
}

/** Replays a recipe on the head. */
export async function replay(
  model: Model,
  given: string | Recipe,
  custom: CustomRewrites,
  { only, skip, check, unchecked, task, clock }: { only: readonly string[] | undefined; skip: readonly string[] | undefined; check: boolean; unchecked: boolean; task: Task; clock: Clock },
): Promise<{ applied: number; notes: string[]; failed: readonly RecipeFailure[] }> {
  const recipe = selectSteps(typeof given === "string" ? parseRecipe(given) : checkRecipe(given), only, skip);
  const names: string[] = [];
  const rewrites = recipe.custom.flatMap((text, i) => {
    try {
      const parsed = parseCustomRewrites(text, names);
      names.push(...parsed.map((rewrite) => rewrite.definition.name));
      return parsed;
    } catch (error) {
      throw error instanceof GraphwrightError ? error.at({ field: `custom[${i}]` }) : error;
    }
  });
  for (const { text, definition } of rewrites) {
    const earlier = model.custom.get(definition.name) ?? custom.find(definition.name)?.text;
    if (earlier !== undefined && earlier !== text) throw new GraphwrightError("custom-name-taken", `the recipe brings another rewrite ${JSON.stringify(definition.name)} than the one that is known here.`, undefined, "Rename or remove one of the two.");
  }
  const own = new Set(names);
  const from = model.timeline.head.id;
  const began = clock();
  const verdicts = (before: Graph, after: Graph, delta: Parameters<typeof checkStep>[2]): CheckView | undefined =>
    !unchecked && (check || own.has(delta.rewrite)) ? checkView(checkStep(before, after, delta, { task }), "region") : undefined;
  const { applied, failed, diagnostics } = await replayRecipe<CheckView>(model.timeline, recipe, {
    task,
    custom: [...rewrites.map((rewrite) => rewrite.definition), ...scheduleRewrites(recipe.steps)],
    check: verdicts,
    onStep: (step, verdict) => {
      if (verdict) model.checks.set(step.id, verdict);
    },
  });
  for (const { text, definition } of rewrites) {
    model.custom.set(definition.name, text);
    custom.define(text);
  }
  const notes = [...diagnostics.map(formatDiagnostic), ...failed.map((f) => `step ${f.index + 1} of the recipe, ${f.rewrite} at ${f.site}, was not applied: ${f.reason}.`)];
  model.addRuns([{ pass: "recipe", from, to: model.timeline.head.id, applied, milliseconds: clock() - began, notes }]);
  return { applied, notes, failed };
}

export async function bisectSteps(model: Model, from: StepId, to: StepId, seeds: number | undefined, task: Task): Promise<BisectView> {
  const { outcome, step, report, region, probes } = await bisect(model.timeline, from, to, { task, ...(seeds === undefined ? {} : { seeds }) });
  return {
    outcome,
    ...(step === undefined ? {} : { step }),
    check: checkView(report, "model"),
    ...(region ? { region: checkView(region, "region") } : {}),
    probes: probes.map((probe) => ({ step: probe.step, check: checkView(probe.report, "model") })),
  };
}

export async function bisectValues(a: Graph, b: Graph, seeds: number | undefined, task: Task): Promise<ValueBisectView> {
  const { report, probes, ...rest } = await bisectModels(a, b, { task, ...(seeds === undefined ? {} : { seeds }) });
  return { ...rest, check: checkView(report, "model"), probes: probes.map((probe) => ({ values: probe.values, check: checkView(probe.report, "model") })) };
}

export const lineageOf = (model: Model, step: StepId): LineageTable => lineageTable(model.timeline, step);
