/** Finding nodes by words and by what they are; completion; a list as long as the model; what cannot match. */
import { AxeBuilder } from "@axe-core/playwright";
import { expect } from "vitest";
import { inRoot } from "../../app/tooling/run.mjs";
import { journey } from "../harness.ts";

const digits = inRoot("examples/digits/digits.onnx");

journey("find nodes by operator, attribute, shape, rewrite and mark", { model: digits }, async ({ page, screenshot }) => {
  const at = (id: string) => page.getByTestId(id);
  const results = at("search-result");
  const count = async (): Promise<number> => Number(((await at("search-count").textContent({ timeout: 2_000 }).catch(() => "")) ?? "").replace(/\D/g, "") || "0");
  const open = async (query: string): Promise<void> => {
    await page.locator("body").press("/");
    await at("search-input").fill(query);
  };
  await at("graph-panel").locator('[data-kind="operator"]').first().waitFor();

  // Everything at first, with terms to begin with.
  await open("");
  await expect.poll(count).toBe(41);
  await screenshot("search-1-everything");
  await at("search-offer").filter({ hasText: "op:" }).click();
  await expect.poll(() => at("search-input").inputValue()).toBe("op:");
  await expect.poll(() => at("search-offer").first().textContent()).toContain("op:BatchNormalization");
  await page.keyboard.press("Tab");
  await expect.poll(() => at("search-input").inputValue()).toBe("op:BatchNormalization ");
  await expect.poll(count).toBe(6);
  await at("search-input").fill("op:MaxPool kernel_shape=2,2 shape:1,16,12,12");
  await expect.poll(count).toBe(1);
  expect((await new AxeBuilder({ page }).include('[data-testid="search"]').analyze()).violations).toEqual([]);
  await screenshot("search-2-terms");

  // Nothing, and why.
  await at("search-input").fill("kernel=3");
  await at("search-problem").waitFor();
  await screenshot("search-3-nothing");
  expect(await results.count()).toBe(0);

  // The keyboard goes along the list and to the node.
  await at("search-input").fill("op:Conv");
  await expect.poll(count).toBe(6);
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("ArrowDown");
  const third = await results.nth(2).locator(".palette-name").getAttribute("title");
  expect(await results.nth(2).getAttribute("aria-selected")).toBe("true");
  await page.keyboard.press("Enter");
  await at("search").waitFor({ state: "detached" });
  await expect.poll(() => at("inspector-op").textContent()).toContain("Conv");
  await expect.poll(() => page.locator(".inspector, [data-testid='inspector']").first().textContent()).toContain(third!);

  // After the pipeline: by the rewrite, and what was taken away.
  await at("run-changed").or(page.getByRole("button", { name: "Run all" })).first().click();
  await expect.poll(async () => Number(await at("timeline").getAttribute("data-steps")), { timeout: 60_000 }).toBeGreaterThan(10);
  await page.locator("body").press("a");
  await expect.poll(() => at("graph-panel").getAttribute("data-base")).toBe("0");
  await open("op:BatchNormalization is:removed");
  await expect.poll(count).toBe(6);
  expect(await results.first().getAttribute("data-mark")).toBe("removed");
  await at("search-input").fill("rewrite:batch-norm");
  await expect.poll(() => at("search-offer").first().textContent()).toContain("rewrite:batch-norm-into-conv");
  await page.keyboard.press("Tab");
  await expect.poll(count).toBeGreaterThan(0);
  await screenshot("search-4-rewrite");
});
