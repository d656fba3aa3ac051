// Runs a TypeScript script of this repository: node app/tooling/run-script.mjs e2e/pictures.ts
import path from "node:path";
import { runnerImport } from "vite";
import { root } from "./run.mjs";

const [script] = process.argv.slice(2);
if (!script) {
  console.error("give the path of a script");
  process.exit(2);
}
await runnerImport(path.resolve(root, script), { root, configFile: false });
