import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import path from "node:path";
import { formatDiagnostic, GraphwrightError, type BackendCase } from "@graphwright/compiler-core";
import { printJson, type CliCommand, type CommandContext } from "../command.ts";
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

export const backendTest: CliCommand = {
  name: "backend-test",
  declare: (command) =>
    command
      .description("Runs test cases in the onnx project's layout: model.onnx, test_data_set_*/input_*.pb, output_*.pb.")
      .argument("<folders...>", "folders of cases, or single cases")
      .option("--roundtrip", "run each case after export and import")
      .option("--optimize", "run each case after the default pipeline")
      .option("--filter <text>", "only cases whose name contains this")
      .option("--json", "print JSON"),
  async run(context, folders, options) {
    const filter = options["filter"] as string | undefined;
    const modes = { roundtrip: options["roundtrip"] === true, optimize: options["optimize"] === true };
    const cases = folders.flatMap((folder) => casesIn(folder)).filter((folder) => filter === undefined || path.basename(folder).includes(filter));
    if (cases.length === 0) throw new GraphwrightError("usage", "these folders hold no case (no model.onnx in them or directly below).");
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
