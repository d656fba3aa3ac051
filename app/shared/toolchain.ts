/** Runs the C toolchain on an exported bundle: `make`, then its self-test. */
import { spawn } from "node:child_process";
import { existsSync, statSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import type { HostCapabilities, ToolchainEvent, ToolchainResult } from "./host-protocol.ts";

/** Builds and tests the bundle in `folder`. Resolves also on failure; rejects only for defects. */
export type ToolchainRunner = (
  folder: string,
  emit: (event: ToolchainEvent) => void,
  signal: AbortSignal,
) => Promise<ToolchainResult>;

/** Where a bundle's Makefile may leave the self-test. */
const selfTests = ["selftest", "selftest/selftest", "build/selftest"];
/** A compiler in trouble can print without end. */
const outputLimit = 2_000_000;

/** `make` and a C compiler, or undefined. The compiler is `$CC`, as make would take it, or `cc`. */
export async function findToolchain(): Promise<HostCapabilities["toolchain"]> {
  const [found, make] = await Promise.all([findCompiler(), firstLine("make", ["--version"])]);
  return make === undefined ? undefined : found;
}

export async function findCompiler(): Promise<HostCapabilities["toolchain"]> {
  const compiler = process.env["CC"] || "cc";
  const version = await firstLine(compiler, ["--version"]);
  return version === undefined ? undefined : { compiler, version };
}

function firstLine(command: string, args: readonly string[]): Promise<string | undefined> {
  return new Promise((done) => {
    const child = spawn(command, args, { stdio: ["ignore", "pipe", "ignore"], timeout: 5000 });
    let output = "";
    child.stdout.on("data", (chunk: Buffer) => (output += chunk.toString()));
    child.once("error", () => done(undefined));
    child.once("close", (code) => done(code === 0 ? (output.split("\n", 1)[0] ?? "") : undefined));
  });
}

export const runToolchain: ToolchainRunner = async (folder, emit, signal) => {
  const cancelled = { ok: false, cancelled: true, message: "Cancelled." };
  const isFile = (path: string): boolean => existsSync(path) && statSync(path).isFile();
  const findSelfTest = (): string | undefined => selfTests.find((name) => isFile(join(folder, name)));
  const step = async (command: string, args: readonly string[]): Promise<ToolchainResult | undefined> => {
    if (signal.aborted) return cancelled;
    const shown = [command, ...args].join(" ");
    emit({ type: "command", command: shown });
    const exit = await runCommand(folder, command, args, emit, signal);
    emit({ type: "exit", command: shown, code: exit.code, signal: exit.signal });
    if (signal.aborted) return cancelled;
    if (exit.code === 0) return undefined;
    const how = exit.error ?? (exit.signal ? `was ended by ${exit.signal}` : `ended with code ${exit.code}`);
    return { ok: false, cancelled: false, message: `${shown} ${how}.` };
  };

  if (!isFile(join(folder, "Makefile"))) return { ok: false, cancelled: false, message: `There is no Makefile in ${folder}.` };
  const jobs = `-j${availableParallelism()}`;
  const built = await step("make", [jobs]);
  if (built) return built;
  if (!findSelfTest()) {
    const test = await step("make", [jobs, "selftest"]);
    if (test) return test;
  }
  const program = findSelfTest();
  if (!program) return { ok: false, cancelled: false, message: `make built none of ${selfTests.join(", ")}.` };
  return (await step(`./${program}`, [])) ?? { ok: true, cancelled: false, message: "The self-test passed." };
};

interface Exit {
  readonly code: number | null;
  readonly signal: string | null;
  readonly error?: string;
}

function runCommand(
  folder: string,
  command: string,
  args: readonly string[],
  emit: (event: ToolchainEvent) => void,
  signal: AbortSignal,
): Promise<Exit> {
  return new Promise((done) => {
    const ownGroup = process.platform !== "win32";
    const child = spawn(command, args, { cwd: folder, stdio: ["ignore", "pipe", "pipe"], detached: ownGroup });
    let printed = 0;
    const forward = (stream: "stdout" | "stderr") => (text: string) => {
      if (printed > outputLimit) return;
      printed += text.length;
      emit({ type: "output", stream, text: printed > outputLimit ? `${text}\n(the rest of the output is not shown)\n` : text });
    };
    child.stdout.setEncoding("utf8").on("data", forward("stdout"));
    child.stderr.setEncoding("utf8").on("data", forward("stderr"));
    const kill = (): void => {
      if (child.pid === undefined || child.exitCode !== null) return;
      // make's compilers too, hence the group.
      try {
        if (ownGroup) process.kill(-child.pid, "SIGKILL");
        else child.kill("SIGKILL");
      } catch {
        // It ended by itself.
      }
    };
    const finish = (exit: Exit): void => {
      signal.removeEventListener("abort", kill);
      process.off("exit", kill);
      done(exit);
    };
    signal.addEventListener("abort", kill, { once: true });
    process.once("exit", kill);
    child.once("error", (error) => finish({ code: null, signal: null, error: `could not start: ${error.message}` }));
    child.once("close", (code, by) => finish({ code, signal: by }));
  });
}
