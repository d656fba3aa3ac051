/** Bundles a bench script and runs it: node renderer/bench/run.mjs layout */
import { fileURLToPath, pathToFileURL } from "node:url";
import { build } from "vite";

const name = process.argv[2] ?? "layout";
const here = (path) => fileURLToPath(new URL(path, import.meta.url));
await build({
  configFile: false,
  logLevel: "error",
  root: here("."),
  build: {
    ssr: here(`./${name}.ts`),
    outDir: here("../../dist/bench"),
    emptyOutDir: false,
    target: "node20",
    rolldownOptions: { output: { entryFileNames: `${name}.mjs` } },
  },
});
const { main } = await import(pathToFileURL(here(`../../dist/bench/${name}.mjs`)).href);
await main();
