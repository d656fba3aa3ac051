// Writes docs/operators.md. Usage: npm run docs:operators
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { operatorsPage } from "./operators-page.mjs";
import { inRoot } from "./run.mjs";

const { status, stdout, stderr } = spawnSync(process.execPath, [inRoot("app/bin/graphwright.mjs"), "ops", "--json"], { encoding: "utf8", maxBuffer: 1 << 26 });
if (status !== 0) {
  console.error(stderr);
  process.exit(1);
}
const { operators } = JSON.parse(stdout.slice(stdout.indexOf("{")));
writeFileSync(inRoot("docs/operators.md"), operatorsPage(operators));
console.log(`docs/operators.md: ${operators.length} operators`);
