// Writes docs/rewrites.md. Usage: npm run docs:rewrites
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { rewritesPage } from "./rewrites-page.mjs";
import { inRoot } from "./run.mjs";

const { status, stdout, stderr } = spawnSync(process.execPath, [inRoot("app/bin/graphwright.mjs"), "passes", "--json"], { encoding: "utf8", maxBuffer: 1 << 26 });
if (status !== 0) {
  console.error(stderr);
  process.exit(1);
}
const catalog = JSON.parse(stdout.slice(stdout.indexOf("{")));
writeFileSync(inRoot("docs/rewrites.md"), rewritesPage(catalog));
console.log(`docs/rewrites.md: ${catalog.rewrites.length} rewrites`);
