import { mkdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { GraphwrightError, type RunInput } from "@graphwright/compiler-core";
import { collect, printJson, type CliCommand } from "../command.ts";
import { openModel } from "../open-model.ts";

export const run: CliCommand = {
  name: "run",
  declare: (command) =>
    command
      .description("Evaluates a model. Inputs that are not given are drawn from the seed.")
      .argument("<model>", "model file")
      .option("--input <name=file>", "value of an input, a .npy file or a .pb file (TensorProto); may be repeated", collect)
      .option("--seed <n>", "seed of drawn inputs", "0")
      .option("--out-dir <folder>", "write each output as a .npy file")
      .option("--engine <name>", "auto: heavy nodes as WebAssembly; reference: every node by its operator's own evaluation", "auto")
      .option("--json", "print JSON"),
  async run(context, [file], options) {
    const engine = options["engine"];
    if (engine !== "auto" && engine !== "reference") throw new GraphwrightError("usage", `--engine takes auto or reference, not ${JSON.stringify(engine)}.`);
    const { model, timeline } = await openModel(context, file!);
    const inputs: Record<string, RunInput> = {};
    for (const given of (options["input"] as string[] | undefined) ?? []) {
      const at = given.indexOf("=");
      const [name, source] = [given.slice(0, at), given.slice(at + 1)];
      const format = source.endsWith(".npy") ? "npy" : source.endsWith(".pb") ? "pb" : undefined;
      if (at < 1 || !format) throw new GraphwrightError("usage", `--input takes NAME=FILE.npy or NAME=FILE.pb, not ${JSON.stringify(given)}.`);
      try {
        inputs[name] = { format, bytes: await readFile(source) };
      } catch {
        throw new GraphwrightError("no-file", "the input cannot be read.", { file: source });
      }
    }
    const outDir = options["outDir"] as string | undefined;
    const result = await context.session.run({ model, step: timeline.head, seed: Number(options["seed"]), inputs, npy: outDir !== undefined, engine }, context.task);
    if (outDir !== undefined) {
      await mkdir(outDir, { recursive: true });
      for (const output of result.outputs) {
        if (output.npy) await writeFile(path.join(outDir, `${output.name.replace(/[^A-Za-z0-9_.-]/g, "_")}.npy`), output.npy);
        else context.warn(`note: ${output.name} (${output.type}) has no NumPy form and was not written.`);
      }
    }
    if (options["json"]) {
      printJson(context, "run", { inputs: result.inputs, outputs: result.outputs.map(({ npy: _, ...view }) => view), milliseconds: result.milliseconds, ...(result.engine ? { engine: result.engine } : {}) });
      return 0;
    }
    for (const input of result.inputs) context.print(`input  ${input.name}: ${input.type}${input.drawn ? " (drawn)" : ""}`);
    for (const output of result.outputs) {
      context.print(`output ${output.name}: ${output.type}`);
      const shown = output.sample.slice(0, 16);
      context.print(`  [${shown.join(", ")}${output.count > shown.length ? `, … ${output.count} values` : ""}]`);
      if (output.statistics) context.print(`  min ${output.statistics.min}, max ${output.statistics.max}, mean ${output.statistics.mean.toPrecision(6)}`);
    }
    const counts = (of: Readonly<Record<string, number>>): string => Object.entries(of).map(([op, count]) => `${count} ${op}`).join(", ");
    if (result.engine) {
      context.print(`as WebAssembly: ${counts(result.engine.accelerated) || "nothing"}${result.engine.unavailable === undefined ? "" : `, since it cannot be loaded: ${result.engine.unavailable}`}`);
      for (const [op, { count, reason }] of Object.entries(result.engine.reference)) context.print(`by the reference evaluation: ${count} ${op}, since ${reason}`);
    }
    return 0;
  },
};
