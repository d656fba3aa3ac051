/** Every lesson but the first (lessons.test.ts) taken to its end, in the window, by what a person would press. */
import type { Page } from "playwright-core";
import { expect } from "vitest";
import { journey } from "../harness.ts";

const at = (page: Page, id: string) => page.getByTestId(id);

async function select(page: Page, name: string): Promise<void> {
  await page.locator("body").press("/");
  await at(page, "search-input").fill(name);
  await page.keyboard.press("Enter");
}

const applyHere = (page: Page, rewrite: string) => page.locator(`[data-testid="why-row"][data-rewrite="${rewrite}"]`).getByTestId("apply-here").click();

/** Opens a rewrite of the list and applies it at every place. */
async function applyAll(page: Page, rewrite: string): Promise<void> {
  const row = page.locator(`[data-testid="rewrite-row"][data-rewrite="${rewrite}"]`);
  if ((await row.getByTestId("apply-everywhere").count()) === 0) await row.getByRole("button").first().click();
  await row.getByTestId("apply-everywhere").click();
}

/** For each lesson what is done in its steps that ask for something, in their order. */
const deeds: Readonly<Record<string, readonly ((page: Page) => Promise<void>)[]>> = {
  "dead-code": [(page) => select(page, "/aux/fc/Gemm"), (page) => applyHere(page, "dead-code-elimination")],
  "constant-folding": [
    (page) => at(page, "tab-rewrites").click(),
    (page) => page.locator('[data-testid="rewrite-row"][data-rewrite="constant-folding"]').getByRole("button").first().click().then(() => page.locator('[data-testid="rewrite-row"][data-rewrite="constant-folding"]').getByTestId("apply-site").first().click()),
    (page) => applyAll(page, "constant-folding"),
  ],
  "why-not-here": [(page) => select(page, "/stem/conv"), (page) => select(page, "/stem/bn"), (page) => applyHere(page, "batch-norm-into-conv"), (page) => select(page, "/stem/conv").then(() => applyHere(page, "epilogue-fusion"))],
  "order-matters": [
    (page) => at(page, "tab-rewrites").click(),
    (page) => applyAll(page, "batch-norm-into-conv"),
    (page) => applyAll(page, "constant-folding"),
    (page) => applyAll(page, "affine-into-conv"),
    (page) => applyAll(page, "epilogue-fusion"),
    (page) => at(page, "tab-pipeline").click().then(() => at(page, "run-all").click()),
  ],
  "epilogue-fusion": [(page) => at(page, "run-all").click(), (page) => select(page, "Conv+")],
  "tensor-program": [(page) => select(page, "/stem/conv"), (page) => at(page, "tab-program").click(), (page) => select(page, "MaxPool")],
  bundle: [(page) => at(page, "run-all").click(), (page) => at(page, "verify").click(), (page) => at(page, "export-button").click().then(() => at(page, "export-start").click())],
};

for (const [lesson, todo] of Object.entries(deeds)) {
  journey(`the lesson ${lesson}`, {}, async ({ page }) => {
    await page.emulateMedia({ reducedMotion: "reduce" });
    await page.locator(`[data-testid="lesson-card"][data-lesson="${lesson}"]`).click();
    await at(page, "graph-panel").locator('[data-kind="operator"]').first().waitFor();
    const waiting = [...todo];
    for (let step = 0; ; step++) {
      await expect.poll(async () => (await at(page, "lesson-finished").count()) > 0 || (await at(page, "lesson").getAttribute("data-step")) === String(step), { timeout: 20_000 }).toBe(true);
      if ((await at(page, "lesson-finished").count()) > 0) break;
      if ((await at(page, "lesson-choice").count()) > 0) {
        await at(page, "lesson-choice").first().click();
        await at(page, "lesson-reveal").waitFor();
      } else if ((await at(page, "lesson-skip").count()) > 0) {
        await waiting.shift()?.(page);
        await at(page, "lesson-met").waitFor();
        // An export stays on screen until it is closed; Escape elsewhere would take the selection back.
        if (lesson === "bundle") await page.keyboard.press("Escape");
      }
      await at(page, "lesson-next").click();
    }
    expect(waiting).toHaveLength(0);
  });
}
