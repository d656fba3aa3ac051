/** Before and after on two canvases that move together: two steps of any branches, and two files. */
import { readFile } from "node:fs/promises";
import { AxeBuilder } from "@axe-core/playwright";
import { createSession, MemoryBlob, silentTask } from "@graphwright/compiler-core";
import type { Page } from "playwright-core";
import { expect } from "vitest";
import { inRoot } from "../../app/tooling/run.mjs";
import { journey } from "../harness.ts";

const digits = inRoot("examples/digits/digits.onnx");
type Side = "before" | "after";

/** Where a card's middle stands in its canvas; undefined while it is not drawn. */
const placeOf = (page: Page, side: Side, name: string): Promise<{ readonly x: number; readonly y: number } | undefined> =>
  page.locator(`[data-side="${side}"]`).evaluate((pane, title) => {
    const canvas = pane.querySelector("[data-graph-canvas]")!.getBoundingClientRect();
    const card = [...pane.querySelectorAll<HTMLElement>(".react-flow__node")].find((each) => each.getAttribute("aria-label")?.includes(title));
    const box = card?.getBoundingClientRect();
    return box && { x: Math.round(box.x + box.width / 2 - canvas.x), y: Math.round(box.y + box.height / 2 - canvas.y) };
  }, name);
const viewOf = (page: Page, side: Side): Promise<string> => page.locator(`[data-side="${side}"] .react-flow__viewport`).evaluate((element) => (element as HTMLElement).style.transform);

/** Both canvases show a card at one height, to less than a card: the link has done its work. */
async function expectLevel(page: Page, name: string): Promise<void> {
  await expect.poll(async () => {
    const [a, b] = [await placeOf(page, "before", name), await placeOf(page, "after", name)];
    return a && b && Math.max(Math.abs(a.x - b.x), Math.abs(a.y - b.y));
  }, { timeout: 20_000 }).toBeLessThan(24);
}

journey("two steps side by side: linked by wheel, drag, keys and minimap, marks, selection, branches", { model: digits }, async ({ page, screenshot }) => {
  const at = (id: string) => page.getByTestId(id);
  const pane = (side: Side) => page.locator(`[data-side="${side}"]`);
  const mode = (name: string) => at("difference-mode").getByRole("radio", { name });
  await page.emulateMedia({ reducedMotion: "reduce" });
  await at("graph-panel").locator('[data-kind="operator"]').first().waitFor();
  expect(await at("difference-mode").count()).toBe(0);

  // One rewrite; overlaid at first, as ever.
  await at("tab-rewrites").click();
  const rewrite = page.locator('[data-testid="rewrite-row"][data-rewrite="batch-norm-into-conv"]');
  await rewrite.getByRole("button").first().click();
  await rewrite.getByTestId("apply-site").first().click();
  await at("graph-panel").locator('[data-diff="added"], [data-diff="changed"]').first().waitFor();
  expect(await mode("Overlay").getAttribute("data-state")).toBe("on");
  const union = await at("graph-marks").textContent();

  // Side by side: what is removed stands on the left alone, what is new on the right.
  await mode("Side by side").click();
  await pane("before").locator('[data-diff="removed"]').first().waitFor();
  await pane("after").locator('[data-diff="changed"], [data-diff="added"]').first().waitFor();
  expect(await pane("after").locator('[data-diff="removed"]').count()).toBe(0);
  expect(await pane("before").locator('[data-diff="added"]').count()).toBe(0);
  const marks = async (side: Side): Promise<string> => (await pane(side).getByTestId("graph-marks").textContent()) ?? "";
  expect(union).toContain(/−\d+/.exec(await marks("before"))![0]);
  await screenshot("beside-1-steps");

  // Wheel on one side, drag on the other, keys, minimap: the other follows.
  const box = async (side: Side): Promise<{ x: number; y: number; width: number; height: number }> => (await pane(side).locator("[data-graph-canvas]").boundingBox())!;
  const moves = async (side: Side, act: () => Promise<void>): Promise<void> => {
    const other = side === "before" ? "after" : "before";
    const [own, follower] = [await viewOf(page, side), await viewOf(page, other)];
    await act();
    await expect.poll(() => viewOf(page, side)).not.toBe(own);
    await expect.poll(() => viewOf(page, other)).not.toBe(follower);
  };
  const [left, right] = [await box("before"), await box("after")];
  await moves("before", async () => { await page.mouse.move(left.x + 160, left.y + 160); await page.mouse.wheel(0, 240); });
  await moves("after", async () => {
    await page.mouse.move(right.x + 40, right.y + 200);
    await page.mouse.down();
    await page.mouse.move(right.x + 60, right.y + 120, { steps: 3 });
    await page.mouse.up();
  });
  await moves("before", async () => { await pane("before").locator("[data-graph-canvas]").focus(); await page.keyboard.press("+"); });
  const zooms = async (): Promise<(string | undefined)[]> => [/scale\([^)]*\)/.exec(await viewOf(page, "before"))?.[0], /scale\([^)]*\)/.exec(await viewOf(page, "after"))?.[0]];
  await expect.poll(async () => { const [a, b] = await zooms(); return a === b; }).toBe(true);
  await page.keyboard.press("Home");
  await expectLevel(page, "Sub");

  // The minimap too, and the key that shows everything.
  const map = (await pane("after").locator("canvas").last().boundingBox())!;
  await moves("after", () => page.mouse.click(map.x + map.width / 2, map.y + map.height * 0.7));
  await page.keyboard.press("f");
  await expect.poll(async () => { const [a, b] = await zooms(); return a === b; }).toBe(true);

  // Without the link each moves alone, and with it again they are level.
  await at("link-views").click();
  expect(await at("link-views").getAttribute("aria-pressed")).toBe("false");
  const still = await viewOf(page, "after");
  const moved = await viewOf(page, "before");
  await page.mouse.move(left.x + 160, left.y + 160);
  await page.mouse.wheel(0, 300);
  await expect.poll(() => viewOf(page, "before")).not.toBe(moved);
  expect(await viewOf(page, "after")).toBe(still);
  await pane("before").locator("[data-graph-canvas]").press("l");
  await expect.poll(() => at("link-views").getAttribute("aria-pressed")).toBe("true");
  await pane("before").locator("[data-graph-canvas]").press("Home");
  await expectLevel(page, "Sub");

  // A node selected on one side is selected on the other: the removed one is what it went into.
  await pane("before").locator('[data-diff="removed"]').first().click();
  await expect.poll(() => pane("after").locator('[data-selected="true"]').count()).toBeGreaterThan(0);
  await screenshot("beside-2-selected");

  // A list of what differs, by keys.
  await at("show-differences").click();
  await at("differences-list").waitFor();
  await at("differences-list").focus();
  await page.keyboard.press("Home");
  await expect.poll(() => at("differences-list").getByRole("option", { selected: true }).count()).toBe(1);
  await at("difference-detail").getByText("input").first().waitFor();

  // Steps of two branches: back to the beginning, another rewrite there, and the first branch's step against it.
  await at("undo").click();
  await expect.poll(() => at("timeline").getAttribute("data-step")).toBe("0");
  await at("tab-rewrites").click();
  const dropout = page.locator('[data-testid="rewrite-row"][data-rewrite="eliminate-dropout"]');
  await dropout.getByRole("button").first().click();
  await dropout.getByTestId("apply-site").first().click();
  await expect.poll(() => at("branches").count()).toBe(1);
  const options = await at("step-before").locator("optgroup").evaluateAll((groups) => groups.map((group) => [...group.querySelectorAll("option")].map((option) => option.value)));
  expect(options).toHaveLength(2);
  await at("step-before").selectOption(options[1]![0]!);
  await expect.poll(() => at("a-elsewhere").count()).toBe(1);
  await pane("before").locator('[data-diff="changed"], [data-diff="removed"]').first().waitFor();
  await pane("after").locator('[data-diff="changed"], [data-diff="added"]').first().waitFor();
  await screenshot("beside-3-branches");

  // The same control leads back to the overlay and to one step.
  await mode("Overlay").click();
  await expect.poll(() => at("graph-panel-other").count()).toBe(0);
  await at("graph-panel").locator('[data-diff="removed"]').first().waitFor({ state: "attached" });
  await mode("Off").click();
  await expect.poll(() => at("graph-marks").count()).toBe(0);
  await page.locator("body").press("d");
  await at("graph-panel-other").waitFor();
});

/** The example without its Dropout, and with one weight that is half more. */
async function changedModel(): Promise<Buffer> {
  const session = createSession();
  const { model } = await session.open({ source: new MemoryBlob("digits.onnx", await readFile(digits)) }, silentTask);
  const { timeline: after } = await session.applyAll({ model, rewrite: "eliminate-dropout" }, silentTask);
  const { files } = await session.exportOnnx({ model, step: after.head, name: "changed.onnx" }, silentTask);
  const bytes = Buffer.from(files[0]!.bytes);
  // The first weight of the first convolution: 400 floats behind its name.
  const place = bytes.indexOf(Buffer.concat([Buffer.from("stem.conv.weight"), Buffer.from([0x4a, 0xc0, 0x0c])])) + 19;
  bytes.writeFloatLE(bytes.readFloatLE(place) + 0.5, place);
  return bytes;
}

journey("another file beside a model: matched, marked and listed, errors, themes", { model: digits }, async ({ kind, page, screenshot }) => {
  if (kind === "electron") return; // the file dialog is the operating system's there
  const at = (id: string) => page.getByTestId(id);
  const pane = (side: Side) => page.locator(`[data-side="${side}"]`);
  const choose = async (name: string, buffer: Buffer): Promise<void> => {
    const [chooser] = await Promise.all([page.waitForEvent("filechooser"), at("compare-file").click()]);
    await chooser.setFiles({ name, mimeType: "application/octet-stream", buffer });
  };
  const open = async (): Promise<void> => {
    await page.keyboard.press("Control+k");
    await at("palette-input").fill("compare with another");
    await page.keyboard.press("Enter");
    await at("compare-dialog").waitFor();
  };
  await page.emulateMedia({ reducedMotion: "reduce" });
  await at("graph-panel").locator('[data-kind="operator"]').first().waitFor();
  // The cards of the outline come before the model does.
  await expect.poll(() => at("timeline").getAttribute("data-step"), { timeout: 20_000 }).toBe("0");
  // Listening from now on: a chooser that opens before the page is told to hand it over would never close.
  page.on("filechooser", () => undefined);
  await page.evaluate(() => undefined);

  // A broken file is told of as ever, and nothing has changed.
  await open();
  await screenshot("models-1-dialog");
  await choose("broken.onnx", Buffer.from([8, 255, 255]));
  await at("notice").first().waitFor();
  expect(await at("notice").first().textContent()).toContain("broken.onnx");
  expect([await at("graph-panel-other").count(), await at("model-tab").count()]).toEqual([0, 1]);
  await at("dismiss-notice").first().click();

  await open();
  await choose("changed.onnx", await changedModel());
  await at("differences").waitFor();
  expect(await at("differences").evaluate(({ dataset }) => [dataset["added"], dataset["removed"], dataset["changed"]])).toEqual(["0", "1", "2"]);
  await pane("before").locator('[data-kind="operator"]').first().waitFor();
  await pane("after").locator('[data-kind="operator"]').first().waitFor();
  expect(await at("model-tab").allTextContents()).toHaveLength(2);

  // By keys: the convolution whose weight differs, by how much, and where, on both sides.
  await at("differences-list").focus();
  await page.keyboard.press("Home");
  await at("difference-detail").getByText("1 of 400 elements differ, by at most 0.5").waitFor();
  await expect.poll(() => pane("before").locator('[data-selected="true"]').count()).toBe(1);
  await expect.poll(() => pane("after").locator('[data-selected="true"]').count()).toBe(1);
  await expectLevel(page, "/stem/conv/Conv");
  await screenshot("models-2-differences");
  // What only one side has, by pointer.
  await at("differences-list").locator('[data-mark="removed"]').click();
  await pane("before").locator('[data-selected="true"][data-diff="removed"]').waitFor();
  expect(await pane("after").locator('[data-selected="true"]').count()).toBe(0);

  // A node of the other model: the inspector is about that one, its counterpart is selected too.
  await pane("after").locator("[data-graph-canvas]").press("Home");
  await pane("after").locator('[data-diff="changed"]').first().click();
  await expect.poll(() => pane("before").locator('[data-selected="true"]').count()).toBe(1);
  await expect.poll(() => at("inspector-op").textContent()).toContain("Conv");

  for (const theme of ["light", "dark", "high-contrast"] as const) {
    await page.emulateMedia({ colorScheme: theme === "light" ? "light" : "dark", contrast: theme === "high-contrast" ? "more" : "no-preference" });
    await expect.poll(() => page.evaluate(() => document.documentElement.dataset["theme"])).toBe(theme);
    await page.waitForFunction(() => document.getAnimations().every((animation) => animation.playState !== "running"));
    const axe = new AxeBuilder({ page }).include(".graph-area").include('[data-testid="differences"]');
    const { violations } = await (theme === "light" ? axe : axe.withRules(["color-contrast"])).analyze();
    expect(violations.map(({ id, nodes }) => [theme, id, nodes.map((node) => `${node.html} ${node.any[0]?.message ?? ""}`)])).toEqual([]);
    await screenshot(`models-3-${theme}`);
  }

  // Loaded anew, the other model stands beside this one again.
  await page.reload();
  await expect.poll(() => at("place-before").textContent()).toContain("digits.onnx");
  await pane("after").locator('[data-diff="changed"]').first().waitFor();
  expect(await at("model-tab").count()).toBe(2);

  // The sides change places; the comparison ends, and begins again with the tab.
  await at("swap-sides").click();
  await expect.poll(() => at("place-before").textContent()).toContain("changed.onnx");
  await expect.poll(() => at("differences").getAttribute("data-added")).toBe("1");
  await at("end-comparison").click();
  await expect.poll(() => at("graph-panel-other").count()).toBe(0);
  await page.locator("body").press("Shift+D");
  await at("compare-open").click();
  await at("graph-panel-other").waitFor();
  // A tab that is closed takes the comparison with it.
  await at("model-tab").nth(1).click();
  await page.keyboard.press("Alt+w");
  await expect.poll(() => at("model-tab").count()).toBe(1);
  await expect.poll(() => at("graph-panel-other").count()).toBe(0);
  await at("graph-panel").locator('[data-kind="operator"]').first().waitFor();
});
