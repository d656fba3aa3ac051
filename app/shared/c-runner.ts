/** Compiles a C source and runs the program: how the tuner measures kernels. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";

/** A program prints a few lines for each variant. */
const outputLimit = 4_000_000;
/** Longer than any trial takes: a compiler or a program in trouble is ended. */
const timeLimit = 180_000;

export interface CRunResult {
  readonly ok: boolean;
  /** what the program printed, or why it could not: the compiler's messages */
  readonly text: string;
}

export const processorName = (): string => cpus()[0]?.model.trim() || process.arch;

/** Compiles `source` with `flags` in a folder of its own, runs the program, and removes the folder. An abort ends both. */
export async function runC(compiler: string, flags: readonly string[], source: string, signal: AbortSignal): Promise<CRunResult> {
  const folder = await mkdtemp(join(tmpdir(), "graphwright-tune-"));
  try {
    await writeFile(join(folder, "trial.c"), source);
    const program = join(folder, "trial");
    const compiled = await command(compiler, [...flags, "-o", program, join(folder, "trial.c"), "-lm"], signal);
    if (compiled.code !== 0) return { ok: false, text: `${compiler} ${compiled.how}: ${compiled.errors.trim().slice(0, 2000)}` };
    const ran = await command(program, [], signal);
    return ran.code === 0 ? { ok: true, text: ran.output } : { ok: false, text: `the measuring program ${ran.how}. ${ran.errors.trim().slice(0, 500)}` };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function command(file: string, args: readonly string[], signal: AbortSignal): Promise<{ code: number | null; how: string; output: string; errors: string }> {
  return new Promise((done) => {
    let [output, errors] = ["", ""];
    const child: ChildProcess = spawn(file, args, { stdio: ["ignore", "pipe", "pipe"], timeout: timeLimit, killSignal: "SIGKILL", signal });
    child.stdout!.setEncoding("utf8").on("data", (text: string) => (output.length < outputLimit ? (output += text) : 0));
    child.stderr!.setEncoding("utf8").on("data", (text: string) => (errors.length < outputLimit ? (errors += text) : 0));
    const kill = (): void => void child.kill("SIGKILL");
    process.once("exit", kill);
    const finish = (code: number | null, how: string): void => {
      process.off("exit", kill);
      done({ code, how, output, errors });
    };
    child.once("error", (error) => finish(null, `could not be run (${error.message})`));
    child.once("close", (code, by) => finish(code, by ? `was ended by ${by}` : `ended with code ${code}`));
  });
}
