import { existsSync, mkdtempSync, readdirSync } from "node:fs";
import { mkdir, rename, rm } from "node:fs/promises";
import path from "node:path";
import { type BuildTarget, GraphwrightError } from "@graphwright/compiler-core";
import { joined, printJson, type CliCommand } from "../command.ts";
import { bytes } from "../format.ts";
import { interruptible } from "../interrupt.ts";
import { openModel, sizesOption } from "../open-model.ts";
import { applyRecipeFile } from "../recipe-file.ts";
import { defaultBudget, openTuner } from "../tuning.ts";
import { writeFiles } from "../write-files.ts";
import { listOption } from "./optimize.ts";

const targets: readonly BuildTarget[] = ["c", "wasm"];

export const build: CliCommand = {
  name: "build",
  declare: (command) =>
    command
      .description("Writes the deployment bundle: generated code, weights, memory plan, manifest, self-test.")
      .argument("<model>", "model file")
      .requiredOption("-o, --output <folder>", "folder to write; must be empty or absent unless --force is given")
      .option("--target <name>", `one of: ${targets.join(", ")}`, "c")
      .option("--pipeline <name>", "pipeline to run first, as listed by `graphwright passes`; none for the model as it is", "default")
      .option("--recipe <file>", "apply this recipe instead of a pipeline")
      .option("--only <names>", "only these passes or rewrites")
      .option("--skip <names>", "all but these")
      .option("--name <identifier>", "name of the library; taken from the file by default")
      .option("--library <name>", "calls a vendor library where it computes a whole step: cblas, for MatMul and Gemm (C only)")
      .option("--tune", "measures a few schedules of each distinct layer with the C compiler and builds the fastest (C only)")
      .option("--tune-budget <time>", "about how long to measure: 90s, 5m", defaultBudget)
      .option("--tune-cache <file>", "what was measured, and is not measured again; by default in your cache folder")
      .option("--strict", "computes convolutions and products directly, without minimal filtering and Strassen's algorithm: smaller rounding errors and weights, more time")
      .option("--fix <sizes>", "fixes symbolic sizes of the inputs: N=1,length=128; may be given several times", joined)
      .option("--max <sizes>", "leaves symbolic sizes to be given at run time, up to these bounds: N=8,sequence=128; may be given several times", joined)
      .option("--force", "replace what is in the folder")
      .option("--json", "print JSON"),
  async run(context, [file], options) {
    const { session, task } = context;
    const output = options["output"] as string;
    const target = options["target"] as BuildTarget;
    if (!targets.includes(target)) throw new GraphwrightError("usage", `--target takes ${targets.join(", ")}, not ${target}.`);
    const tuner = options["tune"] === true ? await openTuner({ budget: options["tuneBudget"], cache: options["tuneCache"] }) : undefined;
    if (tuner && target !== "c") throw new GraphwrightError("usage", `schedules are measured for C, not for ${target}.`, undefined, "Build for C, or without --tune.");
    if (tuner && options["max"] !== undefined) throw new GraphwrightError("usage", "schedules are measured for sizes that are known, and --max leaves sizes to the run.", undefined, "Give sizes by --fix, or build without --tune.");
    const occupied = existsSync(output) && readdirSync(output).length > 0;
    if (occupied && options["force"] !== true && !existsSync(path.join(output, "manifest.json")))
      throw new GraphwrightError("usage", `${output} is not empty and is not a bundle.`, undefined, "Choose another folder, or give --force.");
    const { model, timeline } = await openModel(context, file!);
    let { head } = timeline;
    const sizes = sizesOption(options["fix"]);
    if (sizes) head = (await session.specialize({ model, sizes }, task)).timeline.head;
    const max = sizesOption(options["max"], "--max");
    const only = listOption(options["only"]);
    const skip = listOption(options["skip"]);
    if (options["recipe"] !== undefined) head = (await applyRecipeFile(context, model, options["recipe"] as string, { only, skip })).timeline.head;
    else if (options["pipeline"] !== "none") {
      const run = await session.runPipeline({ model, pipeline: options["pipeline"] as string, ...(only ? { only } : {}), ...(skip ? { skip } : {}) }, task);
      head = run.timeline.head;
    }
    const name = (options["name"] as string | undefined) ?? path.basename(file!).replace(/\.[^.]*$/, "");
    const strict = options["strict"] === true ? { strict: true } : {};
    const tuning = await tuner?.run(context, { model, step: head, ...strict });
    const result = await session.build({ model, step: head, name, target, ...strict, ...(tuning ? { tuning: { machine: tuning.machine, entries: tuning.entries } } : {}), ...(options["library"] === undefined ? {} : { library: options["library"] as string }), ...(max ? { max } : {}) }, task);
    // Built beside its place and then moved there: an export that fails half-way leaves nothing behind.
    await mkdir(path.dirname(path.resolve(output)), { recursive: true });
    await interruptible(async (signal) => {
      const temporary = mkdtempSync(`${path.resolve(output)}.part-`);
      // What is replaced is put aside first: it is there again if the new one cannot take its place.
      const aside = `${temporary}.old`;
      try {
        await writeFiles(temporary, result.files);
        signal.throwIfAborted();
        const replaced = existsSync(output);
        if (replaced) await rename(output, aside);
        try {
          await rename(temporary, output);
        } catch (error) {
          if (replaced) await rename(aside, output);
          throw error;
        }
        await rm(aside, { recursive: true, force: true });
      } catch (error) {
        await rm(temporary, { recursive: true, force: true });
        throw error;
      }
    });
    const total = result.files.reduce((sum, f) => sum + f.bytes.length, 0);
    if (options["json"]) {
      printJson(context, "build", { output, files: result.files.map((f) => ({ path: f.path, bytes: f.bytes.length })), arenaBytes: result.arenaBytes, lowerBoundBytes: result.lowerBoundBytes, weightBytes: result.weightBytes, notes: result.notes });
      return 0;
    }
    context.print(`${output}: ${result.files.length} files, ${bytes(total)}`);
    context.print(`weights ${bytes(result.weightBytes)}; arena ${bytes(result.arenaBytes)} (lower bound ${bytes(result.lowerBoundBytes)})`);
    for (const note of result.notes) context.print(`note: ${note}`);
    context.print(target === "wasm" ? `next: node ${output}/js/selftest.mjs` : `next: make -C ${output} selftest && ${output}/selftest`);
    return 0;
  },
};
