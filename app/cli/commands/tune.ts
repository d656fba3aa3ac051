import { joined, printJson, type CliCommand } from "../command.ts";
import { table } from "../format.ts";
import { openPrepared } from "../open-model.ts";
import { defaultBudget, openTuner } from "../tuning.ts";

export const tune: CliCommand = {
  name: "tune",
  declare: (command) =>
    command
      .description("Measures a few schedules of each distinct layer with the C compiler, and keeps what was found for `build --tune`.")
      .argument("<model>", "model file")
      .option("--pipeline <name>", "pipeline to run first, as listed by `graphwright passes`; none for the model as it is", "default")
      .option("--fix <sizes>", "fixes symbolic sizes of the inputs: N=1,length=128; may be given several times", joined)
      .option("--budget <time>", "about how long to measure: 90s, 5m", defaultBudget)
      .option("--cache <file>", "what was measured, and is not measured again; by default in your cache folder")
      .option("--json", "print JSON"),
  async run(context, [file], options) {
    const tuner = await openTuner({ budget: options["budget"], cache: options["cache"] });
    const { model, step } = await openPrepared(context, file!, options);
    const result = await tuner.run(context, { model, step });
    if (options["json"]) {
      printJson(context, "tune", { ...result });
      return 0;
    }
    const lines = table([
      ["layer", "sizes", "schedules", "rule, ms", "chosen, ms", "times as fast", "of possible", "schedule"],
      ...result.entries.map((e) => {
        const [rule, chosen] = [e.variants[0]!, e.variants[e.chosen]!];
        return [e.op, e.shapes, `${e.variants.length}`, rule.medianMs.toFixed(4), (rule.medianMs / e.speedup).toFixed(4), e.chosen === 0 ? "1" : `${e.speedup.toFixed(2)} ± ${e.noise.toFixed(2)}`, `${((100 * e.possibleMs * e.speedup) / rule.medianMs).toFixed(0)} %`, e.chosen === 0 ? "the rule's" : chosen.description];
      }),
    ]);
    for (const line of lines) context.print(line);
    return 0;
  },
};
