/**
 * Steps: single rewrites of a pipeline, a plan that is reordered, passes and places left out, branches, and orders
 * compared side by side.
 */
import { expect } from "vitest";
import { inRoot } from "../../app/tooling/run.mjs";
import { journey } from "../harness.ts";

const digits = inRoot("examples/digits/digits.onnx");

journey("step inside a pass, reorder and leave out, compare orders", { model: digits }, async ({ page, screenshot }) => {
  const at = (id: string) => page.getByTestId(id);
  const timeline = at("timeline");
  const steps = (): Promise<string | null> => timeline.getAttribute("data-steps");
  const names = (state: string): Promise<(string | null)[]> => page.locator(`[data-testid="pass-row"]${state}`).evaluateAll((rows) => rows.map((row) => row.getAttribute("data-pass")));
  const pass = (name: string) => page.locator(`[data-testid="pass-row"][data-pass="${name}"]`);
  await at("graph-panel").locator('[data-kind="operator"]').first().waitFor();

  // One rewrite at a time, stopped inside a pass, which stays one row.
  for (const count of ["1", "2"]) {
    await at("run-step").click();
    await expect.poll(steps).toBe(count);
  }
  await expect.poll(() => pass("clean-up").count()).toBe(1);
  expect(await at("plan-change").getAttribute("data-kind")).toBe("unfinished");
  await screenshot("steps-1-inside-a-pass");
  await at("run-changed").click();
  await expect.poll(() => at("plan-change").count(), { timeout: 60_000 }).toBe(0);
  const whole = Number(await steps());
  expect(whole).toBeGreaterThan(10);
  await expect.poll(async () => /\d+$/.exec((await at("lowered-row").textContent()) ?? "")?.[0]).toBe((await at("cost-nodes").locator(".cost-value").textContent())?.trim());

  // Only changed passes, in pipeline order; the chip says how many are hidden.
  const changed = await names('[data-state="changed"]');
  expect(await at("only-changed").textContent()).toMatch(/\d+/);
  await at("only-changed").click();
  expect(await at("pass-row").count()).toBeGreaterThan(changed.length);
  expect(await names('[data-state="changed"]')).toEqual(changed);
  await at("only-changed").click();

  // The keyboard moves a pass; what is before it stays, what comes after is run again on a branch.
  const planned = (): Promise<(string | null)[]> => at("planned-pass").evaluateAll((rows) => rows.map((row) => row.getAttribute("data-pass")));
  const before = await planned();
  const grip = page.locator('[data-testid="planned-pass"][data-pass="merge-duplicates"]').getByTestId("pass-grip");
  await grip.focus();
  for (let i = 0; i < 4; i++) await page.keyboard.press("Alt+ArrowUp");
  expect((await planned()).indexOf("merge-duplicates")).toBe(before.indexOf("merge-duplicates") - 4);
  // And the mouse.
  await page.locator('[data-testid="planned-pass"][data-pass="simplify"]').dragTo(page.locator('[data-testid="planned-pass"][data-pass="merge-affine-chains"]'));
  expect((await planned()).indexOf("simplify")).toBeGreaterThan((await planned()).indexOf("fold-into-weights"));
  expect(await at("plan-change").getAttribute("data-kind")).toBe("changed");
  await at("run-changed").click();
  await at("branch-list").waitFor();
  await expect.poll(() => at("branch-row").count()).toBe(2);
  await expect.poll(() => at("plan-change").count()).toBe(0);
  await expect.poll(() => pass("clean-up").count()).toBe(1);
  await screenshot("steps-2-reordered");

  // One place left out: only later steps are run again.
  await pass("fold-into-weights").getByRole("button").first().click();
  const row = pass("fold-into-weights").locator(".step-line").first();
  await row.hover();
  await row.getByTestId("leave-out").click();
  await expect.poll(() => at("left-out").count()).toBe(1);
  await expect.poll(() => at("branch-row").count()).toBe(3);
  await screenshot("steps-3-left-out");

  // Back to the first branch, compared with another one.
  await at("branch-row").first().getByRole("button").first().click();
  await expect.poll(steps).toBe(String(whole));
  await at("branch-row").nth(1).getByTestId("branch-compare").click();
  await expect.poll(async () => (await timeline.getAttribute("data-a")) === "-1").toBe(true);
  await expect.poll(() => at("graph-panel").getAttribute("data-base")).not.toBeNull();
  await screenshot("steps-4-two-branches");

  // Orders side by side.
  await at("reset-plan").click();
  await at("tab-orders").click();
  await page.locator('[data-order="reversed"]').check();
  await at("run-orders").click();
  await at("orders-result").waitFor({ timeout: 60_000 });
  expect(await at("order-column").count()).toBe(3);
  // Against the first order: the others compute the same.
  expect(await at("orders-result").locator('[data-verdict="rounding"], [data-verdict="identical"]').count()).toBe(2);
  await screenshot("steps-5-orders");
  await at("compare-order").last().click();
  await expect.poll(() => at("graph-marks").count()).toBe(1);
});
