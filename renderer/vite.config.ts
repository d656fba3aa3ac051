import { readFile, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import react from "@vitejs/plugin-react";
import { defineConfig, type Plugin } from "vite";

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

/** The assembler asks for Node's modules only where it finds itself in Node. */
const quietly = {
  onLog(level: "info" | "debug" | "warn", log: { readonly message: string }, report: (level: "info" | "debug" | "warn", log: { readonly message: string }) => void): void {
    if (!/"node:module" has been externalized.*binaryen/.test(log.message)) report(level, log);
  },
};

/**
 * V8 compiles functions when they are first called, on the thread that calls: opening a model would wait for thousands. With this
 * comment at its head a file is compiled whole, on a thread of the browser's, while it is loaded.
 */
const compiledWhileLoading = "//# allFunctionsCalledOnLoad\n";
const isCompiled = (file: string): boolean => file.endsWith(".js") && !/binaryen/.test(file);
/** On disk: while the bundle is made, the addresses of what is loaded on demand are still being written into it. */
const compileWhileLoading: Plugin = {
  name: "compile-while-loading",
  async writeBundle({ dir }, files) {
    for (const file of Object.keys(files).filter(isCompiled)) {
      const path = `${dir}/${file}`;
      const code = await readFile(path, "utf8");
      if (!code.startsWith(compiledWhileLoading)) await writeFile(path, compiledWhileLoading + code);
    }
  },
};

export default defineConfig({
  root: here("."),
  // The same build is served from http://127.0.0.1, from app:// and from any static folder.
  base: "./",
  plugins: [react(), compileWhileLoading],
  worker: { format: "es", rolldownOptions: quietly },
  build: {
    outDir: here("dist"),
    emptyOutDir: true,
    target: "es2023",
    // The content security policy allows neither inline scripts nor data: fonts and workers.
    assetsInlineLimit: 0,
    rolldownOptions: quietly,
    modulePreload: { polyfill: false },
    sourcemap: false,
    // Loaded on demand: Monaco, about 3 MB, and the WebAssembly assembler, about 15 MB.
    chunkSizeWarningLimit: 16000,
  },
});
