import { GraphwrightError } from "@graphwright/compiler-core";
import { joined, printJson, type CliCommand } from "../command.ts";
import { bytes, flops, table } from "../format.ts";
import { openPrepared } from "../open-model.ts";

export const profile: CliCommand = {
  name: "profile",
  declare: (command) =>
    command
      .description("Measures each step of a model's generated code, as WebAssembly, beside what the machine could do.")
      .argument("<model>", "model file")
      .option("--pipeline <name>", "pipeline to run first, as listed by `graphwright passes`; none for the model as it is", "default")
      .option("--fix <sizes>", "fixes symbolic sizes of the inputs: N=1,length=128; may be given several times", joined)
      .option("--seconds <n>", "how long to measure, about", "2")
      .option("--top <n>", "only the slowest n steps", "20")
      .option("--json", "print JSON"),
  async run(context, [file], options) {
    const { session, task } = context;
    const [seconds, top] = [Number(options["seconds"]), Number(options["top"])];
    if (!(seconds > 0)) throw new GraphwrightError("usage", `--seconds takes a number above 0, not ${JSON.stringify(options["seconds"])}.`);
    if (!(Number.isInteger(top) && top > 0)) throw new GraphwrightError("usage", `--top takes a whole number above 0, not ${JSON.stringify(options["top"])}.`);
    const { model, step } = await openPrepared(context, file!, options);
    const view = await session.profile({ model, step, milliseconds: 1000 * seconds }, task);
    if (options["json"]) {
      printJson(context, "profile", { ...view });
      return 0;
    }
    const { rows, peak } = view;
    const slowest = [...rows].sort((a, b) => b.milliseconds - a.milliseconds).slice(0, top);
    const percent = (part: number): string => `${(100 * part).toFixed(part < 0.0995 ? 1 : 0)} %`;
    context.print(`${view.milliseconds.toFixed(3)} ms a run, mean of ${view.runs}; ${rows.length} steps; WebAssembly${view.relaxedSimd ? " with relaxed SIMD" : ""}`);
    context.print(`this machine: ${peak.gflops.toFixed(1)} GFLOP/s, ${peak.memoryGBps.toFixed(1)} GB/s from memory, ${peak.cacheGBps.toFixed(1)} GB/s from cache`);
    const lines = table([
      ["step", "operator", "ms", "of the run", "work", "bytes", "GFLOP/s", "of possible", "bound by"],
      ...slowest.map((row) => [
        row.name,
        row.op,
        row.milliseconds.toFixed(4),
        percent(row.milliseconds / view.milliseconds),
        row.flops === undefined ? "?" : flops(row.flops),
        bytes(row.bytes),
        row.flops === undefined || row.milliseconds === 0 ? "" : (row.flops / row.milliseconds / 1e6).toFixed(1),
        row.milliseconds === 0 ? "" : percent(row.possible / row.milliseconds),
        row.bound === "compute" ? "computing" : "memory",
      ]),
    ]);
    for (const line of lines) context.print(line);
    if (slowest.length < rows.length) context.print(`and ${rows.length - slowest.length} more (--top ${rows.length} shows all)`);
    return 0;
  },
};
