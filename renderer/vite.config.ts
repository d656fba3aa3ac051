import { fileURLToPath } from "node:url";
import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

/** The assembler asks for Node's modules only where it finds itself in Node. */
const quietly = {
  onLog(level: "info" | "debug" | "warn", log: { readonly message: string }, report: (level: "info" | "debug" | "warn", log: { readonly message: string }) => void): void {
    if (!/"node:module" has been externalized.*binaryen/.test(log.message)) report(level, log);
  },
};

export default defineConfig({
  root: here("."),
  // The same build is served from http://127.0.0.1, from app:// and from any static folder.
  base: "./",
  plugins: [react()],
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
