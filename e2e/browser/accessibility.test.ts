/** axe in the main states of the window, in every theme; forced colours; the keyboard's way through the window. */
import { AxeBuilder } from "@axe-core/playwright";
import type { Page } from "playwright-core";
import { expect } from "vitest";
import { inRoot } from "../../app/tooling/run.mjs";
import { journey } from "../harness.ts";

const digits = inRoot("examples/digits/digits.onnx");

const themes = ["light", "dark", "high-contrast"] as const;
type Theme = (typeof themes)[number];

async function show(page: Page, theme: Theme): Promise<void> {
  await page.emulateMedia({ colorScheme: theme === "light" ? "light" : "dark", contrast: theme === "high-contrast" ? "more" : "no-preference", reducedMotion: "reduce" });
  await expect.poll(() => page.evaluate(() => document.documentElement.dataset["theme"])).toBe(theme);
}

/** Waits until nothing is loading, fading or moving: what then stands there is the state a person reads. */
async function settled(page: Page): Promise<void> {
  await page.waitForFunction(() => document.querySelector('[aria-busy="true"], .state-loading, .awaited') === null
    && document.getAnimations().every((animation) => animation.playState !== "running" || animation.effect?.getComputedTiming().iterations === Infinity));
}

const at = (page: Page, id: string) => page.getByTestId(id);

journey("no axe violations in any theme", { model: digits }, async ({ page, screenshot }) => {
  const found: string[] = [];
  /** All rules once, and what colours decide in each theme where the state has colours of its own. GRAPHWRIGHT_AXE=all: everywhere. */
  const all = process.env["GRAPHWRIGHT_AXE"] === "all";
  const check = async (where: string, coloured = false): Promise<void> => {
    for (const theme of all || coloured ? themes : (["light"] as const)) {
      await show(page, theme);
      await settled(page);
      // Monaco's rows are its own; what a screen reader gets of them is its hidden text field.
      const axe = new AxeBuilder({ page }).exclude(".monaco-editor");
      // An open menu lies above the landmarks, as menus do.
      if (where === "menu") axe.disableRules(["region"]);
      const { violations } = await (theme === "light" ? axe : axe.withRules(["color-contrast"])).analyze();
      for (const { id, help, nodes } of violations) found.push(`${theme}, ${where}: ${id}: ${help}: ${nodes.slice(0, 3).map((node) => `${node.html.slice(0, 160)} ${node.any[0]?.message ?? ""}`).join(" | ")}`);
    }
  };
  const dialog = async (keys: string, id: string): Promise<void> => {
    await page.locator("body").press(keys);
    await at(page, id).waitFor();
    await check(id);
    await page.keyboard.press("Escape");
    await at(page, id).waitFor({ state: "detached" });
  };
  await at(page, "graph-panel").locator('[data-kind="operator"]').first().waitFor();
  await at(page, "text-editor").waitFor();
  await check("opened", true);
  for (const [keys, id] of [["Control+k", "palette"], ["Control+,", "settings"], ["?", "shortcuts"], ["Control+e", "export-dialog"]] as const) await dialog(keys, id);
  if (all) for (const [keys, id] of [["/", "search"], ["Control+s", "save-project"]] as const) await dialog(keys, id);
  await page.locator("body").press("/");
  await at(page, "search-input").fill("stem/bn");
  await page.keyboard.press("Enter");
  await at(page, "inspector-op").waitFor();
  const tabs = await page.locator('.tab[data-testid^="tab-"]').evaluateAll((all) => all.map((tab) => (tab as HTMLElement).dataset["testid"]!));
  for (const tab of all ? tabs : ["tab-rewrites", "tab-notes"]) {
    await at(page, tab).click();
    await page.waitForTimeout(150);
    await check(tab);
  }
  await at(page, "tab-pipeline").click();
  await at(page, "run-all").click();
  await at(page, "pass-row").first().waitFor();
  await page.waitForTimeout(300);
  await check("after a run", true);
  await screenshot("axe-after-run");
  await at(page, "menu-file").click();
  await check("menu");
  await page.keyboard.press("Escape");
  await at(page, "menu-help").click();
  await at(page, "command-help-welcome").click();
  await at(page, "lesson-card").first().waitFor();
  await check("welcome", true);
  await at(page, "lesson-card").first().click();
  await at(page, "lesson-next").click();
  await at(page, "lesson-skip").click();
  await at(page, "lesson-choice").first().click();
  await check("lesson", true);
  expect(found.join("\n")).toBe("");
});

journey("the keyboard alone: skip link, parts, tabs, graph with spoken descriptions", { model: digits }, async ({ page, screenshot }) => {
  await at(page, "graph-panel").locator('[data-kind="operator"]').first().waitFor();
  const part = () => page.evaluate(() => [...document.querySelectorAll("[data-part]")].findIndex((each) => each.contains(document.activeElement)));
  await page.keyboard.press("Tab");
  expect(await page.evaluate(() => document.activeElement?.className)).toBe("skip-link");
  await screenshot("keyboard-1-skip");
  await page.keyboard.press("Enter");
  expect(await page.evaluate(() => document.activeElement?.getAttribute("role"))).toBe("application");
  // The graph: arrows follow edges, and each node is spoken.
  const spoken = page.locator('#graph [role="status"]').last();
  await page.keyboard.press("ArrowDown");
  await expect.poll(() => spoken.textContent()).not.toBe("");
  const first = await spoken.textContent();
  await page.keyboard.press("ArrowDown");
  await expect.poll(() => spoken.textContent()).not.toBe(first);
  // F6 goes round the parts of the window and comes back.
  await at(page, "text-editor").waitFor();
  await settled(page);
  await expect.poll(() => page.locator("[data-part]").count()).toBe(6);
  const seen = new Set<number>();
  for (let i = 0; i < 6; i++) {
    await page.keyboard.press("F6");
    seen.add(await part());
  }
  expect(seen).toEqual(new Set([0, 1, 2, 3, 4, 5]));
  // The focus is always visible.
  await at(page, "tab-pipeline").focus();
  await page.keyboard.press("ArrowRight");
  await expect.poll(() => at(page, "tab-rewrites").getAttribute("data-state")).toBe("active");
  expect(await page.evaluate(() => getComputedStyle(document.activeElement!).outlineStyle)).toBe("solid");
});

journey("forced colours keep marks, borders and focus", { model: digits }, async ({ page, screenshot }) => {
  await page.emulateMedia({ forcedColors: "active", reducedMotion: "reduce" });
  await at(page, "graph-panel").locator('[data-kind="operator"]').first().waitFor();
  await at(page, "run-all").click();
  await at(page, "pass-row").first().waitFor();
  const state = await page.locator(".switch").first().evaluate((each) => getComputedStyle(each).borderStyle).catch(() => "solid");
  expect(state).not.toBe("none");
  await page.waitForTimeout(400);
  await screenshot("forced-colors");
});
