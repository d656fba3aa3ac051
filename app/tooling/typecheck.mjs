/** Type checks every runtime with its own narrow tsconfig, two at a time. `npm run typecheck [-- name...]` */
import { existsSync, readdirSync } from "node:fs";
import { inRoot, run, secondsSince } from "./run.mjs";

const projects = [
  "compiler-core",
  "compiler-core/test",
  "compiler-core/bench",
  "picture",
  "renderer",
  "renderer/src/worker",
  "renderer/test",
  "renderer/bench",
  "app",
  "app/electron/main",
  "app/electron/preload",
  "app/test",
  "e2e",
];
/** Folders that hold a project's sources where they are not the project's own. @type {Record<string, string>} */
const sources = { "compiler-core": "compiler-core/src", picture: "picture/src", renderer: "renderer/src" };

/** @param {string} folder @returns {boolean} */
const hasTypeScript = (folder) =>
  existsSync(inRoot(folder)) &&
  readdirSync(inRoot(folder), { recursive: true, encoding: "utf8" }).some((name) => /\.tsx?$/.test(name));

const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => !projects.includes(name));
if (unknown.length > 0) {
  console.error(`No such project: ${unknown.join(", ")}. Projects: ${projects.join(", ")}`);
  process.exit(2);
}
const present = projects.filter((name) => existsSync(inRoot(`${name}/tsconfig.json`)) && hasTypeScript(sources[name] ?? name));
const queue = wanted.length > 0 ? present.filter((name) => wanted.includes(name)) : [...present];
let failed = 0;

async function worker() {
  for (let name = queue.shift(); name !== undefined; name = queue.shift()) {
    const start = performance.now();
    // The native compiler is several times as fast; linters need the API of the one in JavaScript.
    const { code, output } = await run(process.execPath, [inRoot("node_modules/typescript-native/bin/tsc"), ...["-p", inRoot(`${name}/tsconfig.json`), "--noEmit", "--pretty", "false"]]);
    if (code !== 0) failed++;
    console.log(`${code === 0 ? "ok  " : "FAIL"} ${name}  ${secondsSince(start)}`);
    if (output.trim()) console.log(output.trimEnd());
  }
}

await Promise.all([worker(), worker()]);
for (const name of projects) if (!present.includes(name)) console.log(`--   ${name}  (no sources yet)`);
process.exit(failed === 0 ? 0 : 1);
