/** A lesson taken to its end, with the keyboard where a person would use it; progress is there after a reload. */
import { expect } from "vitest";
import { journey } from "../harness.ts";

journey("folding a BatchNormalization by hand, as a lesson", {}, async ({ page, screenshot }) => {
  const at = (id: string) => page.getByTestId(id);
  const step = () => at("lesson").getAttribute("data-step");
  const next = async (): Promise<void> => {
    const before = Number(await step());
    await at("lesson-next").click();
    await expect.poll(step).toBe(String(before + 1));
  };
  const met = () => at("lesson-met").waitFor();
  await at("lesson-card").first().waitFor();
  await screenshot("lesson-1-welcome");
  await page.locator('[data-testid="lesson-card"][data-lesson="fold-batch-norm"]').press("Enter");
  await at("graph-panel").locator('[data-kind="operator"]').first().waitFor();
  expect(await step()).toBe("0");
  await next();

  // Select: nothing is done before the person did it.
  expect(await at("lesson-next").count()).toBe(0);
  await at("lesson-show").click();
  await screenshot("lesson-2-select");
  await page.locator("body").press("/");
  await at("search-input").fill("stem/bn");
  await page.keyboard.press("Enter");
  await met();
  await next();

  // Predict: wrong first, and the answer is told all the same.
  await at("lesson-choice").nth(2).click();
  await at("lesson-reveal").waitFor();
  expect(await page.locator('.lesson-choice[data-state="right"]').textContent()).toContain("39");
  await screenshot("lesson-3-revealed");
  await next();

  await page.locator('[data-testid="why-row"][data-rewrite="batch-norm-into-conv"]').getByTestId("apply-here").click();
  await met();
  await expect.poll(() => at("status-nodes").textContent()).toMatch(/39/);
  await next();
  await page.keyboard.press("Alt+3");
  await met();
  await next();
  await at("lesson-choice").nth(1).press("Space");
  await at("lesson-reveal").waitFor();
  await next();
  await at("verify").click();
  await met();
  await next();
  await at("undo").click();
  await met();
  await screenshot("lesson-4-last");
  await at("lesson-next").click();
  await at("lesson-finished").waitFor();

  // In the other language the lesson goes on; its progress is remembered.
  await at("language").click();
  await expect.poll(() => at("lesson-finished").textContent()).toContain("课程");
  await screenshot("lesson-5-finished-zh");
  await at("language").click();
  await page.waitForTimeout(400);
  await page.reload();
  await page.getByTestId("menu-help").click();
  await page.getByTestId("command-help-welcome").click();
  await page.locator('[data-testid="lesson-card"][data-lesson="fold-batch-norm"][data-done="true"]').waitFor();
});
