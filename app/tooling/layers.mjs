/**
 * Checks the layer rules with dependency-cruiser: first on layers-canary/, where every rule must be broken and nothing
 * named allowed-* may be reported, then on the repository. `npm run layers`
 */
import { existsSync } from "node:fs";
import { cruise } from "dependency-cruiser";
import { rules } from "./layers-rules.mjs";
import { inRoot, root, secondsSince } from "./run.mjs";

const folders = ["compiler-core/src", "picture/src", "renderer/src", "renderer/test", "app", "e2e"];

/**
 * @param {string} baseDir
 * @param {string} exclude
 */
async function violations(baseDir, exclude) {
  const present = folders.filter((folder) => existsSync(`${baseDir}/${folder}`));
  const { output } = await cruise(
    present,
    {
      baseDir,
      ruleSet: { forbidden: rules },
      validate: true,
      // "specify" tells imports of types from imports that exist at run time.
      tsPreCompilationDeps: "specify",
      // A function that is called require is no CommonJS here.
      moduleSystems: ["es6"],
      doNotFollow: { path: "node_modules" },
      exclude: { path: exclude },
      enhancedResolveOptions: { exportsFields: ["exports"], conditionNames: ["import", "types", "default"] },
    },
  );
  if (typeof output === "string") throw new Error("dependency-cruiser returned text where a result was expected");
  return output.summary;
}

const start = performance.now();
const canary = await violations(inRoot("app/tooling/layers-canary"), "^$");
const broken = new Set(canary.violations.map((violation) => violation.rule.name));
const silent = rules.map((rule) => rule.name ?? "").filter((name) => !broken.has(name));
console.log(`canary: ${broken.size} of ${rules.length} rules broken, as they should be`);
for (const name of silent) console.log(`FAIL rule ${name} did not notice its violation in app/tooling/layers-canary`);
const overzealous = canary.violations.filter((violation) => violation.from.includes("/allowed-"));
for (const { rule, from } of overzealous) console.log(`FAIL rule ${rule.name} forbids ${from}, which is allowed`);

const actual = await violations(root.replace(/[/\\]$/, ""), "(^|/)(dist|node_modules/\\.|layers-canary|results)(/|$)");
for (const violation of actual.violations) {
  const via = violation.cycle?.map((step) => step.name).join(" -> ") ?? violation.to;
  const rule = rules.find((candidate) => candidate.name === violation.rule.name);
  console.log(`FAIL ${violation.rule.name}: ${violation.from} -> ${via}\n     ${rule?.comment ?? ""}`);
}
console.log(
  `${actual.totalCruised} modules, ${actual.totalDependenciesCruised ?? 0} imports, ` +
    `${actual.violations.length} violations, ${secondsSince(start)}`,
);
process.exit(silent.length + overzealous.length + actual.violations.length === 0 ? 0 : 1);
