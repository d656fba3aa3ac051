/** Long work stops when it is told to, and leaves everything as it was. The milliseconds are printed; the limit here is loose, for a busy machine. */
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import type { Page } from "playwright-core";
import { afterAll, expect } from "vitest";
import { inRoot } from "../../app/tooling/run.mjs";
import { transformerFile } from "../../compiler-core/bench/transformer.ts";
import { journey } from "../harness.ts";

const folder = mkdtempSync(path.join(tmpdir(), "graphwright-cancel-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Presses cancel as soon as `when` is on the page, and gives the milliseconds until nothing is under way. */
const cancelled = (page: Page, when: string, task = "task", cancel = "cancel-task"): Promise<number> =>
  page.evaluate(async ([selector, task, cancel]) => {
    const byId = (id: string): HTMLButtonElement | null => document.querySelector(`[data-testid="${id}"]`);
    while (!document.querySelector(selector) || !byId(cancel)) await new Promise((resolve) => setTimeout(resolve, 2));
    const button = byId(cancel)!;
    const began = performance.now();
    button.click();
    while (byId(task)) await new Promise((resolve) => setTimeout(resolve, 2));
    return performance.now() - began;
  }, [when, task, cancel] as const);

journey("a large file, a long optimization and an export are cancelled, and nothing changed", { model: inRoot("examples/digits/digits.onnx") }, async ({ kind, page, exportsFolder }) => {
  if (kind === "electron") return; // the file dialog is the operating system's there
  const at = (id: string) => page.getByTestId(id);
  await at("graph-panel").locator('[data-kind="operator"]').first().waitFor();
  page.on("filechooser", () => undefined);
  await page.evaluate(() => undefined);
  const open = async (nodes: number): Promise<void> => {
    const file = path.join(folder, `plain-${nodes}.onnx`);
    writeFileSync(file, transformerFile("plain", nodes));
    const chooser = page.waitForEvent("filechooser");
    await page.keyboard.press("Control+o");
    await (await chooser).setFiles(file);
  };

  // The outline of the graph is there while the compiler reads; then it is gone, and what was open is there again.
  await open(50_000);
  // The tab of what is opening is the one marked, not the tab of what was shown before.
  const opening = await cancelled(page, 'body:has([data-outline]):not(:has([data-testid="model-tab"][aria-current])) [data-testid="opening-tab"]');
  expect(opening).toBeLessThan(2000);
  expect(await at("model-tab").count()).toBe(1);
  await expect.poll(() => at("status-nodes").textContent()).toMatch(/^40/);
  await expect.poll(() => at("graph-panel").getAttribute("data-nodes")).not.toBe(null);

  // A long optimization: no step is left of it.
  await open(5_000);
  await expect.poll(() => at("graph-panel").getAttribute("data-step"), { timeout: 60_000 }).toBe("0");
  await at("run-all").click();
  const optimizing = await cancelled(page, '[data-testid="cancel-task"]');
  expect(optimizing).toBeLessThan(2000);
  expect(await at("step-position").textContent()).toMatch(/0\s*\/\s*0/);

  // An export: the form is there again, and the folder has nothing of it.
  await at("export-button").click();
  await at("export-start").click();
  const exporting = await cancelled(page, '[data-testid="export-cancel"]', "export-cancel", "export-cancel");
  expect(exporting).toBeLessThan(2000);
  await at("export-start").waitFor();
  await expect.poll(() => (existsSync(exportsFolder) ? readdirSync(exportsFolder) : [])).toEqual([]);
  await page.keyboard.press("Escape");
  console.log(`cancelled: opening 50,000 nodes after ${opening.toFixed(0)} ms, optimizing 5,000 nodes after ${optimizing.toFixed(0)} ms, exporting after ${exporting.toFixed(0)} ms`);
});
