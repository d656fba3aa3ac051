/** Tuning: schedules of the layers are measured by the C compiler, cancelled, gone on with; the bundle takes them. */
import { AxeBuilder } from "@axe-core/playwright";
import { expect } from "vitest";
import { needs } from "../../app/tooling/need.ts";
import { inRoot } from "../../app/tooling/run.mjs";
import { journey } from "../harness.ts";

if (needs("gcc", "make"))
  journey("measure schedules, look at the trials of a layer, export with what was measured", { model: inRoot("examples/digits/digits.onnx") }, async ({ page, screenshot }) => {
    const at = (id: string) => page.getByTestId(id);
    await at("graph-panel").locator('[data-kind="operator"]').first().waitFor();
    await at("tab-tuning").click();
    await at("tuning-panel").getByTestId("empty-state").waitFor();
    await screenshot("tuning-1-empty");
    await at("run-tuning").click();
    const measured = at("tuning-panel").locator('[data-testid="tuning-row"][data-measured="true"]');
    await measured.first().waitFor({ timeout: 60_000 });
    await expect.poll(() => at("run-tuning").isEnabled(), { timeout: 60_000 }).toBe(true);
    const [done, all] = (await at("tuning-progress").textContent())!.match(/\d+/g)!.map(Number);
    expect(done).toBe(all);
    expect(await measured.count()).toBeGreaterThanOrEqual(2);
    await expect.poll(() => page.locator(".trials canvas").count()).toBe(1);
    // The rule's schedule is the first of each layer.
    await measured.nth(1).locator("button").click();
    await expect.poll(() => at("tuning-variant").count()).toBeGreaterThanOrEqual(2);
    expect(await at("tuning-variant").first().textContent()).toContain("by rule");
    await screenshot("tuning-2-trials");
    await page.emulateMedia({ colorScheme: "dark", reducedMotion: "reduce" });
    await expect.poll(() => page.evaluate(() => document.documentElement.dataset["theme"])).toBe("dark");
    expect((await new AxeBuilder({ page }).include('[data-testid="tuning-panel"]').analyze()).violations).toEqual([]);
    await screenshot("tuning-3-dark");
    await page.keyboard.press("ControlOrMeta+e");
    await at("export-tuned").waitFor();
    await screenshot("tuning-4-export");
  });
