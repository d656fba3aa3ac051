/**
 * The main job, end to end: open a real model, fold one BatchNorm by hand, look at what changed, go back, run all,
 * check, export, compile, run the self-test.
 */
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import path from "node:path";
import { expect } from "vitest";
import { inRoot } from "../../app/tooling/run.mjs";
import { journey } from "../harness.ts";

const digits = inRoot("examples/digits/digits.onnx");

journey("open, fold one BatchNorm, undo, run all, verify, export, self-test", { model: digits }, async ({ page, screenshot, exportsFolder }) => {
  const at = (id: string) => page.getByTestId(id);
  // Open: the graph is drawn, and the summary says what it is.
  await at("graph-panel").locator('[data-kind="operator"]').first().waitFor();
  expect(await at("summary-nodes").textContent()).toContain("40");
  await screenshot("main-1-opened");

  // One rewrite at one place.
  await at("tab-rewrites").click();
  const rewrite = page.locator('[data-testid="rewrite-row"][data-rewrite="batch-norm-into-conv"]');
  await expect.poll(() => rewrite.getAttribute("data-sites")).toBe("6");
  await rewrite.getByRole("button").first().click();
  const site = rewrite.getByTestId("site-row").first();
  await site.getByRole("button").first().click();
  await screenshot("main-2-site-chosen");
  await site.getByTestId("apply-site").click();
  await expect.poll(() => at("step-position").textContent()).toMatch(/1/);

  // What changed: in the graph (one node gone, one new), in the text, in the cost.
  await expect.poll(() => at("status-nodes").textContent()).toMatch(/39/);
  await at("graph-panel").locator('[data-diff="removed"]').first().waitFor();
  await at("graph-panel").locator('[data-diff="added"]').first().waitFor();
  await at("tab-text").click();
  await expect.poll(async () => (await at("text-changes").textContent())?.trim()).toMatch(/\d/);
  await screenshot("main-3-folded");
  expect(await at("cost-strip").textContent()).toMatch(/39/);

  // Back, and forth.
  await at("undo").click();
  await expect.poll(() => at("status-nodes").textContent()).toMatch(/40/);
  await at("redo").click();
  await expect.poll(() => at("status-nodes").textContent()).toMatch(/39/);
  await at("undo").click();

  // Everything.
  await at("tab-pipeline").click();
  await at("run-all").click();
  await expect.poll(() => at("status-nodes").textContent(), { timeout: 60_000 }).toMatch(/40 → 14 nodes/);
  await at("pass-row").first().waitFor();
  // The button was off while it ran. A letter is still a command, and chooses no other pipeline.
  await page.keyboard.press("f");
  expect(await at("pipeline-select").textContent()).toBe("Default");
  await screenshot("main-4-optimized");

  // Numbers.
  await at("verify").click();
  await expect.poll(() => at("status-check").textContent(), { timeout: 60_000 }).toMatch(/rounding|identical|equal/i);
  await screenshot("main-5-verified");

  // Out.
  await at("export-button").click();
  await screenshot("main-6-export");
  await at("export-start").click();
  await at("export-result").waitFor({ timeout: 60_000 });
  expect(await at("arena-bytes").textContent()).toMatch(/\d/);
  await screenshot("main-7-exported");
  if ((await at("self-test").count()) > 0) {
    await at("self-test").click();
    await at("self-test-result").waitFor({ timeout: 120_000 });
    await screenshot("main-8-self-test");
  }

  // As a person would, in a shell.
  const bundle = path.join(exportsFolder, readdirSync(exportsFolder)[0]!);
  expect(existsSync(path.join(bundle, "manifest.json"))).toBe(true);
  const make = spawnSync("make", ["-C", bundle, "selftest"], { encoding: "utf8" });
  expect(make.status, make.stderr).toBe(0);
  const test = spawnSync("./selftest", { encoding: "utf8", cwd: bundle });
  expect(test.status, test.stdout + test.stderr).toBe(0);
  expect(test.stdout).toMatch(/error/);
});
