import type { StepId } from "../ir/timeline.ts";
import { type CustomRewrite, parseCustomRewrites } from "../passes/custom-rewrite.ts";
import { allRewrites } from "../passes/index.ts";
import { type RecipeFailure, recordStep, replayRecipe, recipeVersion } from "../passes/recipe.ts";
import { checkStep } from "../passes/check.ts";
import { GraphwrightError } from "../support/diagnostic.ts";
import type { Task } from "../support/task.ts";
import { checkView } from "./check-view.ts";
import type { CustomRewrites } from "./custom.ts";
import type { Model } from "./model.ts";
import { scheduleRewrites } from "./schedule-step.ts";
import type { CheckView, TreeStep, TreeView } from "./protocol.ts";

/** Steps after `since`, in the order in which they were made, so that a parent always stands before its children. */
export function treeOf(model: Model, since: StepId): TreeView {
  const steps = model.timeline.steps.slice(since + 1).map((step): TreeStep => ({ parent: step.parent!, ...recordStep(model.timeline, step.id) }));
  return { steps, custom: [...model.custom.values()], runs: model.runs };
}

export interface RestoredTree {
  readonly applied: number;
  readonly failed: readonly (RecipeFailure & { readonly step: StepId })[];
  /** where each recorded step is now; a step that no longer matches is where the step before it is */
  readonly places: readonly StepId[];
}

/**
 * Grows a recorded tree on a model as it was opened. A step that no longer matches is reported, and what followed it is
 * tried without it. With the same model every step gets the id that it had.
 */
export async function restoreTree(model: Model, tree: TreeView, known: CustomRewrites, task: Task): Promise<RestoredTree> {
  const { timeline } = model;
  if (timeline.steps.length > 1) throw new GraphwrightError("steps-exist", "steps can be restored only on a model that has none.");
  const custom: CustomRewrite[] = tree.custom.flatMap((text) => parseCustomRewrites(text));
  for (const { text, definition } of custom) {
    const earlier = known.find(definition.name)?.text;
    if (earlier !== undefined && earlier !== text) throw new GraphwrightError("custom-name-taken", `the saved steps bring another rewrite ${JSON.stringify(definition.name)} than the one that is known here.`, undefined, "Rename or remove one of the two.");
  }
  const own = new Set(custom.map((each) => each.definition.name));
  const names = new Set([...allRewrites.map((each) => each.name), ...own]);
  const scheduling = scheduleRewrites(tree.steps);
  for (const { name } of scheduling) names.add(name);
  const places: StepId[] = [0];
  const failed: (RecipeFailure & { step: StepId })[] = [];
  let applied = 0;
  for (let first = 0; first < tree.steps.length; ) {
    let end = first + 1;
    while (end < tree.steps.length && tree.steps[end]!.parent === end) end++;
    const place = places[tree.steps[first]!.parent];
    if (place === undefined) throw new GraphwrightError("recipe", "a saved step stands before the step that it follows.", { field: `steps[${first}].parent` });
    timeline.moveTo(place);
    const taken: StepId[] = [];
    const offset = first;
    const lost = new Map<number, RecipeFailure>();
    // A rewrite that does not exist here (a newer file) is a step that does not match, and no reason to refuse the others.
    const indexes: number[] = [];
    for (let i = first; i < end; i++) {
      const { rewrite, site } = tree.steps[i]!;
      if (names.has(rewrite)) indexes.push(i);
      else lost.set(i, { index: i, rewrite, site, reason: `there is no rewrite ${JSON.stringify(rewrite.slice(0, 100))}`, preconditions: [] });
    }
    const steps = indexes.map((i) => {
      const { parent: _, ...step } = tree.steps[i]!;
      return step;
    });
    const result = await replayRecipe<CheckView>(timeline, { graphwright: "recipe", version: recipeVersion, custom: tree.custom, steps }, {
      task: { check: () => task.check(), pause: () => task.pause(), progress: (fraction, label) => task.progress((offset + (fraction ?? 0) * steps.length) / tree.steps.length, label) },
      custom: [...custom.map((each) => each.definition), ...scheduling],
      // As in a recipe: a rewrite that a file brings has to show that it computes the same.
      check: (before, after, delta) => (own.has(delta.rewrite) ? checkView(checkStep(before, after, delta, { task }), "region") : undefined),
      onStep: (step, verdict) => {
        taken.push(step.id);
        if (verdict) model.checks.set(step.id, verdict);
      },
    });
    for (const failure of result.failed) lost.set(indexes[failure.index]!, failure);
    for (let i = first, next = 0; i < end; i++) {
      const failure = lost.get(i);
      if (failure) failed.push({ ...failure, index: i, step: i + 1 });
      places.push(failure ? (i === first ? place : places.at(-1)!) : taken[next++]!);
    }
    applied += result.applied;
    first = end;
  }
  for (const { text, definition } of custom) {
    model.custom.set(definition.name, text);
    known.define(text);
  }
  const kept = new Map<number, number>();
  for (const [index, run] of tree.runs.entries()) {
    const [from, to] = [places[run.from], places[run.to]];
    if (from === undefined || to === undefined) continue;
    kept.set(index, model.runs.length);
    model.runs.push({ ...run, from, to, previous: kept.get(run.previous ?? -1) ?? null });
  }
  return { applied, failed, places };
}
