/** axe and the texts of the window on a tour through its states, in every theme; forced colours; the keyboard's way through the window. */
import { AxeBuilder } from "@axe-core/playwright";
import type { Page } from "playwright-core";
import { expect, vi } from "vitest";
import { inRoot } from "../../app/tooling/run.mjs";
import { clipped } from "../clipped.ts";
import { journey } from "../harness.ts";
import { settled, tour, type Stop } from "../tour.ts";
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
 * Without GRAPHWRIGHT_AXE the short tour in Chinese, so that its texts are read on the way. With it every stop, and a line for each: `all`, or parts of it,
 * `GRAPHWRIGHT_AXE=dark,contrast`. Light: all rules of axe; dark and contrast: what colours decide; zh: all rules and texts left in English;
 * narrow: texts cut off, in both languages and in windows down to 700 pixels. A picture of each state is left in e2e/results. All takes half an hour.
 */
const parts = ["light", "dark", "contrast", "zh", "narrow"] as const;
type Part = (typeof parts)[number];
const wanted = (process.env["GRAPHWRIGHT_AXE"] ?? "").split(",").filter((each) => each !== "");
for (const each of wanted) if (each !== "all" && !parts.includes(each as Part)) throw new Error(`GRAPHWRIGHT_AXE: "${each}" is none of all, ${parts.join(", ")}.`);
const all = wanted.length > 0;
const walks = (part: Part): boolean => wanted.includes("all") || wanted.includes(part);
if (all) vi.setConfig({ testTimeout: 3_600_000 });
const sizes = [[1440, 900], [900, 640], [700, 640]] as const;
const english = { light: "light", dark: "dark", "high-contrast": "contrast" } as const;

for (const locale of ["en-US", "zh-CN"] as const) {
  if (locale === "en-US" ? !all || (["light", "dark", "contrast", "narrow"] as const).every((part) => !walks(part)) : all && !walks("zh") && !walks("narrow")) continue;
  journey(`no axe violations in any theme, no text left in another language (${locale})`, { locale }, async ({ kind, page, screenshot }) => {
    // Files are chosen by the operating system there.
    const stops = tour.filter(({ long, chooses }) => (all || !long) && (kind === "browser" || !chooses));
    page.on("filechooser", () => undefined);
    const found: string[] = [];
    let checks = 0;
    const report = (stop: string, problems: readonly string[]): void => {
      checks++;
      for (const problem of problems) found.push(`${stop}: ${problem}`);
    };
    const themesOf = ({ coloured, read }: Stop): readonly Theme[] => {
      if (!all) return read ? [] : coloured ? themes : ["light"];
      return locale === "en-US" ? themes.filter((theme) => walks(english[theme])) : walks("zh") ? ["light"] : [];
    };
    try {
      for (const [index, stop] of stops.entries()) {
        const { name, dialog, show: go, leave } = stop;
        const [begun, before] = [performance.now(), found.length];
        const picture = (end: string) => screenshot(`tour-${locale}-${String(index).padStart(2, "0")}-${name}-${end}`);
        try {
          await go(page);
        } catch (error) {
          if (error instanceof Error) error.message = `At the stop "${name}": ${error.message}`;
          throw error;
        }
        for (const theme of themesOf(stop)) {
          await show(page, theme);
          await settled(page);
          // Monaco's rows are its own; what a screen reader gets of them is its hidden text field.
          const axe = new AxeBuilder({ page }).exclude(".monaco-editor");
          if (dialog !== undefined) axe.include(`[data-testid="${dialog}"]`);
          // An open menu lies above the landmarks, as menus do.
          if (name.startsWith("menu-")) axe.disableRules(["region"]);
          // All rules once, and in the other themes what colours decide.
          const { violations } = await (theme === "light" ? axe : axe.withRules(["color-contrast"])).analyze();
          if (all && theme !== "light") await picture(theme);
          report(`${theme}, ${name}`, violations.map(({ id, help, nodes }) => `${id}: ${help}: ${nodes.slice(0, 3).map((node) => `${node.html.slice(0, 160)} ${[...node.any, ...node.all, ...node.none][0]?.message ?? ""}`).join(" | ")}`));
        }
        await show(page, "light");
        if (all && walks("narrow") && kind === "browser") {
          for (const [width, height] of sizes) {
            await page.setViewportSize({ width, height });
            await settled(page);
            report(`${width} px, ${name}`, await clipped(page));
            await picture(`${width}`);
          }
          await page.setViewportSize({ width: sizes[0][0], height: sizes[0][1] });
        }
        await settled(page);
        if (locale === "zh-CN" && kind === "browser" && (!all || walks("zh"))) report(name, (await untranslated(page)).map((text) => `left in English: ${text}`));
        await leave?.(page);
        if (all) console.log(`${locale} ${index + 1}/${stops.length} ${name}: ${((performance.now() - begun) / 1000).toFixed(1)} s${found.slice(before).map((each) => `\n  ${each}`).join("")}`);
      }
      if (all) console.log(`${locale}: ${stops.length} states, ${checks} checks, ${found.length} findings`);
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
