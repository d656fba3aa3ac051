/** Times: the step is measured as generated code; a kernel leads to its node, and the graph is coloured by time. */
import { AxeBuilder } from "@axe-core/playwright";
import { expect } from "vitest";
import { inRoot } from "../../app/tooling/run.mjs";
import { journey } from "../harness.ts";

journey("measure the generated code, find the slowest kernel, colour the graph", { model: inRoot("examples/digits/digits.onnx") }, async ({ page, screenshot }) => {
  const at = (id: string) => page.getByTestId(id);
  await at("graph-panel").locator('[data-kind="operator"]').first().waitFor();
  await at("tab-profile").click();
  await at("profile-panel").getByTestId("empty-state").waitFor();
  await screenshot("profile-1-empty");
  await at("run-profile").click();
  await expect.poll(() => at("profile-row").count(), { timeout: 60_000 }).toBeGreaterThan(5);
  await expect.poll(() => page.locator(".roofline canvas").count()).toBe(1);

  // Slowest first, then as they run.
  const shares = (): Promise<number[]> => at("profile-row").evaluateAll((rows) => rows.map((row) => Number.parseFloat(row.children[2]!.textContent!)));
  const slowest = await shares();
  expect(slowest).toEqual([...slowest].sort((a, b) => b - a));
  const sum = slowest.reduce((a, b) => a + b, 0);
  expect(sum).toBeGreaterThan(95);
  expect(sum).toBeLessThan(105);

  // The kernel of a convolution leads to it.
  await at("profile-row").locator("button", { hasText: "/block2/conv/Conv" }).first().click();
  await expect.poll(() => at("inspector-op").textContent()).toContain("Conv");
  await at("profile-heat").click();
  await expect.poll(() => at("heat-legend").getAttribute("data-kind")).toBe("time");
  await screenshot("profile-2-times");
  for (const colorScheme of ["light", "dark"] as const) {
    await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
    await expect.poll(() => page.evaluate(() => document.documentElement.dataset["theme"])).toBe(colorScheme);
    expect((await new AxeBuilder({ page }).include('[data-testid="profile-panel"]').analyze()).violations).toEqual([]);
  }
  await screenshot("profile-3-dark");
  await at("profile-order").getByText("As they run").click();
  expect((await at("profile-row").first().textContent())!).toContain("preprocess");
});
