import type { Command } from "commander";
import type { SessionApi, Task } from "@graphwright/compiler-core";

/** What a command gets besides its arguments. */
export interface CommandContext {
  readonly session: SessionApi;
  readonly task: Task;
  /** writes a line to standard output */
  print(line: string): void;
  /** writes a line to standard error */
  warn(line: string): void;
}

/** One subcommand. Exit codes: 0 done, 1 the model or a check failed, 2 wrong usage. */
export interface CliCommand {
  readonly name: string;
  /** Declares arguments and options on `command`; `run` gets what it declared. */
  readonly declare: (command: Command) => Command;
  /** Gives the exit code. */
  readonly run: (context: CommandContext, args: readonly string[], options: Readonly<Record<string, unknown>>) => Promise<number>;
}

/** Increases when a field of any command's JSON changes its meaning or goes away. */
export const jsonVersion = 1;

/** JSON as every command prints it: versioned, two spaces, infinities and not-a-numbers as strings. */
export const printJson = (context: CommandContext, command: string, body: Readonly<Record<string, unknown>>): void => context.print(jsonText(command, body));

export function jsonText(command: string, body: object): string {
  const safe = (_: string, value: unknown): unknown => {
    if (typeof value === "number" && !Number.isFinite(value)) return `${value}`;
    if (typeof value === "bigint") return `${value}`;
    return value;
  };
  return JSON.stringify({ graphwright: jsonVersion, command, ...body }, safe, 2);
}

/** "N=1,length=128", or the option given once for each. */
export const joined = (value: string, before: string | undefined): string => (before === undefined ? value : `${before},${value}`);
/** Values of an option that may be repeated, in order. */
export const collect = (value: string, before: string[] | undefined): string[] => [...(before ?? []), value];
