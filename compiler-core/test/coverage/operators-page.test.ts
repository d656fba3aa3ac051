import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { operatorsPage } from "../../../app/tooling/operators-page.mjs";
import { inRoot } from "../../../app/tooling/run.mjs";
import { createSession, silentTask } from "../../src/session/index.ts";

test("docs/operators.md is what the definitions say (npm run docs:operators writes it)", async () => {
  const { operators } = await createSession().operators({}, silentTask);
  expect(operators.length).toBeGreaterThan(200);
  expect(readFileSync(inRoot("docs/operators.md"), "utf8")).toBe(operatorsPage(operators));
});
