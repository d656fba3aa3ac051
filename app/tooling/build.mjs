/** Builds what changed. `npm run build`; the functions are used by start, test and the command line. */
import { existsSync } from "node:fs";
import { basename, dirname } from "node:path";
import { pathToFileURL } from "node:url";
import { stripVTControlCharacters } from "node:util";
import { isFresh, sourceHash, stampFresh, targets } from "./build-targets.mjs";
import { inRoot, secondsSince } from "./run.mjs";

/** @typedef {import("./build-targets.mjs").Target} Target */

/**
 * Builds the targets whose sources changed. When some fail, the others are built and the error names the failed ones.
 * @param {{ only?: readonly string[], quiet?: boolean }} [options] quiet: progress goes to stderr, and only when building
 */
export async function buildAll({ only, quiet = false } = {}) {
  const say = quiet ? console.error : console.log;
  /** @type {string[]} */
  const failures = [];
  for (const target of targets) {
    if (only && !only.includes(target.name)) continue;
    if (!existsSync(inRoot(target.entry))) {
      if (!quiet) say(`skipped ${target.name}: ${target.entry} does not exist`);
      continue;
    }
    const hash = sourceHash(target);
    if (isFresh(target, hash)) continue;
    const start = performance.now();
    try {
      await build(target);
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      failures.push(`Building ${target.name} failed: ${process.stderr.isTTY ? message : stripVTControlCharacters(message)}`);
      continue;
    }
    stampFresh(target, hash);
    say(`built ${target.name} in ${secondsSince(start)}`);
  }
  if (failures.length > 0) throw new Error(failures.join("\n"));
}

/** @param {Target} target */
async function build(target) {
  const vite = await import("vite");
  if (target.kind === "renderer") {
    await vite.build({ root: inRoot("renderer"), configFile: inRoot("renderer/vite.config.ts"), logLevel: "warn" });
    return;
  }
  const preload = target.kind === "preload";
  await vite.build({
    configFile: false,
    root: inRoot("app"),
    logLevel: "warn",
    // Everything but Electron and Node is in the output: the packaged program carries no node_modules.
    ssr: { noExternal: true, external: ["electron"], target: "node" },
    build: {
      ssr: inRoot(target.entry),
      outDir: dirname(inRoot(target.output)),
      emptyOutDir: false,
      target: "node20",
      sourcemap: !preload,
      minify: false,
      rolldownOptions: {
        external: ["electron"],
        output: {
          format: preload ? "cjs" : "es",
          entryFileNames: basename(target.output),
          // What is imported on demand lies apart, so that starting does not read it.
          ...(preload ? { codeSplitting: false } : { chunkFileNames: `chunks/${target.name.replaceAll(" ", "-")}-[name].mjs` }),
        },
      },
    },
  });
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const { ensureInstalled } = await import("./setup.mjs");
  await ensureInstalled();
  await buildAll().catch((error) => {
    console.error(error.message);
    process.exit(1);
  });
}
