import { Command, CommanderError } from "commander";
import { CancelledError, createSession, GraphwrightError, formatDiagnostic, type Task } from "@graphwright/compiler-core";
import type { CommandContext } from "./command.ts";
import { commands } from "./commands/index.ts";
import { version } from "../package.json";

// A reader that has seen enough (`| head`) ends the output, not the program.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
});

const task: Task = {
  // Ctrl+C ends the process where it computes: see interrupt.ts.
  check() {},
  progress() {},
  pause: () => new Promise((resolve) => setImmediate(resolve)),
};

async function main(argv: readonly string[]): Promise<number> {
  const context: CommandContext = {
    session: createSession(() => performance.now()),
    task,
    print: (line) => void process.stdout.write(`${line}\n`),
    warn: (line) => void process.stderr.write(`${line}\n`),
  };
  let code = 0;
  const program = new Command("graphwright")
    .description("Inspect, optimize, check and compile machine-learning models.")
    .version(version)
    .showSuggestionAfterError()
    .exitOverride();
  for (const command of commands)
    command
      .declare(program.command(command.name))
      .exitOverride()
      .action(async (...given: unknown[]) => {
        const self = given.at(-1) as Command;
        code = await command.run(context, self.args, self.opts());
      });
  try {
    if (argv.length === 0) program.help();
    await program.parseAsync([...argv], { from: "user" });
    return code;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    if (error instanceof CancelledError) {
      context.warn("graphwright: cancelled");
      return 130;
    }
    if (error instanceof GraphwrightError) {
      context.warn(`graphwright: ${formatDiagnostic(error.diagnostic)}`);
      return error.diagnostic.code === "usage" ? 2 : 1;
    }
    throw error;
  }
}

main(process.argv.slice(2)).then(
  (code) => {
    process.exitCode = code;
  },
  (error: unknown) => {
    process.stderr.write(`graphwright: internal error: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
    process.exitCode = 1;
  },
);
