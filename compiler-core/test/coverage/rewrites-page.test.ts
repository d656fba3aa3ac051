import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { rewritesPage, rows } from "../../../app/tooling/rewrites-page.mjs";
import { inRoot } from "../../../app/tooling/run.mjs";
import { describePasses } from "../../src/passes/pipelines.ts";

test("docs/rewrites.md is what the definitions say (npm run docs:rewrites writes it)", () => {
  expect(readFileSync(inRoot("docs/rewrites.md"), "utf8")).toBe(rewritesPage(describePasses()));
});

test("every row names rewrites that there are, and every rewrite belongs to a row or stands beside them", () => {
  const names = new Set(describePasses().rewrites.map((rewrite) => rewrite.name));
  expect(rows.map((row) => row.row)).toEqual(Array.from({ length: 38 }, (_, i) => i + 1));
  for (const { row, by, note } of rows) {
    expect(by.filter((name) => !names.has(name)), `row ${row}`).toEqual([]);
    expect(by.length > 0 || note !== undefined, `row ${row}`).toBe(true);
  }
});
