/** What is built, from which sources, and whether it is up to date. Uses Node's own modules only. */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { inRoot } from "./run.mjs";

/**
 * @typedef {object} Target
 * @property {string} name
 * @property {string} entry   source file; a target whose entry does not exist is skipped
 * @property {string} output  file that must exist afterwards
 * @property {readonly string[]} sources  folders and files whose contents decide whether to build again
 * @property {"renderer" | "node" | "preload"} kind
 */

/** @type {readonly Target[]} */
export const targets = [
  {
    name: "renderer",
    entry: "renderer/src/main.tsx",
    output: "renderer/dist/index.html",
    sources: ["renderer", "picture/src", "compiler-core/src", "compiler-core/package.json", "app/shared"],
    kind: "renderer",
  },
  {
    name: "command line",
    entry: "app/cli/main.ts",
    output: "app/dist/cli.mjs",
    sources: ["app/cli", "app/shared", "app/package.json", "picture/src", "compiler-core/src", "compiler-core/package.json"],
    kind: "node",
  },
  {
    name: "browser host",
    entry: "app/browser/server.ts",
    output: "app/dist/browser.mjs",
    sources: ["app/browser", "app/shared", "app/package.json"],
    kind: "node",
  },
  {
    name: "electron main",
    entry: "app/electron/main/index.ts",
    output: "app/dist/electron/main.mjs",
    sources: ["app/electron/main", "app/shared", "app/package.json"],
    kind: "node",
  },
  {
    name: "electron toolchain",
    entry: "app/electron/main/toolchain-entry.ts",
    output: "app/dist/electron/toolchain.mjs",
    sources: ["app/electron/main", "app/shared", "app/package.json"],
    kind: "node",
  },
  {
    name: "electron preload",
    entry: "app/electron/preload/index.ts",
    output: "app/dist/electron/preload.cjs",
    sources: ["app/electron/preload", "app/shared", "app/package.json"],
    kind: "preload",
  },
];

/** What a window needs; the command line builds itself when it is first used. */
export const windowTargets = targets.filter(({ name }) => name !== "command line").map(({ name }) => name);

const skipped = new Set(["node_modules", "dist", "test", ".cache"]);
const common = ["package-lock.json", "app/tooling/build.mjs", "app/tooling/build-targets.mjs"];

/** Hash over names and contents of a target's sources. @param {Target} target */
export function sourceHash(target) {
  const hash = createHash("sha256");
  /** @param {string} path */
  const add = (path) => {
    const absolute = inRoot(path);
    if (!existsSync(absolute)) return;
    if (statSync(absolute).isDirectory()) {
      for (const name of readdirSync(absolute).sort()) if (!skipped.has(name)) add(`${path}/${name}`);
    } else {
      hash.update(`${path}\0`).update(readFileSync(absolute)).update("\0");
    }
  };
  for (const path of [...common, ...target.sources]) add(path);
  return hash.digest("hex");
}

/** @param {Target} target */
const stampFile = (target) => inRoot(`app/dist/.stamps/${target.name.replaceAll(" ", "-")}`);

/** @param {Target} target @param {string} [hash] */
export function isFresh(target, hash = sourceHash(target)) {
  const stamp = stampFile(target);
  return existsSync(inRoot(target.output)) && existsSync(stamp) && readFileSync(stamp, "utf8") === hash;
}

/** @param {Target} target @param {string} hash */
export function stampFresh(target, hash) {
  mkdirSync(inRoot("app/dist/.stamps"), { recursive: true });
  writeFileSync(stampFile(target), hash);
}

/** @param {string} name @returns {Target} */
export function targetNamed(name) {
  const target = targets.find((candidate) => candidate.name === name);
  if (!target) throw new Error(`No build target "${name}"; there are: ${targets.map((each) => each.name).join(", ")}`);
  return target;
}
