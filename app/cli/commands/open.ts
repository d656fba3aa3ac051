import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { GraphwrightError } from "@graphwright/compiler-core";
import type { CliCommand } from "../command.ts";

export const open: CliCommand = {
  name: "open",
  declare: (command) => command.description("Opens the IDE, with a model if one is given.").argument("[model]", "model file"),
  async run(_context, [file]) {
    if (file !== undefined && !existsSync(file)) throw new GraphwrightError("no-file", "there is no such file.", { file });
    const start = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../tooling/start.mjs");
    return new Promise<number>((resolve, reject) => {
      const child = spawn(process.execPath, file === undefined ? [start] : [start, path.resolve(file)], { stdio: "inherit" });
      child.on("error", reject);
      child.on("exit", (code) => resolve(code ?? 1));
    });
  },
};
