/**
 * Tests that need something of the machine. In CI (`CI` is set) such a test fails when the thing is missing; elsewhere it
 * is skipped, and its name says why.
 *
 *     import { needs } from "../../app/tooling/need.ts";
 *     const test = needs("gcc", "shared");
 *     test("the bundle compiles", async () => { ... });
 */
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { test, type TestAPI } from "vitest";
import { findChromium, findCompiler, findElectron, onPath } from "./find-programs.mjs";
import { inRoot, root } from "./run.mjs";

/** The folder of shared test data: `GRAPHWRIGHT_SHARED`, or `../shared` beside the repository. */
export const sharedFolder = (): string => process.env["GRAPHWRIGHT_SHARED"] || resolve(root, "../shared");

const things = {
  gcc: { present: () => findCompiler() !== undefined, hint: "install gcc" },
  make: { present: () => onPath("make") !== undefined, hint: "install make" },
  clang: { present: () => onPath("clang") !== undefined, hint: "install clang" },
  "aarch64-linux-gnu-gcc": { present: () => onPath("aarch64-linux-gnu-gcc") !== undefined, hint: "install gcc-aarch64-linux-gnu" },
  "qemu-aarch64-static": { present: () => onPath("qemu-aarch64-static") !== undefined, hint: "install qemu-user-static" },
  chromium: { present: () => findChromium() !== undefined, hint: "install chromium, or set CHROMIUM to its path" },
  electron: { present: () => findElectron() !== undefined, hint: "set ELECTRON_OVERRIDE_DIST_PATH to a folder with Electron" },
  shared: {
    present: () => existsSync(resolve(sharedFolder(), "onnx-backend")),
    hint: "put the shared test data beside the repository, or set GRAPHWRIGHT_SHARED",
  },
  example: { present: () => existsSync(inRoot("examples/digits")), hint: "examples/digits belongs to the repository" },
} as const;

export type Thing = keyof typeof things;
/** Electron's binary comes from outside the package registry, other compilers and emulators are extra: their absence fails nowhere. */
const neverRequired: readonly Thing[] = ["electron", "clang", "aarch64-linux-gnu-gcc", "qemu-aarch64-static"];

export const has = (thing: Thing): boolean => things[thing].present();

/** vitest's `test`, for tests that need these things. */
export function needs(...needed: readonly Thing[]): TestAPI {
  const missing = needed.filter((thing) => !has(thing));
  if (missing.length === 0) return test;
  const required = missing.filter((thing) => !neverRequired.includes(thing));
  const why = missing.map((thing) => `needs ${thing}: ${things[thing].hint}`).join("; ");
  if (process.env["CI"] && required.length > 0) {
    const failing = (name: string): void => test(name, () => Promise.reject(new Error(why)));
    return Object.assign(failing, { each: () => failing, for: () => failing, skip: test.skip, only: failing }) as unknown as TestAPI;
  }
  const skipping = (name: string): void => test.skip(`${name} (${why})`, () => undefined);
  return Object.assign(skipping, { each: () => skipping, for: () => skipping, skip: skipping, only: skipping }) as unknown as TestAPI;
}
