import { readFileSync } from "node:fs";
import { formatDiagnostic, GraphwrightError, type WrittenProgram } from "@graphwright/compiler-core";
import { collect, printJson, type CliCommand } from "../command.ts";

const emitted = ["program", "c"] as const;
const marks = { satisfied: "ok  ", failed: "fail", unknown: "?   " } as const;

/** Lines of both texts: "-" what went, "+" what came, with what they share between. The texts are short. */
function lineDiff(before: string, after: string): string[] {
  const [a, b] = [before.trimEnd().split("\n"), after.trimEnd().split("\n")];
  // Longest common subsequence, from the end.
  const length = Array.from({ length: a.length + 1 }, () => new Int32Array(b.length + 1));
  for (let i = a.length - 1; i >= 0; i--) for (let j = b.length - 1; j >= 0; j--) length[i]![j] = a[i] === b[j] ? length[i + 1]![j + 1]! + 1 : Math.max(length[i + 1]![j]!, length[i]![j + 1]!);
  const lines: string[] = [];
  let [i, j] = [0, 0];
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && a[i] === b[j]) {
      lines.push(`    ${a[i++]}`);
      j++;
    } else if (i < a.length && (j === b.length || length[i + 1]![j]! >= length[i]![j + 1]!)) lines.push(`  - ${a[i++]}`);
    else lines.push(`  + ${b[j++]}`);
  }
  return lines;
}

function printSteps(steps: WrittenProgram["steps"], print: (line: string) => void): void {
  for (const s of steps) {
    print(`${s.step}: ${s.applies ? s.summary : "does not apply"}`);
    for (const c of s.conditions) print(`  ${marks[c.state]} ${c.doc}${c.detail === undefined ? "" : ` (${c.detail})`}`);
    if (s.applies) for (const line of lineDiff(s.before, s.after)) print(line);
    if (s.check) print(`  check: ${s.check.verdict}${s.check.maxAbs > 0 ? `, largest error ${s.check.maxAbs.toPrecision(3)}` : ""}${s.check.note === "" ? "" : ` (${s.check.note})`}`);
    print("");
  }
}

export const program: CliCommand = {
  name: "program",
  declare: (command) =>
    command
      .description("Reads a tensor program, verifies it, applies steps of a schedule to it, and prints it or its C.")
      .argument("<file>", "the program's text, as the panel Program shows it; - for standard input")
      .option("--apply <step>", 'a step of a schedule, like "split(loop=i, factor=4)": its conditions, what changes in the text and a numerical check; may be repeated', collect)
      .option("--emit <what>", "program: the program after the steps; c: its C", "program")
      .option("--run", "run it on drawn values and print the outputs")
      .option("--seed <n>", "seed of drawn values", "1")
      .option("--json", "print JSON"),
  async run(context, [file], options) {
    const emit = emitted.find((e) => e === options["emit"]);
    if (!emit) throw new GraphwrightError("usage", `--emit takes program or c, not ${JSON.stringify(options["emit"])}.`);
    const seed = Number(options["seed"]);
    if (!Number.isSafeInteger(seed)) throw new GraphwrightError("usage", `--seed takes a whole number, not ${JSON.stringify(options["seed"])}.`);
    let text: string;
    try {
      text = readFileSync(file === "-" ? 0 : file!, "utf8");
    } catch {
      throw new GraphwrightError("no-file", "the program cannot be read.", { file: file! });
    }
    const steps = (options["apply"] as string[] | undefined) ?? [];
    let result: WrittenProgram;
    try {
      result = await context.session.writtenProgram({ text, steps, ...(options["run"] === true ? { run: seed } : {}) }, context.task);
    } catch (error) {
      throw error instanceof GraphwrightError && error.diagnostic.code === "program-syntax" ? error.at({ file: file! }) : error;
    }
    const failed = result.problems.length > 0 || result.steps.some((s) => !s.applies || s.check?.verdict === "different") || typeof result.outputs === "string";
    if (options["json"]) {
      printJson(context, "program", { ...result });
      return failed ? 1 : 0;
    }
    printSteps(result.steps, context.print);
    for (const problem of result.problems) context.warn(`${file!}: ${formatDiagnostic(problem)}`);
    if (result.problems.length > 0) return 1;
    context.print((emit === "c" ? result.source : result.program).trimEnd());
    if (typeof result.outputs === "string") context.warn(`graphwright: it was not run: ${result.outputs}.`);
    else
      for (const output of result.outputs ?? []) {
        const shown = output.sample.slice(0, 16);
        context.print(`output ${output.name}: ${output.type}`);
        context.print(`  [${shown.join(", ")}${output.count > shown.length ? `, … ${output.count} values` : ""}]`);
        if (output.statistics) context.print(`  min ${output.statistics.min}, max ${output.statistics.max}, mean ${output.statistics.mean.toPrecision(6)}`);
      }
    return failed ? 1 : 0;
  },
};
