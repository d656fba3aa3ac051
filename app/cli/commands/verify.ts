import { GraphwrightError } from "@graphwright/compiler-core";
import { printJson, type CliCommand } from "../command.ts";
import { error } from "../format.ts";
import { openModel } from "../open-model.ts";

export const verify: CliCommand = {
  name: "verify",
  declare: (command) =>
    command
      .description("Compares what two models compute on the same inputs.")
      .argument("<a>", "model file")
      .argument("<b>", "model file")
      .option("--seeds <n>", "number of input sets to try", "4")
      .option("--json", "print JSON"),
  async run(context, [fileA, fileB], options) {
    const seeds = Number(options["seeds"]);
    if (!Number.isInteger(seeds) || seeds < 1) throw new GraphwrightError("usage", `--seeds takes a whole number above 0, not ${options["seeds"] as string}.`);
    const a = await openModel(context, fileA!);
    const b = await openModel(context, fileB!);
    const check = await context.session.compare({ a: { model: a.model, step: a.timeline.head }, b: { model: b.model, step: b.timeline.head }, seeds }, context.task);
    const good = check.verdict === "identical" || check.verdict === "rounding";
    if (options["json"]) printJson(context, "verify", { check });
    else {
      context.print(check.note === "" ? check.verdict : `${check.verdict}: ${check.note}`);
      context.print(`largest error ${error(check.maxAbs)} absolute, ${error(check.maxRel)} relative, ${error(check.maxUlp)} ulp, over ${check.runs} input sets`);
      if (check.worst) context.print(`at ${check.worst.output}[${check.worst.index.join(", ")}]: ${check.worst.a} and ${check.worst.b}`);
    }
    return good ? 0 : 1;
  },
};
