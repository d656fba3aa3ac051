/** Installs the dependencies when they are missing or not those of package-lock.json. Uses Node's own modules only. */
import { createHash } from "node:crypto";
import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { inRoot, run } from "./run.mjs";

const lockfile = inRoot("package-lock.json");
const stamp = inRoot("node_modules/.graphwright-lock");
/** npm writes this file at the end of every install. */
const installed = inRoot("node_modules/.package-lock.json");

/** Ends the program with a message when the installation fails. */
export async function ensureInstalled() {
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
  if (major < 20 || (major === 20 && minor < 19)) {
    console.error(`Node ${process.versions.node} is too old: Graphwright needs 20.19 or later (https://nodejs.org).`);
    process.exit(1);
  }
  const wanted = createHash("sha256").update(readFileSync(lockfile)).digest("hex");
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === wanted) return;
  // Somebody ran npm by hand since the lockfile changed: nothing to do either.
  const upToDate = existsSync(installed) && statSync(installed).mtimeMs >= statSync(lockfile).mtimeMs;
  if (!upToDate) {
    console.log("Installing dependencies (npm ci) ...");
    const npm = process.env["npm_execpath"];
    const [command, args] = npm?.endsWith("js") ? [process.execPath, [npm]] : ["npm", []];
    const { code } = await run(command, [...args, "ci", "--no-audit", "--no-fund", "--loglevel=error"], { inherit: true });
    if (code !== 0) {
      console.error(`npm ci failed with code ${code}; its messages are above. Nothing was started.`);
      process.exit(1);
    }
  }
  writeFileSync(stamp, wanted);
}
