// Bundles a benchmark (compiler-core/bench/<name>.ts or renderer/bench/<name>.ts) and runs it in a fresh process, so that it measures
// the code as it ships and nothing of a test runner. Usage: node app/tooling/bench.mjs NAME [ARG ...]
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "vite";

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../..");
const [name, ...rest] = process.argv.slice(2);
const entry = ["compiler-core", "renderer", "app", "e2e"].map((w) => path.join(root, w, "bench", `${name}.ts`)).find(existsSync);
if (!entry) {
  console.error(`no benchmark ${name ?? ""}: give the name of a file in compiler-core/bench, renderer/bench or app/bench`);
  process.exit(2);
}
const outDir = path.join(root, "node_modules/.cache/bench", name);
await build({
  configFile: false,
  logLevel: "error",
  root,
  build: { ssr: entry, outDir, emptyOutDir: true, target: "node20", minify: false, rollupOptions: { output: { entryFileNames: `${name}.mjs` } } },
  ssr: { external: ["onnxruntime-node"], noExternal: [/^@graphwright\//] },
});
const result = spawnSync(process.execPath, ["--expose-gc", "--max-old-space-size=8192", path.join(outDir, `${name}.mjs`), ...rest], { stdio: "inherit", cwd: root });
process.exit(result.status ?? 1);
