import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import path from "node:path";
import { formatDiagnostic, GraphwrightError, type BackendCase } from "@graphwright/compiler-core";
import { printJson, type CliCommand, type CommandContext } from "../command.ts";
import { runBatch, type BatchCase } from "../compiled-cases.ts";
import { coverageTable, type CaseOutcome } from "../coverage-table.ts";
import { FileBlob, siblingsOf } from "../file-blob.ts";

/** Folders that hold a model.onnx: the given ones, or those directly below them. */
function casesIn(folder: string): string[] {
  if (!existsSync(folder) || !statSync(folder).isDirectory()) throw new GraphwrightError("usage", `${folder} is not a folder.`);
  if (existsSync(path.join(folder, "model.onnx"))) return [folder];
  return readdirSync(folder)
    .sort()
    .map((name) => path.join(folder, name))
    .filter((each) => existsSync(path.join(each, "model.onnx")));
}

const numbered = (folder: string, prefix: string): Uint8Array[] => {
  const files = readdirSync(folder)
    .map((name) => new RegExp(`^${prefix}_(\\d+)\\.pb$`).exec(name))
    .filter((match) => match !== null)
    .sort((a, b) => Number(a[1]) - Number(b[1]));
  return files.map((match) => readFileSync(path.join(folder, match[0])));
};

function readCase(folder: string): BackendCase {
  const model = path.join(folder, "model.onnx");
  const sets = readdirSync(folder)
    .filter((name) => /^test_data_set_\d+$/.test(name))
    .sort((a, b) => Number(a.slice(14)) - Number(b.slice(14)))
    .map((name) => ({ name, inputs: numbered(path.join(folder, name), "input"), outputs: numbered(path.join(folder, name), "output") }));
  const extra = path.join(folder, "data.json");
  const tolerances = existsSync(extra) ? (JSON.parse(readFileSync(extra, "utf8")) as { rtol?: number; atol?: number }) : {};
  return {
    model: new FileBlob(model),
    siblings: siblingsOf(model),
    sets,
    ...(tolerances.rtol === undefined ? {} : { rtol: tolerances.rtol }),
    ...(tolerances.atol === undefined ? {} : { atol: tolerances.atol }),
  };
}

async function runCase(context: CommandContext, folder: string, modes: { roundtrip: boolean; optimize: boolean }): Promise<{ passed: boolean; reason: string; milliseconds: number }> {
  try {
    const { session, task } = context;
    return await session.backendCase({ case: readCase(folder), ...modes }, task);
  } catch (error) {
    if (error instanceof GraphwrightError) return { passed: false, reason: formatDiagnostic(error.diagnostic), milliseconds: 0 };
    throw error;
  }
}

const backends = ["evaluate", "c", "wasm"] as const;
const batchSize = 48;

/** Every case through generated code: built, compiled, run and compared; what is not covered is told with the reason. */
async function runCompiled(context: CommandContext, folders: readonly string[], options: { readonly optimize: boolean; readonly isa?: string; readonly compiler: string; readonly runner?: string; readonly keep?: string; readonly report: (outcome: CaseOutcome) => void }): Promise<void> {
  const { session, task } = context;
  const { optimize, isa, compiler, runner, keep, report } = options;
  let batch: { readonly folder: string; readonly operators: readonly string[]; readonly kind: CaseOutcome["kind"]; readonly each: BatchCase }[] = [];
  const flush = async (): Promise<void> => {
    if (batch.length === 0) return;
    const results = await runBatch(batch.map((b) => b.each), { compiler, ...(runner === undefined ? {} : { runner }), ...(keep === undefined ? {} : { keep }) });
    for (const { folder, operators, kind, each } of batch) {
      const result = results.get(each.identifier) ?? "was not run";
      let reason = typeof result === "string" ? result : "";
      if (typeof result !== "string") {
        const read = readCase(folder);
        for (const [set, bytes] of result.entries()) reason ||= typeof bytes === "string" ? bytes : ((await session.compareCompiled({ case: read, set, outputs: each.code.outputs, bytes }, task)) ?? "");
      }
      report({ name: path.basename(folder), folder, operators, kind, outcome: reason === "" ? "passed" : "failed", reason });
    }
    batch = [];
  };
  for (const [index, folder] of folders.entries()) {
    task.check();
    const identifier = `c${index}_${path.basename(folder).replace(/[^A-Za-z0-9]+/g, "_").toLowerCase()}`;
    const { operators, kind, refused, code } = await session.compileCase({ case: readCase(folder), identifier, optimize, ...(isa === undefined ? {} : { target: isa }) }, task);
    if (code) batch.push({ folder, operators, kind, each: { identifier, code } });
    else report({ name: path.basename(folder), folder, operators, kind, outcome: "skipped", reason: refused ?? "" });
    if (batch.length >= batchSize) await flush();
  }
  await flush();
}

/** Every case as WebAssembly in this process. */
async function runWasm(context: CommandContext, folders: readonly string[], options: { readonly optimize: boolean; readonly relaxed: boolean; readonly report: (outcome: CaseOutcome) => void }): Promise<void> {
  const { session, task } = context;
  for (const folder of folders) {
    task.check();
    const { operators, kind, refused, failed } = await session.wasmCase({ case: readCase(folder), optimize: options.optimize, relaxed: options.relaxed }, task);
    options.report({ name: path.basename(folder), folder, operators, kind, outcome: refused !== undefined ? "skipped" : failed !== undefined ? "failed" : "passed", reason: refused ?? failed ?? "" });
  }
}

export const backendTest: CliCommand = {
  name: "backend-test",
  declare: (command) =>
    command
      .description("Runs test cases in the onnx project's layout: model.onnx, test_data_set_*/input_*.pb, output_*.pb.")
      .argument("<folders...>", "folders of cases, or single cases")
      .option("--roundtrip", "run each case after export and import")
      .option("--optimize", "run each case after the default pipeline")
      .option("--backend <name>", `what runs them, one of: ${backends.join(", ")}`, "evaluate")
      .option("--isa <name>", "uses the code for these instructions where the machine has them: avx2, avx512 or neon in C, relaxed-simd in WebAssembly")
      .option("--cc <command>", "the C compiler with its flags", "gcc -O1")
      .option("--runner <command>", "runs the compiled program through this, such as an emulator")
      .option("--keep <folder>", "leaves the generated sources of the last batch here")
      .option("--coverage <file>", "writes a table of the cases by operator")
      .option("--sample <n>", "only every n-th case")
      .option("--filter <text>", "only cases whose name contains this")
      .option("--json", "print JSON"),
  async run(context, folders, options) {
    const filter = options["filter"] as string | undefined;
    const modes = { roundtrip: options["roundtrip"] === true, optimize: options["optimize"] === true };
    const backend = options["backend"] as string;
    if (!(backends as readonly string[]).includes(backend)) throw new GraphwrightError("usage", `--backend takes ${backends.join(", ")}, not ${backend}.`);
    const sample = Number(options["sample"] ?? 1);
    const cases = folders
      .flatMap((folder) => casesIn(folder))
      .filter((folder) => filter === undefined || path.basename(folder).includes(filter))
      .filter((_, index) => index % sample === 0);
    if (cases.length === 0) throw new GraphwrightError("usage", "these folders hold no case (no model.onnx in them or directly below).");
    if (backend !== "evaluate") {
      const outcomes: CaseOutcome[] = [];
      const isa = options["isa"] as string | undefined;
      const report = (each: CaseOutcome): void => {
        outcomes.push(each);
        if (!options["json"] && each.outcome !== "passed") context.print(`${each.outcome === "failed" ? "FAIL" : "SKIP"} ${each.name}: ${each.reason}`);
      };
      if (backend === "wasm") {
        if (isa !== undefined && isa !== "relaxed-simd") throw new GraphwrightError("usage", `--isa takes relaxed-simd with --backend wasm, not ${isa}.`);
        await runWasm(context, cases, { optimize: modes.optimize, relaxed: isa !== undefined, report });
      } else
        await runCompiled(context, cases, {
          optimize: modes.optimize,
          ...(isa === undefined ? {} : { isa }),
          compiler: options["cc"] as string,
          ...(options["runner"] === undefined ? {} : { runner: options["runner"] as string }),
          ...(options["keep"] === undefined ? {} : { keep: options["keep"] as string }),
          report,
        });
      const count = (outcome: CaseOutcome["outcome"], kind?: CaseOutcome["kind"]): number => outcomes.filter((o) => o.outcome === outcome && (kind === undefined || o.kind === kind)).length;
      if (options["coverage"] !== undefined) writeFileSync(options["coverage"] as string, coverageTable(outcomes, backend));
      if (options["json"]) printJson(context, "backend-test", { backend, optimize: modes.optimize, passed: count("passed"), failed: count("failed"), skipped: count("skipped"), cases: outcomes });
      const floats = outcomes.filter((o) => o.kind === "float").length;
      context.print(`${count("passed")} passed, ${count("failed")} failed, ${count("skipped")} skipped; of ${floats} float cases ${count("passed", "float")} passed`);
      return count("failed") === 0 ? 0 : 1;
    }
    const results: { name: string; folder: string; passed: boolean; reason: string; milliseconds: number }[] = [];
    for (const folder of cases) {
      context.task.check();
      const result = await runCase(context, folder, modes);
      results.push({ name: path.basename(folder), folder, ...result });
      if (!options["json"] && !result.passed) context.print(`FAIL ${path.basename(folder)}: ${result.reason}`);
    }
    const passed = results.filter((r) => r.passed).length;
    const failed = results.length - passed;
    if (options["json"]) printJson(context, "backend-test", { ...modes, passed, failed, cases: results });
    context.print(`${passed} passed, ${failed} failed`);
    return failed === 0 ? 0 : 1;
  },
};
