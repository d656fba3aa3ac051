/** axe and the texts of the window on a tour through its states, in every theme; forced colours; the keyboard's way through the window. */
import { AxeBuilder } from "@axe-core/playwright";
import type { Page } from "playwright-core";
import { expect, vi } from "vitest";
import { inRoot } from "../../app/tooling/run.mjs";
import { clipped } from "../clipped.ts";
import { journey } from "../harness.ts";
import { settled, tour } from "../tour.ts";
import { untranslated } from "../untranslated.ts";

const digits = inRoot("examples/digits/digits.onnx");

const themes = ["light", "dark", "high-contrast"] as const;
type Theme = (typeof themes)[number];

async function show(page: Page, theme: Theme): Promise<void> {
  await page.emulateMedia({ colorScheme: theme === "light" ? "light" : "dark", contrast: theme === "high-contrast" ? "more" : "no-preference", reducedMotion: "reduce" });
  await expect.poll(() => page.evaluate(() => document.documentElement.dataset["theme"])).toBe(theme);
}

const at = (page: Page, id: string) => page.getByTestId(id);

/**
 * GRAPHWRIGHT_AXE=all: every stop of the tour in both languages, all rules once and what colours decide in every theme, and in windows down to
 * 700 pixels for texts that are cut off, with a picture of each (a quarter of an hour). Else the short tour in Chinese, so that its texts are read on the way.
 */
const all = process.env["GRAPHWRIGHT_AXE"] === "all";
if (all) vi.setConfig({ testTimeout: 3_600_000 });
const sizes = [[1440, 900], [900, 640], [700, 640]] as const;
for (const locale of all ? ["en-US", "zh-CN"] : ["zh-CN"]) {
  journey(`no axe violations in any theme, no text left in another language (${locale})`, { locale }, async ({ kind, page, screenshot }) => {
    // Files are chosen by the operating system there.
    const stops = tour.filter(({ long, chooses }) => (all || !long) && (kind === "browser" || !chooses));
    page.on("filechooser", () => undefined);
    const found: string[] = [];
    try {
    for (const stop of stops) {
      const { name, dialog, coloured, read, show: go, leave } = stop;
      await go(page);
      // All rules once, and what colours decide in each theme where the state has colours of its own.
      for (const theme of (all && locale === "en-US") || (!all && coloured && !read) ? themes : all ? (["light"] as const) : read ? [] : (["light"] as const)) {
        await show(page, theme);
        await settled(page);
        // Monaco's rows are its own; what a screen reader gets of them is its hidden text field.
        const axe = new AxeBuilder({ page }).exclude(".monaco-editor");
        if (dialog !== undefined) axe.include(`[data-testid="${dialog}"]`);
        // An open menu lies above the landmarks, as menus do.
        if (name.startsWith("menu-")) axe.disableRules(["region"]);
        const { violations } = await (theme === "light" ? axe : axe.withRules(["color-contrast"])).analyze();
        if (all && theme !== "light") await screenshot(`tour-${locale}-${String(stops.indexOf(stop)).padStart(2, "0")}-${name}-${theme}`);
        for (const { id, help, nodes } of violations) found.push(`${theme}, ${name}: ${id}: ${help}: ${nodes.slice(0, 3).map((node) => `${node.html.slice(0, 160)} ${[...node.any, ...node.all, ...node.none][0]?.message ?? ""}`).join(" | ")}`);
      }
      await show(page, "light");
      for (const [width, height] of all && kind === "browser" ? sizes : []) {
        await page.setViewportSize({ width, height });
        await settled(page);
        for (const text of await clipped(page)) found.push(`${width} px, ${name}: ${text}`);
        await screenshot(`tour-${locale}-${String(stops.indexOf(stop)).padStart(2, "0")}-${name}-${width}`);
      }
      if (all && kind === "browser") await page.setViewportSize({ width: sizes[0][0], height: sizes[0][1] });
      await settled(page);
      if (locale === "zh-CN" && kind === "browser") for (const text of await untranslated(page)) found.push(`${name}: left in English: ${text}`);
      await leave?.(page);
    }
    await screenshot("axe-last");
    } finally {
      // Where a stop is not reached, what the stops before it had is told all the same.
      if (all) console.log(found.join("\n"));
    }
    expect(found.join("\n")).toBe("");
  });
}

journey("the keyboard alone: open an example, find a node, apply a rewrite, undo, export", {}, async ({ page, screenshot }) => {
  const part = () => page.evaluate(() => [...document.querySelectorAll("[data-part]")].findIndex((each) => each.contains(document.activeElement)));
  const focused = (selector: string): Promise<boolean> => page.evaluate((wanted) => (document.activeElement?.closest(wanted) ?? null) !== null, selector);
  /** The focus has a place, and comes to it without a click. */
  const keepsFocus = () => expect.poll(() => page.evaluate(() => document.activeElement !== null && document.activeElement !== document.body)).toBe(true);
  const tabTo = async (selector: string): Promise<void> => {
    for (let i = 0; i < 40 && !(await focused(selector)); i++) await page.keyboard.press("Tab");
    expect(await focused(selector)).toBe(true);
  };
  await at(page, "example").first().waitFor();
  await page.keyboard.press("Tab");
  expect(await page.evaluate(() => document.activeElement?.className)).toBe("skip-link");
  await screenshot("keyboard-1-skip");
  await page.keyboard.press("Enter");
  expect(await focused("main")).toBe(true);
  await tabTo('[data-testid="example"]');
  await page.keyboard.press("Enter");
  await at(page, "graph-panel").locator('[data-kind="operator"]').first().waitFor();
  // The example's card is gone: the focus is in the graph, where work goes on.
  await expect.poll(() => focused("[role=application]")).toBe(true);
  // The graph: arrows follow edges, and each node is spoken.
  const spoken = page.locator('#graph [role="status"]').last();
  await page.keyboard.press("ArrowDown");
  await expect.poll(() => spoken.textContent()).not.toBe("");
  const first = await spoken.textContent();
  await page.keyboard.press("ArrowDown");
  await expect.poll(() => spoken.textContent()).not.toBe(first);
  await expect.poll(() => spoken.textContent()).toMatch(/Inputs: .*1×1×28×28.*Output to: /);
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
  // A node by its name; the dialog gives the focus back.
  await page.keyboard.press("/");
  await page.keyboard.type("stem/bn");
  await at(page, "search-result").first().waitFor();
  await page.keyboard.press("Enter");
  await expect.poll(() => at(page, "inspector-op").textContent()).toContain("BatchNormalization");
  await keepsFocus();
  // A rewrite: the list is one stop of Tab, arrows go on in it, a row's button is the next stop.
  await page.keyboard.press("Alt+2");
  await at(page, "tab-rewrites").focus();
  await tabTo('[data-testid="rewrite-filter"]');
  await page.keyboard.type("BatchNormalization into Conv");
  await expect.poll(() => at(page, "rewrite-row").count()).toBeLessThan(4);
  await tabTo('[data-testid="rewrite-row"] [data-row]');
  while (!(await focused('[data-rewrite="batch-norm-into-conv"]'))) await page.keyboard.press("ArrowDown");
  await page.keyboard.press("ArrowRight");
  await at(page, "site-row").first().waitFor();
  await page.keyboard.press("ArrowRight");
  await expect.poll(() => focused('[data-testid="site-row"]')).toBe(true);
  await page.keyboard.press("Tab");
  expect(await focused('[data-testid="apply-site"]')).toBe(true);
  await page.keyboard.press("Enter");
  await expect.poll(() => at(page, "timeline").getAttribute("data-step")).toBe("1");
  await keepsFocus();
  await expect.poll(() => focused('[data-testid="rewrites-panel"]')).toBe(true);
  await page.keyboard.press("Control+z");
  await expect.poll(() => at(page, "timeline").getAttribute("data-step")).toBe("0");
  await keepsFocus();
  // The plan: one stop, arrows between its rows, the row's switch is the next stop.
  await at(page, "tab-pipeline").focus();
  await page.keyboard.press("Enter");
  await tabTo('[data-testid="pass-grip"]');
  await page.keyboard.press("ArrowDown");
  expect(await focused('[data-testid="planned-pass"]:nth-child(2) .grip')).toBe(true);
  await page.keyboard.press("Tab");
  expect(await focused('[data-testid="planned-pass"]:nth-child(2) [role="switch"]')).toBe(true);
  await page.keyboard.press("Tab");
  expect(await focused('[data-testid="plan"]')).toBe(false);
  // The costs: radio buttons, of which the one that is reached is chosen.
  await at(page, "cost-nodes").focus();
  await page.keyboard.press("ArrowRight");
  expect(await focused('[data-testid="cost-flops"][aria-checked="true"]')).toBe(true);
  await page.keyboard.press("Tab");
  expect(await focused('[data-testid="cost-strip"]')).toBe(false);
  // Export, and back.
  await page.keyboard.press("Control+e");
  await at(page, "export-dialog").waitFor();
  await tabTo('[data-testid="export-start"]');
  await page.keyboard.press("Enter");
  await at(page, "export-result").waitFor({ timeout: 60_000 });
  await screenshot("keyboard-2-exported");
  await page.keyboard.press("Escape");
  await at(page, "export-dialog").waitFor({ state: "detached" });
  await keepsFocus();
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
