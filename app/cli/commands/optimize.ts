import { GraphwrightError, type CheckView } from "@graphwright/compiler-core";
import { printJson, type CliCommand } from "../command.ts";
import { bytes, count, error, flops, table } from "../format.ts";
import { openModel } from "../open-model.ts";
import { applyRecipeFile, defineCustomFile, writeJson } from "../recipe-file.ts";
import { writeFiles } from "../write-files.ts";

export const listOption = (value: unknown): string[] | undefined => (typeof value === "string" ? value.split(",").map((s) => s.trim()).filter((s) => s !== "") : undefined);

export const optimize: CliCommand = {
  name: "optimize",
  declare: (command) =>
    command
      .description("Applies a pipeline of rewrites and writes the result as ONNX.")
      .argument("<model>", "model file")
      .requiredOption("-o, --output <file>", "file to write")
      .option("--pipeline <name>", "pipeline, as listed by `graphwright passes`", "default")
      .option("--recipe <file>", "apply this recipe instead of a pipeline")
      .option("--custom <file>", "first apply the custom rewrites of this file wherever they match")
      .option("--only <names>", "only these passes or rewrites, separated by commas")
      .option("--skip <names>", "all but these")
      .option("--opset <version>", "operator-set version to write")
      .option("--lineage <file>", "write what every node and constant came from, and what every original became, as JSON")
      .option("--no-origins", "leave the names of the originals out of the written model's metadata")
      .option("--check", "check each step numerically on its region, and the whole model at the end")
      .option("--json", "print JSON"),
  async run(context, [file], options) {
    const { session, task } = context;
    const { model, timeline } = await openModel(context, file!);
    const check = options["check"] === true;
    const only = listOption(options["only"]);
    const skip = listOption(options["skip"]);
    const opset = options["opset"] === undefined ? undefined : Number(options["opset"]);
    if (opset !== undefined && !Number.isInteger(opset)) throw new GraphwrightError("usage", `--opset takes a whole number, not ${options["opset"] as string}.`);
    const select = { ...(only ? { only } : {}), ...(skip ? { skip } : {}) };
    const custom = options["custom"] === undefined ? [] : await defineCustomFile(context, options["custom"] as string);
    let applied = 0;
    const notes: string[] = [];
    for (const rewrite of custom) {
      // Nobody has proven these: each application is checked, asked for or not.
      const result = await session.applyAll({ model, rewrite, check: true }, task);
      applied += result.applied;
      notes.push(...result.notes);
    }
    const recipe = options["recipe"] as string | undefined;
    const replayed = recipe === undefined ? undefined : await applyRecipeFile(context, model, recipe, { ...select, check });
    const result = replayed ?? (await session.runPipeline({ model, pipeline: options["pipeline"] as string, check, ...select }, task));
    applied += result.applied;
    notes.push(...result.notes);
    const head = result.timeline.head;
    const before = await session.cost({ model, step: timeline.head }, task);
    const after = await session.cost({ model, step: head }, task);
    const whole: CheckView | undefined = check ? await session.verify({ model, from: timeline.head, to: head }, task) : undefined;
    const steps = result.timeline.steps.filter((s) => s.id !== timeline.head);
    const different = [...steps.flatMap((s) => (s.check?.verdict === "different" ? [s] : []))];
    const failed = different.length > 0 || whole?.verdict === "different";
    if (!failed) {
      const output = options["output"] as string;
      const exported = await session.exportOnnx({ model, step: head, name: output.replace(/^.*[\\/]/, ""), ...(opset === undefined ? {} : { opset }), ...(options["origins"] === false ? { origins: false } : {}) }, task);
      await writeFiles(output.replace(/[^\\/]*$/, "") || ".", exported.files);
      for (const note of exported.notes) context.warn(`note: ${note}`);
    }
    if (!failed && options["lineage"] !== undefined) await writeJson(options["lineage"] as string, "lineage", await session.lineage({ model, step: head }, task));
    if (options["json"]) {
      printJson(context, "optimize", { before, after, applied, passes: result.timeline.runs, steps, check: whole ?? null, notes, ...(replayed ? { failed: replayed.failed } : {}), written: failed ? null : options["output"] });
      return failed ? 1 : 0;
    }
    const rows: (string | number)[][] = result.timeline.runs.map((r) => [r.pass, r.applied]);
    if (rows.length > 0) for (const line of table([["pass", "applied"], ...rows])) context.print(line);
    for (const run of result.timeline.runs) for (const note of run.notes) context.print(`note: ${run.pass}: ${note}`);
    context.print("");
    for (const line of table([
      ["nodes", `${count(before.nodes)} -> ${count(after.nodes)}`],
      ["work", `${flops(before.flops)} -> ${flops(after.flops)}`],
      ["weights", `${bytes(before.weightBytes)} -> ${bytes(after.weightBytes)}`],
      ...(before.peakBytes !== undefined && after.peakBytes !== undefined ? [["peak memory", `${bytes(before.peakBytes)} -> ${bytes(after.peakBytes)}`]] : []),
    ]))
      context.print(line);
    if (check) {
      const verdicts = new Map<string, number>();
      for (const s of steps) verdicts.set(s.check?.verdict ?? "not-checked", (verdicts.get(s.check?.verdict ?? "not-checked") ?? 0) + 1);
      context.print(`steps: ${[...verdicts].map(([v, n]) => `${n} ${v}`).join(", ") || "none"}`);
      context.print(`whole model: ${whole!.verdict}, largest error ${error(whole!.maxAbs)} absolute, ${error(whole!.maxRel)} relative, ${error(whole!.maxUlp)} ulp`);
      for (const s of different) context.print(`different: step ${s.id}, ${s.rewrite} at ${s.site}: ${s.check!.note}`);
      if (failed) context.warn("graphwright: a check failed; nothing was written.");
    }
    return failed ? 1 : 0;
  },
};
