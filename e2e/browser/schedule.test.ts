/** A schedule of one's own: the rule's steps dropped, a primitive tried, refused, taken, checked, undone. */
import { expect } from "vitest";
import { inRoot } from "../../app/tooling/run.mjs";
import { journey } from "../harness.ts";

journey("schedule a node by hand, each step on the timeline", { model: inRoot("examples/digits/digits.onnx") }, async ({ page, screenshot }) => {
  const at = (id: string) => page.getByTestId(id);
  await at("graph-panel").locator('[data-kind="operator"]').first().waitFor();
  await page.locator("body").press("/");
  await at("search-input").fill("op:MaxPool");
  await at("search-result").filter({ hasText: "MaxPool" }).first().click();
  await at("tab-program").click();
  await at("schedule-step").first().waitFor({ timeout: 20_000 });
  const state = (name: string) => at("program-panel").getAttribute(`data-${name}`);
  expect(await state("own")).toBe("false");
  // A step of the rule: its conditions, and a check where one asks for it.
  await at("schedule-conditions").locator("summary").click();
  await at("schedule-conditions").getByTestId("precondition").first().waitFor();
  await at("schedule-check-now").click();
  await expect.poll(() => at("schedule-check").getAttribute("data-verdict"), { timeout: 20_000 }).toBe("identical");
  await screenshot("schedule-1-rule");

  // From the plain loop nest on.
  await at("schedule-step").first().click();
  await at("schedule-keep").click();
  await expect.poll(() => at("timeline").getAttribute("data-steps"), { timeout: 20_000 }).toBe("1");
  await expect.poll(() => state("own")).toBe("true");
  await expect.poll(() => at("schedule-step").count()).toBe(1);

  // What is not legal says why and cannot be taken; what is legal is taken, as a step with its check.
  await at("schedule-add").click();
  await at("add-factor").fill("0");
  await expect.poll(() => at("add-step").getAttribute("data-applies")).toBe("false");
  await at("add-step").locator('[data-testid="precondition"][data-state="failed"]').waitFor();
  expect(await at("add-apply").isDisabled()).toBe(true);
  await screenshot("schedule-2-refused");
  await at("add-factor").fill("2");
  await expect.poll(() => at("add-step").getAttribute("data-applies")).toBe("true");
  await at("add-apply").click();
  await expect.poll(() => at("timeline").getAttribute("data-steps"), { timeout: 20_000 }).toBe("2");
  await at("timeline").locator('[data-verdict="identical"]').first().waitFor();
  await expect.poll(() => at("schedule-step").count()).toBe(2);
  // The form stays for the next step, and the change can be seen beside it.
  await at("add-step").waitFor();
  await at("schedule-changes").click();
  await at("program-diff").waitFor();
  await screenshot("schedule-3-taken");
  await at("undo").click();
  await expect.poll(() => at("schedule-step").count()).toBe(1);
});
