/** Work survives: a killed browser, a killed program, a reload; a project file and a link bring it back elsewhere. */
import { readFileSync, rmSync } from "node:fs";
import { copyFile, mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import type { Page } from "playwright-core";
import { expect } from "vitest";
import { needs } from "../../app/tooling/need.ts";
import { inRoot } from "../../app/tooling/run.mjs";
import { launchKept, withProfile, type KeptProgram } from "../harness.ts";

const digits = inRoot("examples/digits/digits.onnx");
const at = (page: Page, id: string) => page.getByTestId(id);

async function ready(page: Page): Promise<void> {
  await at(page, "graph-panel").locator('[data-kind="operator"]').first().waitFor();
}

async function foldFirst(page: Page, site = 0): Promise<void> {
  await at(page, "tab-rewrites").click();
  const rewrite = page.locator('[data-testid="rewrite-row"][data-rewrite="batch-norm-into-conv"]');
  if ((await rewrite.getByTestId("site-row").count()) === 0) await rewrite.getByRole("button").first().click();
  await rewrite.getByTestId("apply-site").nth(site).click();
  await expect.poll(() => at(page, "timeline").getAttribute("data-step")).toBe("1");
}

/** What a person would compare: step, steps, nodes, branches, note. */
async function state(page: Page): Promise<Record<string, unknown>> {
  const timeline = at(page, "timeline");
  return {
    step: await timeline.getAttribute("data-step"),
    steps: await timeline.getAttribute("data-steps"),
    base: await timeline.getAttribute("data-a"),
    nodes: await at(page, "status-nodes").textContent(),
    branches: await at(page, "branches").count(),
    tabs: await at(page, "model-tab").allTextContents(),
  };
}

async function chooseFile(page: Page, file: string, click: () => Promise<void>): Promise<void> {
  const [chooser] = await Promise.all([page.waitForEvent("filechooser"), click()]);
  await chooser.setFiles(file);
}

const test = needs("chromium");

test("kill -9 of the browser -> the work is offered and comes back whole", () =>
  withProfile(async (folder) => {
    let program: KeptProgram = await launchKept(folder);
    let { page } = program;
    // A model that only the page holds: chosen in the browser's own dialog, then its file disappears.
    const own = path.join(folder, "my digits.onnx");
    await copyFile(digits, own);
    await at(page, "welcome").waitFor();
    await chooseFile(page, own, () => at(page, "open-button").click());
    await ready(page);
    await foldFirst(page);
    await page.keyboard.press("Alt+8");
    await at(page, "note-step").fill("The first fold");
    await at(page, "note-step").blur();
    await at(page, "undo").click(); // takes the note back, it came last
    await expect.poll(() => at(page, "note-step").inputValue()).toBe("");
    expect(await at(page, "timeline").getAttribute("data-step")).toBe("1");
    await at(page, "redo").click();
    await expect.poll(() => at(page, "note-step").inputValue()).toBe("The first fold");
    await at(page, "undo").click();
    await at(page, "undo").click();
    await expect.poll(() => at(page, "timeline").getAttribute("data-step")).toBe("0");
    await foldFirst(page, 2);
    await at(page, "tab-pipeline").click();
    await at(page, "run-all").click();
    await expect.poll(() => at(page, "status-nodes").textContent(), { timeout: 30_000 }).toMatch(/39 → 14 nodes/);
    const before = await state(page);
    // No pause: what a person has seen is what must be there.
    await program.kill("browser");
    rmSync(own);

    program = await launchKept(folder);
    ({ page } = program);
    await at(page, "lost-work").waitFor();
    expect(await at(page, "lost-work").textContent()).toContain("my digits.onnx");
    await program.screenshot("work-1-offered");
    await at(page, "lost-restore").click();
    await expect.poll(() => state(page)).toEqual(before);
    expect(await at(page, "lost-work").count()).toBe(0);
    await program.screenshot("work-2-restored");
    await program.close();
  }), 120_000);

test("killed over and over in the middle of a run of rewrites -> what was seen is there, but for the step in flight", () =>
  withProfile(async (folder) => {
    let program: KeptProgram = await launchKept(folder, { model: digits, viewport: { width: 900, height: 600 } });
    const seenSteps = async (page: Page): Promise<number> => Number(await at(page, "timeline").getAttribute("data-steps"));
    await ready(program.page);
    let before = 0;
    // The next rewrite again and again by its key; the kill comes at another moment of a step each time, to the program behind the
    // window too: its address changes, the work does not.
    for (const [round, pause] of [0, 20, 60].entries()) {
      const { page } = program;
      await page.evaluate(() => (document.activeElement as HTMLElement | null)?.blur());
      let seen = before;
      for (const wanted of [before + 1, before + 2]) {
        await page.keyboard.press("Shift+J");
        await expect.poll(async () => (seen = await seenSteps(page)), { timeout: 20_000, interval: 10 }).toBeGreaterThanOrEqual(wanted);
      }
      // One more, which is in flight when everything ends.
      await page.keyboard.press("Shift+J");
      await page.waitForFunction((steps) => document.querySelector('[data-testid="task"]') !== null || Number(document.querySelector<HTMLElement>('[data-testid="timeline"]')?.dataset["steps"]) > steps, seen);
      await new Promise((resolve) => setTimeout(resolve, pause));
      await program.kill(round === 1 ? "browser" : "everything");
      program = await launchKept(folder, { viewport: { width: 900, height: 600 } });
      await at(program.page, "lost-restore").click();
      await expect.poll(() => seenSteps(program.page), { timeout: 20_000 }).toBeGreaterThanOrEqual(seen);
      before = await seenSteps(program.page);
      expect(before).toBeLessThanOrEqual(seen + 1);
      expect(await at(program.page, "timeline").getAttribute("data-step")).toBe(String(before));
    }
    await program.close();
  }), 120_000);

test("a reload finds tabs, steps and view again; closed models come back", () =>
  withProfile(async (folder) => {
    const program = await launchKept(folder, { model: digits });
    const { page } = program;
    await ready(page);
    await foldFirst(page);
    await page.keyboard.press("Alt+5");
    await at(page, "tab-values").waitFor();
    await page.getByTestId("menu-help").click();
    await page.getByTestId("command-help-welcome").click();
    await at(page, "example").first().click();
    await expect.poll(() => at(page, "model-tab").count()).toBe(2);
    await ready(page);
    // Tabs: moved by keys, and by dragging.
    await at(page, "model-tab").nth(1).focus();
    await page.keyboard.press("Control+ArrowLeft");
    await expect.poll(() => at(page, "model-tab").first().getAttribute("aria-current")).toBe("page");
    await at(page, "model-tab").first().dragTo(at(page, "model-tab").nth(1), { targetPosition: { x: 80, y: 20 } });
    await expect.poll(() => at(page, "model-tab").nth(1).getAttribute("aria-current")).toBe("page");
    await page.waitForTimeout(600);
    await ready(page);
    const before = await state(page);
    await page.reload();
    await expect.poll(() => state(page)).toEqual(before);
    expect(await at(page, "tab-values").getAttribute("data-state")).toBe("active");
    await at(page, "model-tab").first().click();
    await expect.poll(() => at(page, "timeline").getAttribute("data-step")).toBe("1");
    // Closed by the middle button, opened again where it was, with its step.
    await at(page, "model-tab").first().click({ button: "middle" });
    await expect.poll(() => at(page, "model-tab").count()).toBe(1);
    await page.keyboard.press("Control+Shift+Y");
    await expect.poll(() => at(page, "model-tab").count()).toBe(2);
    await expect.poll(() => at(page, "timeline").getAttribute("data-step")).toBe("1");
    expect(await at(page, "model-tab").first().getAttribute("aria-current")).toBe("page");
    await at(page, "model-tab").first().click({ button: "right" });
    await program.screenshot("work-3-tab-menu");
    await at(page, "tab-close-others").click();
    await expect.poll(() => at(page, "model-tab").count()).toBe(1);
    await program.close();
  }), 120_000);

test("a project file and a link open the same state; another or a missing model is asked for", () =>
  withProfile(async (folder) => {
    let program = await launchKept(folder);
    let { page } = program;
    const models = path.join(folder, "models");
    await mkdir(models);
    const own = path.join(models, "net.onnx");
    // Not the example itself, which would be found: one more field, ModelProto.doc_string.
    const withDoc = (text: string): Buffer => Buffer.concat([readFileSync(digits), Buffer.from([0x32, text.length]), Buffer.from(text)]);
    await writeFile(own, withDoc("mine"));
    await at(page, "welcome").waitFor();
    await chooseFile(page, own, () => at(page, "open-button").click());
    await ready(page);
    await foldFirst(page, 1);
    await page.keyboard.press("Alt+8");
    await at(page, "note-model").fill("Which fold pays most?");
    await page.keyboard.press("Control+s");
    await program.screenshot("work-4-save");
    await at(page, "save-name").fill("study");
    await at(page, "save-start").click();
    await page.getByText(/^Saved in/).waitFor();
    const before = await state(page);
    const file = path.join(folder, "exports/study.graphwright");
    const saved = JSON.parse(readFileSync(file, "utf8")) as { models: { steps: unknown[]; notes: { model: string }; model: { hash: { value: string } } }[] };
    expect(saved).toMatchObject({ graphwright: "project", version: 1, models: [{ model: { name: "net.onnx", hash: { algorithm: "sha-256" } }, notes: { model: "Which fold pays most?" } }] });
    // Saved once more: the same file, nothing asked.
    await page.keyboard.press("Control+s");
    await expect.poll(() => at(page, "save-project").count()).toBe(0);

    await page.keyboard.press("Control+k");
    await at(page, "palette-input").fill("copy link");
    await page.keyboard.press("Enter");
    await page.getByText("Copied").waitFor();
    const link = await page.evaluate(() => navigator.clipboard.readText());
    expect(link).toMatch(/#p=[\w-]+$/);
    await page.evaluate((hash) => { location.hash = hash; }, link.slice(link.indexOf("#")));
    await expect.poll(() => at(page, "model-tab").count()).toBe(2);
    await expect.poll(() => state(page)).toMatchObject({ step: before["step"], nodes: before["nodes"] });
    await program.close();

    // Elsewhere: a profile that knows nothing of it, and no model beside the project.
    await withProfile(async (elsewhere) => {
      program = await launchKept(elsewhere);
      ({ page } = program);
      await at(page, "welcome").waitFor();
      await chooseFile(page, file, () => at(page, "open-button").click());
      await at(page, "locate-model").waitFor();
      expect(await at(page, "locate-model").textContent()).toContain("net.onnx");
      await program.screenshot("work-5-missing");
      // Another model first: it says what differs.
      const changed = path.join(elsewhere, "net.onnx");
      await writeFile(changed, withDoc("changed"));
      await chooseFile(page, changed, () => at(page, "locate-choose").click());
      await page.locator('[data-testid="difference"][data-what="hash"]').waitFor();
      expect(await page.getByTestId("difference").evaluateAll((rows) => rows.map((row) => (row as HTMLElement).dataset["what"]))).toEqual(["size", "hash"]);
      await program.screenshot("work-6-differs");
      // Then the right one.
      await chooseFile(page, own, () => at(page, "locate-choose").click());
      await expect.poll(() => state(page)).toEqual(before);
      await page.keyboard.press("Alt+8");
      expect(await at(page, "note-model").inputValue()).toBe("Which fold pays most?");
      expect(await page.title()).toBe("net.onnx — Graphwright");
      await program.close();
    });
  }), 120_000);
