import { fileURLToPath } from "node:url";
import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

export default defineConfig({
  root: here("."),
  // The same build is served from http://127.0.0.1, from app:// and from any static folder.
  base: "./",
  plugins: [react()],
  worker: { format: "es" },
  build: {
    outDir: here("dist"),
    emptyOutDir: true,
    target: "es2023",
    // The content security policy allows neither inline scripts nor data: fonts and workers.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    sourcemap: false,
    // Monaco is one lazily loaded chunk of about 3 MB.
    chunkSizeWarningLimit: 4000,
  },
});
