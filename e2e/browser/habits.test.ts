/** What a person gets used to: keys of their own, sizes that stay, undo everywhere, ways through the graph, notices that stand aside. */
import { AxeBuilder } from "@axe-core/playwright";
import { readFileSync } from "node:fs";
import type { Page } from "playwright-core";
import { expect } from "vitest";
import { inRoot } from "../../app/tooling/run.mjs";
import { journey } from "../harness.ts";

const digits = inRoot("examples/digits/digits.onnx");
const at = (page: Page, id: string) => page.getByTestId(id);
const opened = (page: Page) => at(page, "graph-panel").locator('[data-kind="operator"]').first().waitFor();

journey("keys of one's own: recorded, refused, swapped, shown everywhere, kept, reset", { model: digits }, async ({ kind, page, screenshot }) => {
  await opened(page);
  const row = (id: string) => page.locator(`[data-testid="key-row"][data-command="${id}"]`);
  const keysOf = (id: string) => row(id).locator("kbd").allTextContents();
  const openKeys = async (): Promise<void> => {
    await page.locator("body").press("?");
    await at(page, "change-keys").click();
    await at(page, "keys-settings").waitFor();
  };
  await openKeys();
  expect((await new AxeBuilder({ page }).include('[data-testid="settings"]').analyze()).violations).toEqual([]);
  await screenshot("keys-1-all");

  // M hides the minimap; F fits. What is free is taken at once, what is taken is named.
  await row("view-minimap").getByTestId("key-button").click();
  await page.keyboard.press("q");
  await expect.poll(() => keysOf("view-minimap")).toEqual(["Q"]);
  await row("view-minimap").getByTestId("key-button").click();
  if (kind === "browser") {
    await page.keyboard.press("F11");
    await expect.poll(() => at(page, "key-note").textContent()).toContain("F11");
    await expect.poll(() => at(page, "key-note").textContent()).toContain("keeps it");
  }
  await page.keyboard.press("f");
  await expect.poll(() => at(page, "key-conflict").textContent()).toContain("Show the whole graph");
  await screenshot("keys-2-conflict");
  await at(page, "key-swap").click();
  await expect.poll(async () => [await keysOf("view-minimap"), await keysOf("view-fit")]).toEqual([["F"], ["Q"]]);
  // Escape leaves the key and not the dialog; Backspace removes it.
  await row("view-center").getByTestId("key-button").click();
  await page.keyboard.press("Escape");
  await expect.poll(() => keysOf("view-center")).toEqual(["C"]);
  await row("view-center").getByTestId("key-button").click();
  await page.keyboard.press("Backspace");
  await expect.poll(() => keysOf("view-center")).toEqual([]);
  // Taken from its owner.
  await row("view-fit").getByTestId("key-button").click();
  await page.keyboard.press("m");
  await expect.poll(() => keysOf("view-fit")).toEqual(["M"]);
  await row("view-fit").getByTestId("key-button").click();
  await page.keyboard.press("w");
  await at(page, "key-take").click();
  await expect.poll(async () => [await keysOf("view-fit"), await keysOf("view-edge-width")]).toEqual([["W"], []]);
  // The palette works in text fields too: a letter alone would be typed.
  await row("view-palette").getByTestId("key-button").click();
  await page.keyboard.press("q");
  await expect.poll(() => at(page, "key-note").getAttribute("class")).toContain("key-refused");
  await page.keyboard.press("Alt+q");
  await expect.poll(() => keysOf("view-palette")).toEqual(["Alt+Q"]);
  await page.keyboard.press("Escape");
  await at(page, "settings").waitFor({ state: "detached" });

  // They work, and are shown in menu, palette, sheet, and after a reload.
  const minimap = async (): Promise<string | null> => {
    await at(page, "menu-view").click();
    const item = at(page, "command-view-minimap");
    const text = `${await item.getAttribute("aria-checked")} ${await item.locator("kbd").textContent()}`;
    await page.keyboard.press("Escape");
    return text;
  };
  const before = await minimap();
  expect(before).toMatch(/ F$/);
  await page.locator("body").press("f");
  await expect.poll(minimap).not.toBe(before);
  await page.reload();
  await opened(page);
  await at(page, "text-editor").waitFor();
  await page.locator("body").press("Control+k");
  await page.locator("body").press("Alt+q");
  await at(page, "palette").waitFor();
  expect(await page.locator('[data-testid^="palette-view-minimap"], [data-testid="palette-file-open"]').first().textContent()).toContain("Ctrl+O");
  await page.keyboard.press("Escape");
  await at(page, "palette").waitFor({ state: "detached" });
  await page.locator("body").press("?");
  await expect.poll(() => at(page, "shortcuts").textContent()).toContain("Alt+Q");
  await screenshot("keys-3-sheet");
  await page.keyboard.press("Escape");
  await at(page, "shortcuts").waitFor({ state: "detached" });

  // One back, which takes its key from who has it now; then all.
  await openKeys();
  await row("view-palette").getByTestId("key-reset").click();
  await expect.poll(() => keysOf("view-palette")).toEqual(["Ctrl+K", "Ctrl+Shift+P"]);
  await at(page, "keys-reset-all").click();
  await expect.poll(async () => [await keysOf("view-minimap"), await keysOf("view-fit"), await keysOf("view-center")]).toEqual([["M"], ["F"], ["C"]]);
  expect(await page.locator('[data-testid="key-row"][data-own="true"]').count()).toBe(0);
});

journey("sizes stay, notices stand aside, undo goes over rewrites, notes and names of groups", { model: digits }, async ({ page, screenshot }) => {
  await page.emulateMedia({ reducedMotion: "reduce" });
  await opened(page);
  await at(page, "text-editor").waitFor();
  // A panel made wider is as wide after a reload.
  const width = async (): Promise<number> => Math.round((await page.locator("#left").boundingBox())!.width);
  const narrow = await width();
  await page.getByRole("separator").first().focus();
  await page.keyboard.press("ArrowRight");
  await page.keyboard.press("ArrowRight");
  await expect.poll(width).toBeGreaterThan(narrow);
  const wide = await width();
  await page.reload();
  await opened(page);
  await expect.poll(width).toBe(wide);

  // A rewrite, a note, a name: taken back in the order in which they came, and made again.
  await at(page, "tab-rewrites").click();
  const rewrite = page.locator('[data-testid="rewrite-row"][data-rewrite="batch-norm-into-conv"]');
  await rewrite.getByRole("button").first().click();
  await rewrite.getByTestId("apply-site").first().click();
  await expect.poll(() => at(page, "timeline").getAttribute("data-step")).toBe("1");
  // What is said of it lies beside the panels and not on them.
  const notice = at(page, "notice").first();
  await notice.waitFor();
  const overlap = await page.evaluate(() => {
    const said = document.querySelector('[data-testid="notice"]')?.getBoundingClientRect();
    return said === undefined ? [] : [...document.querySelectorAll("[data-part]")].filter((part) => { const box = part.getBoundingClientRect(); return box.bottom > said.top + 1 && box.top < said.bottom - 1 && box.right > said.left && box.left < said.right; }).map((part) => part.getAttribute("aria-label") ?? part.className);
  });
  expect(overlap).toEqual([]);
  await screenshot("notice-beside");
  await expect.poll(() => at(page, "notice").count()).toBe(0);
  await page.locator("body").press("Alt+8");
  await at(page, "note-step").fill("The first fold");
  await at(page, "note-step").blur();
  // Frames let the pointer through to the canvas, which knows what lies there.
  const stem = (await page.locator('#graph [data-frame-title][title="stem"] > span').first().boundingBox())!;
  await page.mouse.click(stem.x + stem.width / 2, stem.y + stem.height / 2);
  await expect.poll(() => at(page, "group-inspector").textContent()).toContain("MaxPool");
  await page.keyboard.press("F2");
  expect(await at(page, "group-name").inputValue()).toBe("stem");
  await at(page, "group-name").fill("The stem");
  await page.keyboard.press("Enter");
  await expect.poll(() => page.locator("#graph").textContent()).toContain("The stem");
  const undo = () => at(page, "undo").click();
  await undo();
  await expect.poll(() => page.locator("#graph").textContent()).not.toContain("The stem");
  expect(await at(page, "note-step").inputValue()).toBe("The first fold");
  await undo();
  await expect.poll(() => at(page, "note-step").inputValue()).toBe("");
  expect(await at(page, "timeline").getAttribute("data-step")).toBe("1");
  await undo();
  await expect.poll(() => at(page, "timeline").getAttribute("data-step")).toBe("0");
  for (let i = 0; i < 3; i++) await at(page, "redo").click();
  await expect.poll(() => page.locator("#graph").textContent()).toContain("The stem");
  await expect.poll(() => at(page, "note-step").inputValue()).toBe("The first fold");
  expect(await at(page, "timeline").getAttribute("data-step")).toBe("1");
});

journey("ways through the graph: follow an edge, isolate a cone, constants, heat, the shortcut sheet; recent files by handle", { model: digits }, async ({ kind, page, screenshot }) => {
  await opened(page);
  await at(page, "text-editor").waitFor();
  const nodes = async (): Promise<number> => Number(await at(page, "graph-panel").getAttribute("data-nodes"));
  const choose = async (command: string, menu = "view"): Promise<void> => {
    await at(page, `menu-${menu}`).click();
    await at(page, `command-${command}`).click();
    await at(page, `command-${command}`).waitFor({ state: "detached" });
  };
  const all = await nodes();
  // The graph moved out of view: an arrow comes to the node nearest by.
  const canvas = page.locator("#graph [data-graph-canvas]");
  const box = (await canvas.boundingBox())!;
  await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
  for (let i = 0; i < 20; i++) await page.mouse.wheel(0, -600);
  await expect.poll(() => at(page, "graph-panel").locator('[data-kind="operator"]').count()).toBe(0);
  await canvas.focus();
  await page.keyboard.press("ArrowDown");
  await expect.poll(() => page.locator('#graph [role="status"]').last().textContent()).not.toBe("Nothing selected.");
  await expect.poll(() => at(page, "graph-panel").locator('[data-kind="operator"]').count()).toBeGreaterThan(0);
  await page.keyboard.press("Escape");
  await page.locator("body").press("/");
  await at(page, "search-input").fill("stem/bn");
  await expect.poll(() => at(page, "search-result").count()).toBeGreaterThan(0);
  await page.keyboard.press("Enter");
  await expect.poll(() => at(page, "inspector-op").textContent()).toContain("BatchNormalization");
  // The other end of the edge: the next operator down.
  await page.locator("body").press("e");
  await expect.poll(() => at(page, "inspector-op").textContent()).not.toContain("BatchNormalization");
  await screenshot("edge-followed");
  // Back to the node before, by the key of every browser, and forward again.
  await page.locator("body").press("Alt+ArrowLeft");
  await expect.poll(() => at(page, "inspector-op").textContent()).toContain("BatchNormalization");
  await page.locator("body").press("Alt+ArrowRight");
  await expect.poll(() => at(page, "inspector-op").textContent()).not.toContain("BatchNormalization");
  // The cone of what it needs, then everything again: by undo, by its own key, by going back.
  await choose("view-isolate-inputs");
  await at(page, "isolated").waitFor();
  await expect.poll(nodes).toBeLessThan(all);
  expect(await nodes()).toBeGreaterThan(1);
  await screenshot("cone");
  const cone = await nodes();
  await page.locator("body").press("Control+z");
  await at(page, "isolated").waitFor({ state: "detached" });
  await page.locator("body").press("Control+Shift+Z");
  await expect.poll(nodes).toBe(cone);
  await page.locator("body").press("Shift+I");
  await at(page, "isolated").waitFor({ state: "detached" });
  await expect.poll(nodes).toBe(all);
  await at(page, "view-back").click();
  await expect.poll(nodes).toBe(cone);
  await at(page, "view-forward").click();
  await expect.poll(nodes).toBe(all);
  // Constants as nodes of their own, and hidden again.
  const chips = () => page.locator("#graph").evaluate((each) => each.textContent);
  const shown = await chips();
  await choose("view-constants");
  await expect.poll(chips).not.toBe(shown);
  await choose("view-constants");
  await expect.poll(chips).toBe(shown);
  // Heat: each card has a share, and the legend says of what.
  for (const kind of ["flops", "bytes"] as const) {
    await choose(`view-heat-${kind}`);
    await expect.poll(() => at(page, "heat-legend").getAttribute("data-kind")).toBe(kind);
    await expect.poll(() => page.locator("#graph [data-heat]").count()).toBeGreaterThan(0);
  }
  await screenshot("heat");
  await choose("view-heat-bytes");
  await at(page, "heat-legend").waitFor({ state: "detached" });
  // The sheet lists what the menus list.
  await page.locator("body").press("?");
  await expect.poll(() => at(page, "shortcuts").locator("dt").count()).toBeGreaterThan(40);
  await page.keyboard.press("Escape");
  await at(page, "shortcuts").waitFor({ state: "detached" });
  if (kind !== "browser") return;

  // A file of the browser's own chooser is remembered by its handle: real ones, of files that only this page has.
  await page.evaluate(async (bytes) => {
    const handle = await (await navigator.storage.getDirectory()).getFileHandle("mine.onnx", { create: true });
    const file = await handle.createWritable();
    await file.write(Uint8Array.from(atob(bytes), (each) => each.charCodeAt(0)));
    await file.close();
    Object.assign(window, { showOpenFilePicker: () => Promise.resolve([handle]) });
  }, readFileSync(digits).toString("base64"));
  const tabs = () => at(page, "model-tab").count();
  const recent = () => at(page, "recent").filter({ hasText: "mine.onnx" });
  const welcome = () => choose("help-welcome", "help");
  await page.locator("body").press("Control+o");
  await expect.poll(tabs).toBe(2);
  await welcome();
  await recent().waitFor();
  await screenshot("recent");
  // The browser asks; refused, it is said and nothing opens; allowed, it opens.
  const answer = (permission: string) => page.evaluate((given) => void Object.assign(FileSystemFileHandle.prototype, { queryPermission: () => Promise.resolve("prompt"), requestPermission: () => Promise.resolve(given) }), permission);
  await answer("denied");
  await recent().click();
  await at(page, "notice").filter({ hasText: "not allowed to read mine.onnx" }).waitFor();
  await answer("granted");
  const kept = page.waitForResponse((response) => response.request().method() === "PUT" && response.url().includes("/host/kept/model."));
  await recent().click();
  await expect.poll(tabs).toBe(3);
  await kept;
  // A file that is gone is said to be, and is off the list.
  await page.evaluate(async () => (await navigator.storage.getDirectory()).removeEntry("mine.onnx"));
  await welcome();
  await recent().click();
  await at(page, "notice").filter({ hasText: "mine.onnx is no longer where it was" }).waitFor();
  await recent().waitFor({ state: "detached" });
  expect(await tabs()).toBe(3);
});
