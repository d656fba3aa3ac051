/**
 * `npm test`: installs and builds what is needed, runs every check, and ends with the line `N passed, N failed`.
 *
 *     npm test -- --only static|unit|e2e     one kind
 *     npm test -- compiler-core/test/ir      unit tests under these paths only
 */
import { mkdirSync, readFileSync, rmSync } from "node:fs";
import { parseArgs } from "node:util";
import { findChromium, findCompiler, isDebianRoot, onPath } from "./find-programs.mjs";
import { inRoot, run, secondsSince } from "./run.mjs";
import { ensureInstalled } from "./setup.mjs";

const kinds = ["static", "unit", "e2e"];
const { values, positionals: paths } = parseArgs({ allowPositionals: true, options: { only: { type: "string" } } });
if (values.only !== undefined && !kinds.includes(values.only)) {
  console.error(`--only takes ${kinds.join(", ")}; it was "${values.only}".`);
  process.exit(2);
}
/** Paths narrow the unit tests and leave the rest out. @param {string} kind */
const wanted = (kind) => (values.only === undefined ? paths.length === 0 || kind === "unit" : values.only === kind);

const total = { passed: 0, failed: 0, skipped: 0 };
const start = performance.now();

await ensureInstalled();
await ensurePrograms();
const bin = (/** @type {string} */ path) => inRoot(`node_modules/${path}`);

const checks = /** @type {[string, string[]][]} */ ([]);
if (wanted("static")) {
  checks.push(["lint", [bin("eslint/bin/eslint.js"), "-c", inRoot("app/tooling/eslint.config.mjs"), "."]]);
  checks.push(["type check", [inRoot("app/tooling/typecheck.mjs")]]);
  checks.push(["layers", [inRoot("app/tooling/layers.mjs")]]);
}
// Journeys run on whatever could be built: one broken target should not hide how the rest does.
if (wanted("e2e")) checks.push(["build", [inRoot("app/tooling/build.mjs")]]);
if (checks.length > 0) await sideBySide(checks);
if (wanted("unit")) {
  await vitest("unit tests", ["--project", "!e2e", "--passWithNoTests=false"], paths);
}
if (wanted("e2e")) {
  await vitest("end-to-end tests", ["--project", "e2e"], paths);
}

console.log(`\nAll stages: ${secondsSince(start)}`);
console.log(`${total.passed} passed, ${total.failed} failed${total.skipped > 0 ? `, ${total.skipped} skipped` : ""}`);
process.exit(total.failed === 0 && total.passed > 0 ? 0 : 1);

/**
 * Checks that count as one test each, two at a time: each of them leaves a core idle for much of its time.
 * @param {[name: string, args: string[]][]} queue
 */
async function sideBySide(queue) {
  headline(queue.map(([name]) => name).join(", "));
  const worker = async () => {
    for (let each = queue.shift(); each !== undefined; each = queue.shift()) {
      const [name, args] = each;
      const began = performance.now();
      const { code, output } = await run(process.execPath, args, { timeoutMs: 300_000 });
      if (code === 0) total.passed++;
      else total.failed++;
      if (output.trim()) console.log(output.trimEnd());
      console.log(`${code === 0 ? "ok  " : "FAIL"} ${name}  ${secondsSince(began)}${code === 124 ? " (time limit)" : ""}`);
    }
  };
  await Promise.all([worker(), worker()]);
}

/** A vitest run; its tests are counted one by one. @param {string} name @param {readonly string[]} args @param {readonly string[]} filters */
async function vitest(name, args, filters) {
  const began = headline(name);
  const report = inRoot(`node_modules/.cache/graphwright/${name.replaceAll(" ", "-")}.json`);
  mkdirSync(inRoot("node_modules/.cache/graphwright"), { recursive: true });
  rmSync(report, { force: true });
  const { code } = await run(
    process.execPath,
    [
      ...[bin("vitest/vitest.mjs"), "run", "--config", inRoot("app/tooling/vitest.config.ts")],
      ...["--reporter=default", "--reporter=json", `--outputFile.json=${report}`, ...args, ...filters],
    ],
    { inherit: true, timeoutMs: 600_000 },
  );
  const counted = countTests(report);
  // A crash, a time limit or an error outside any test fails the run without failing a test.
  if (code !== 0 && counted.failed === 0) {
    console.log(`FAIL ${name}: vitest ended with code ${code}${code === 124 ? " (time limit)" : ""}`);
    counted.failed++;
  }
  total.passed += counted.passed;
  total.failed += counted.failed;
  total.skipped += counted.skipped;
  const skipped = counted.skipped > 0 ? `, ${counted.skipped} skipped` : "";
  console.log(`${counted.failed === 0 ? "ok  " : "FAIL"} ${name}  ${counted.passed} passed, ${counted.failed} failed${skipped}  ${secondsSince(began)}`);
  for (const title of counted.skippedNames) console.log(`     skipped: ${title}`);
}

/** @param {string} report */
function countTests(report) {
  const counted = { passed: 0, failed: 0, skipped: 0, skippedNames: /** @type {string[]} */ ([]) };
  let results;
  try {
    results = JSON.parse(readFileSync(report, "utf8"));
  } catch {
    return counted;
  }
  for (const file of results.testResults) {
    // A file that does not load has no tests to fail.
    if (file.status === "failed" && !file.assertionResults.some((/** @type {{ status: string }} */ each) => each.status === "failed")) counted.failed++;
    for (const { status, fullName } of file.assertionResults) {
      if (status === "passed") counted.passed++;
      else if (status === "failed") counted.failed++;
      else {
        counted.skipped++;
        counted.skippedNames.push(fullName);
      }
    }
  }
  return counted;
}

/** @param {string} name */
function headline(name) {
  console.log(`\n== ${name}`);
  return performance.now();
}

/** Chromium and a C compiler: installed on Debian as root, otherwise named. */
async function ensurePrograms() {
  /** @type {{ packages: string[], missing: boolean }[]} */
  const programs = [
    { packages: ["chromium"], missing: wanted("e2e") && findChromium() === undefined },
    { packages: ["gcc", "libc6-dev", "make"], missing: findCompiler() === undefined || onPath("make") === undefined },
  ];
  const packages = programs.filter(({ missing }) => missing).flatMap((each) => each.packages);
  if (packages.length === 0) return;
  if (!isDebianRoot()) {
    console.log(`Missing: install ${packages.join(", ")} with your system's package manager; tests that need them are ${process.env["CI"] ? "failed" : "skipped"}.`);
    return;
  }
  console.log(`Installing ${packages.join(", ")} with apt-get ...`);
  const env = { DEBIAN_FRONTEND: "noninteractive" };
  const update = await run("apt-get", ["-qq", "update"], { env, timeoutMs: 180_000 });
  const install = await run("apt-get", ["-qq", "install", "-y", "--no-install-recommends", ...packages], { env, timeoutMs: 420_000 });
  if (install.code !== 0) {
    console.log(`apt-get failed (${update.code}, ${install.code}): ${install.output.trim().split("\n").slice(-3).join(" | ")}`);
  }
}
