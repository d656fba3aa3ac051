import { openSync, readSync, closeSync } from "node:fs";
import { GraphwrightError, type CheckView } from "@graphwright/compiler-core";
import { printJson, type CliCommand, type CommandContext } from "../command.ts";
import { error } from "../format.ts";
import { openModel } from "../open-model.ts";
import { applyRecipeFile } from "../recipe-file.ts";

/** A recipe begins with a brace, which no model format does. */
function isRecipe(file: string): boolean {
  let handle: number;
  try {
    handle = openSync(file, "r");
  } catch (failure) {
    throw new GraphwrightError("file", `the file cannot be opened: ${(failure as Error).message}.`, { file });
  }
  try {
    const start = Buffer.alloc(64);
    return start.toString("utf8", 0, readSync(handle, start, 0, 64, 0)).trimStart().startsWith("{");
  } finally {
    closeSync(handle);
  }
}

export const bisect: CliCommand = {
  name: "bisect",
  declare: (command) =>
    command
      .description("Finds where two ends disagree: the first step of a recipe, or the first value of two models, that is different.")
      .argument("<a>", "model file")
      .argument("<b>", "recipe that was applied to it, or another model file")
      .option("--seeds <n>", "number of input sets that each comparison tries", "3")
      .option("--json", "print JSON"),
  async run(context, [fileA, fileB], options) {
    const seeds = Number(options["seeds"]);
    if (!Number.isInteger(seeds) || seeds < 1) throw new GraphwrightError("usage", `--seeds takes a whole number above 0, not ${options["seeds"] as string}.`);
    const json = options["json"] === true;
    return isRecipe(fileB!) ? bisectRecipe(context, fileA!, fileB!, seeds, json) : bisectFiles(context, fileA!, fileB!, seeds, json);
  },
};

const told = (check: CheckView): string => `${check.verdict}${check.note === "" ? "" : `: ${check.note}`}; largest error ${error(check.maxAbs)} absolute, ${error(check.maxUlp)} ulp`;

async function bisectRecipe(context: CommandContext, file: string, recipe: string, seeds: number, json: boolean): Promise<number> {
  const { session, task } = context;
  const { model, timeline } = await openModel(context, file);
  // Nothing is checked on the way: what is wrong is what is looked for.
  const { timeline: after, failed } = await applyRecipeFile(context, model, recipe, { unchecked: true });
  const result = await session.bisect({ model, from: timeline.head, to: after.head, seeds }, task);
  const step = after.steps.find((s) => s.id === result.step);
  if (json) printJson(context, "bisect", { kind: "recipe", outcome: result.outcome, step: step ?? null, steps: after.steps.length - timeline.steps.length, check: result.check, region: result.region ?? null, probes: result.probes, failed });
  else if (result.outcome === "same") context.print(`the model and all ${after.steps.length - timeline.steps.length} steps agree (${told(result.check)})`);
  else if (!step) context.print(`not compared: ${result.check.note}`);
  else {
    context.print(`step ${step.id} of ${after.steps.length - timeline.steps.length} is the first that differs: ${step.rewrite} at ${step.site}`);
    context.print(`whole model: ${told(result.check)}`);
    if (result.region) context.print(`on the step's own region: ${told(result.region)}`);
    context.print(`${result.probes.length} comparisons`);
  }
  return result.outcome === "same" ? 0 : 1;
}

async function bisectFiles(context: CommandContext, fileA: string, fileB: string, seeds: number, json: boolean): Promise<number> {
  const { session, task } = context;
  const [a, b] = [await openModel(context, fileA), await openModel(context, fileB)];
  const result = await session.bisectModels({ a: { model: a.model, step: a.timeline.head }, b: { model: b.model, step: b.timeline.head }, seeds }, task);
  if (json) printJson(context, "bisect", { kind: "models", ...result, nodes: result.nodes ?? null, value: result.value ?? null });
  else if (result.outcome === "same") context.print(`the models agree (${told(result.check)})`);
  else if (result.value === undefined) context.print(`not found: ${result.check.note}`);
  else {
    context.print(`${result.value} is the first of ${result.common} common values that differs`);
    context.print(told(result.check));
  }
  return result.outcome === "same" ? 0 : 1;
}
