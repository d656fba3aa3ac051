#!/usr/bin/env node
/** The `graphwright` command. In a source tree it builds itself first when the sources changed. */
import { existsSync } from "node:fs";

const bundle = new URL("../dist/cli.mjs", import.meta.url);
if (existsSync(new URL("../cli/main.ts", import.meta.url))) {
  const { isFresh, targetNamed } = await import("../tooling/build-targets.mjs");
  if (!isFresh(targetNamed("command line"))) {
    const { ensureInstalled } = await import("../tooling/setup.mjs");
    await ensureInstalled();
    const { buildAll } = await import("../tooling/build.mjs");
    try {
      await buildAll({ only: ["command line"], quiet: true });
    } catch (error) {
      console.error(error instanceof Error ? error.message : String(error));
      process.exit(1);
    }
  }
}
if (!existsSync(bundle)) {
  console.error("The command line is not built, and its sources are not here.");
  process.exit(1);
}
await import(bundle.href);
