import { printJson, type CliCommand } from "../command.ts";
import { openModel } from "../open-model.ts";
import { applyRecipeFile, defineCustomFile, writeText } from "../recipe-file.ts";
import { listOption } from "./optimize.ts";

export const recipe: CliCommand = {
  name: "recipe",
  declare: (command) =>
    command
      .description("Writes what a pipeline applies where, as a recipe for `optimize` and `build`.")
      .argument("<model>", "model file")
      .requiredOption("-o, --output <file>", "file to write")
      .option("--pipeline <name>", "pipeline, as listed by `graphwright passes`", "default")
      .option("--recipe <file>", "start from this recipe instead of a pipeline: what still matches is written")
      .option("--custom <file>", "first apply the custom rewrites of this file wherever they match")
      .option("--only <names>", "only these passes or rewrites, separated by commas")
      .option("--skip <names>", "all but these; rewrite@site leaves out one place")
      .option("--check", "check each step numerically on its region; steps that compute something else are left out")
      .option("--json", "print JSON"),
  async run(context, [file], options) {
    const { session, task } = context;
    const { model, timeline } = await openModel(context, file!);
    const only = listOption(options["only"]);
    const skip = listOption(options["skip"]);
    const check = options["check"] === true;
    const notes: string[] = [];
    if (options["custom"] !== undefined)
      for (const rewrite of await defineCustomFile(context, options["custom"] as string)) notes.push(...(await session.applyAll({ model, rewrite, check: true }, task)).notes);
    const from = options["recipe"] as string | undefined;
    const select = { ...(only ? { only } : {}), ...(skip ? { skip } : {}), check };
    const result = from === undefined ? await session.runPipeline({ model, pipeline: options["pipeline"] as string, ...select }, task) : await applyRecipeFile(context, model, from, select);
    notes.push(...result.notes);
    const { recipe: made, text } = await session.recipe({ model, step: result.timeline.head }, task);
    const output = options["output"] as string;
    await writeText(output, text);
    const before = await session.cost({ model, step: timeline.head }, task);
    const after = await session.cost({ model, step: result.timeline.head }, task);
    if (options["json"]) {
      printJson(context, "recipe", { output, steps: made.steps.length, custom: made.custom.length, before, after, notes });
      return 0;
    }
    context.print(`${output}: ${made.steps.length} steps; ${before.nodes} nodes become ${after.nodes}`);
    for (const note of notes) context.print(`note: ${note}`);
    return 0;
  },
};
