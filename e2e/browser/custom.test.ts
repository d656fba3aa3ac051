/** A rewrite written in the window: matched while typed, refused or confirmed by its numbers, saved and replayed; bisection. */
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { expect } from "vitest";
import { inRoot } from "../../app/tooling/run.mjs";
import { journey } from "../harness.ts";

const digits = inRoot("examples/digits/digits.onnx");

journey("write a rewrite, check it, bisect a wrong one, save and replay a recipe", { model: digits }, async ({ page, screenshot, exportsFolder }) => {
  const at = (id: string) => page.getByTestId(id);
  const steps = (): Promise<string | null> => at("timeline").getAttribute("data-steps");
  const matches = (): Promise<string | null> => at("custom-status").getAttribute("data-matches");
  await at("graph-panel").locator('[data-kind="operator"]').first().waitFor();
  await at("tab-custom").click();
  await expect.poll(matches, { timeout: 20_000 }).toBe("1");
  expect(await page.locator("[data-dimmed]").count()).toBeGreaterThan(0);

  // A mistake is marked where it is.
  await page.locator('[data-testid="custom-editor"] .view-line', { hasText: "Identity(" }).click();
  await page.keyboard.press("End");
  await page.keyboard.type("(");
  await expect.poll(() => at("custom-status").getAttribute("data-error")).toBe("true");
  await at("custom-editor").locator(".squiggly-error").first().waitFor();
  await screenshot("custom-1-mistake");
  await page.keyboard.press("Control+Z");
  await expect.poll(matches).toBe("1");

  // A wrong one: refused when checked; applied unchecked, it cannot be saved, and bisection finds it.
  await at("custom-examples").click();
  await page.getByRole("option", { name: /wrong/i }).click();
  await expect.poll(matches).toBe("5");
  await at("custom-apply").first().click();
  await page.locator('[data-testid="notice"][data-severity="error"]').waitFor();
  expect(await steps()).toBe("0");
  await at("dismiss-notice").first().click();
  await at("custom-check").uncheck();
  await at("custom-apply").first().click();
  await expect.poll(steps).toBe("1");
  expect(await at("custom-saving").getAttribute("data-state")).toBe("unchecked");
  await at("custom-check-now").click();
  await expect.poll(() => at("custom-saving").getAttribute("data-state")).toBe("different");
  expect(await at("custom-save").isDisabled()).toBe(true);
  await screenshot("custom-2-refused");
  await at("dismiss-notice").first().click();
  await at("tab-bisect").click();
  await at("run-bisect").click();
  await expect.poll(() => at("bisect-result").getAttribute("data-outcome"), { timeout: 30_000 }).toBe("found");
  expect(await at("probe").count()).toBeGreaterThan(0);
  await at("show-divergence").click();
  await expect.poll(() => at("inspector-op").textContent(), { timeout: 30_000 }).toContain("MaxPool");
  await screenshot("custom-3-first-diverging-node");
  await at("undo").click();

  // A right one: confirmed, saved, replayed from its file.
  await at("tab-custom").click();
  await at("custom-check").check();
  await at("custom-examples").click();
  await page.getByRole("option", { name: /one operator/i }).click();
  await expect.poll(matches).toBe("1");
  await at("custom-apply-all").click();
  await expect.poll(() => at("custom-saving").getAttribute("data-state")).toBe("confirmed");
  await screenshot("custom-4-confirmed");
  await at("custom-save").click();
  const saved = (): string | undefined => readdirSync(exportsFolder).find((name) => name.endsWith(".recipe.json"));
  await expect.poll(saved).toBeDefined();
  const recipe = readFileSync(path.join(exportsFolder, saved()!), "utf8");
  expect(JSON.parse(recipe)).toMatchObject({ graphwright: "recipe", steps: [{ rewrite: "drop-identity" }] });
  await at("undo").click();
  await at("tab-recipe").click();
  await at("recipe-file").setInputFiles({ name: "digits.recipe.json", mimeType: "application/json", buffer: Buffer.from(recipe) });
  await at("replay-result").waitFor();
  expect(await at("recipe-step").count()).toBe(1);
  // Again, pasted: its place is gone now, and the reason is told.
  await at("paste-recipe").click();
  await at("recipe-text").fill(recipe);
  await at("replay-recipe").click();
  await at("failed-step").waitFor();
  await screenshot("custom-5-replayed");
});
