/** Makes the pictures in docs/pictures from the running program. Usage: npm run docs:pictures */
import { mkdir } from "node:fs/promises";
import path from "node:path";
import { inRoot } from "../app/tooling/run.mjs";
import type { Page } from "playwright-core";
import { launchBrowser } from "./harness.ts";

const folder = inRoot("docs/pictures");
await mkdir(folder, { recursive: true });

/** A path of this machine has no place in a picture. */
const withoutPath = async (page: Page): Promise<void> => {
  await page.locator(".fact, dt, dd, div").getByText("Path", { exact: true }).first().evaluate((label) => label.parentElement?.remove()).catch(() => undefined);
};

for (const theme of ["light", "dark"] as const) {
  const program = await launchBrowser({ viewport: { width: 1440, height: 900 } });
  const { page } = program;
  const at = (id: string) => page.getByTestId(id);
  await page.emulateMedia({ colorScheme: theme, reducedMotion: "reduce" });
  await at("example").first().waitFor();
  await page.waitForTimeout(500);
  if (theme === "light") await page.screenshot({ path: path.join(folder, "welcome.png") });
  await at("example").first().click();
  await at("graph-panel").locator('[data-kind="operator"]').first().waitFor();
  await at("tab-rewrites").click();
  const rewrite = page.locator('[data-testid="rewrite-row"][data-rewrite="batch-norm-into-conv"]');
  await rewrite.getByRole("button").first().click();
  await rewrite.getByTestId("apply-site").first().click();
  await at("graph-panel").locator('[data-diff="added"]').first().waitFor();
  await at("text-changes").waitFor();
  while ((await at("dismiss-notice").count()) > 0) await at("dismiss-notice").first().click();
  await page.waitForTimeout(800);
  await withoutPath(page);
  await page.screenshot({ path: path.join(folder, theme === "light" ? "window.png" : "window-dark.png") });
  if (theme === "dark") {
    await page.emulateMedia({ contrast: "more" });
    await page.waitForTimeout(400);
    await page.screenshot({ path: path.join(folder, "window-high-contrast.png") });
  }
  if (theme === "light") {
    await page.keyboard.press("Control+k");
    await at("palette-input").fill("com");
    await page.waitForTimeout(300);
    await page.screenshot({ path: path.join(folder, "palette.png") });
    await page.keyboard.press("Escape");
    await at("tab-pipeline").click();
    await at("run-all").click();
    await at("pass-row").first().waitFor();
    await at("verify").click();
    await page.waitForTimeout(3000);
    while ((await at("dismiss-notice").count()) > 0) await at("dismiss-notice").first().click();
    await withoutPath(page);
    await page.screenshot({ path: path.join(folder, "pipeline.png") });
    await at("menu-help").click();
    await at("command-help-welcome").click();
    await page.locator('[data-testid="lesson-card"][data-lesson="fold-batch-norm"]').click();
    await at("lesson-next").click();
    await at("lesson-skip").click();
    await at("lesson-choice").first().click();
    await page.waitForTimeout(800);
    await withoutPath(page);
    await page.screenshot({ path: path.join(folder, "lesson.png") });
  }
  await program.close();
}
