/** Unit tests of every workspace, and the end-to-end journeys as a project of their own. */
import { availableParallelism } from "node:os";
import { configDefaults, defineConfig } from "vitest/config";
import { inRoot, root } from "./run.mjs";

const project = (name: string, include: string[], more: object = {}) => ({
  root,
  test: {
    name,
    include,
    exclude: [...configDefaults.exclude, "app/tooling/layers-canary/**"],
    testTimeout: 30_000,
    hookTimeout: 60_000,
    ...more,
  },
});

export default defineConfig({
  root,
  test: {
    // Two cores are the smallest machine this runs on; more are used where they are. By itself vitest leaves one of them idle.
    maxWorkers: Math.min(Math.max(availableParallelism(), 2), 4),
    projects: [
      // The compiler keeps no state of its own between tests: its modules are loaded once a worker, not once a file.
      project("compiler-core", ["compiler-core/test/**/*.test.ts"], { isolate: false }),
      project("renderer", ["renderer/test/**/*.test.{ts,tsx}"]),
      project("app", ["app/test/**/*.test.ts"], { alias: { electron: inRoot("app/test/electron-stub.ts") } }),
      project("e2e", ["e2e/browser/**/*.test.ts", "e2e/electron/**/*.test.ts"], {
        testTimeout: 360_000,
        hookTimeout: 120_000,
        fileParallelism: false,
        // A window on a busy machine takes its time; a journey that fails only waits longer.
        expect: { poll: { timeout: 20_000 } },
      }),
    ],
  },
});
