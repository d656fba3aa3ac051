/** Makes the pictures in docs/pictures from the running program. Usage: npm run docs:pictures [-- NAME...], without names all of them. */
import { mkdir, readFile } from "node:fs/promises";
import path from "node:path";
import { createSession, MemoryBlob, silentTask } from "@graphwright/compiler-core";
import { inRoot } from "../app/tooling/run.mjs";
import type { Page } from "playwright-core";
import { launchBrowser } from "./harness.ts";

const folder = inRoot("docs/pictures");
await mkdir(folder, { recursive: true });
const names = process.argv.slice(3);
const wanted = (...any: readonly string[]): boolean => names.length === 0 || any.some((name) => names.includes(name));

/** Writes a picture that is asked for. */
async function save(page: Page, name: string): Promise<void> {
  if (wanted(name)) await page.screenshot({ path: path.join(folder, `${name}.png`) });
}

/** A picture of what has come to rest, without notices and without the path of this machine. */
async function settledShot(page: Page, name: string): Promise<void> {
  await page.waitForTimeout(800);
  await clearNotices(page);
  await withoutPath(page);
  await save(page, name);
}

/** A path of this machine has no place in a picture. */
const withoutPath = async (page: Page): Promise<void> => {
  await page.locator(".fact, dt, dd, div").getByText("Path", { exact: true }).first().evaluate((label) => label.parentElement?.remove()).catch(() => undefined);
};

const clearNotices = async (page: Page): Promise<void> => {
  while ((await page.getByTestId("dismiss-notice").count()) > 0) await page.getByTestId("dismiss-notice").first().click();
};

/** A bare system has no Chinese font: the pictures bring one, which the window itself leaves to the system. */
async function withChineseFont(page: Page): Promise<void> {
  const fonts = inRoot("node_modules/@fontsource-variable/noto-sans-sc");
  const css = await readFile(path.join(fonts, "index.css"), "utf8");
  const faces = [...css.matchAll(/url\(\.\/(files\/[^)]+\.woff2)\)[^;]*;\s*unicode-range: ([^;]+);/g)];
  if (faces.length === 0) throw new Error(`No fonts in ${fonts}/index.css.`);
  for (const [, file, unicodeRange] of faces) {
    const bytes = (await readFile(path.join(fonts, file!))).toString("base64");
    await page.evaluate(async ({ text, range }) => {
      const face = new FontFace("Noto Sans SC", Uint8Array.from(atob(text), (each) => each.charCodeAt(0)), { unicodeRange: range, weight: "100 900" });
      document.fonts.add(await face.load());
    }, { text: bytes, range: unicodeRange! });
  }
}

for (const theme of ["light", "dark"] as const) {
  if (!wanted(...(theme === "light" ? ["welcome", "window", "palette", "pipeline", "lesson"] : ["window-dark", "window-high-contrast"]))) continue;
  const program = await launchBrowser({ viewport: { width: 1440, height: 900 } });
  const { page } = program;
  const at = (id: string) => page.getByTestId(id);
  await page.emulateMedia({ colorScheme: theme, reducedMotion: "reduce" });
  await at("example").first().waitFor();
  await page.waitForTimeout(500);
  if (theme === "light") await save(page, "welcome");
  await at("example").first().click();
  await at("graph-panel").locator('[data-kind="operator"]').first().waitFor();
  await at("tab-rewrites").click();
  const rewrite = page.locator('[data-testid="rewrite-row"][data-rewrite="batch-norm-into-conv"]');
  await rewrite.getByRole("button").first().click();
  await rewrite.getByTestId("apply-site").first().click();
  await at("graph-panel").locator('[data-diff="added"]').first().waitFor();
  await at("text-changes").waitFor();
  await clearNotices(page);
  await page.waitForTimeout(800);
  await withoutPath(page);
  await save(page, theme === "light" ? "window" : "window-dark");
  if (theme === "dark") {
    await page.emulateMedia({ contrast: "more" });
    await page.waitForTimeout(400);
    await save(page, "window-high-contrast");
  }
  if (theme === "light") {
    await page.keyboard.press("Control+k");
    await at("palette-input").fill("com");
    await page.waitForTimeout(300);
    await save(page, "palette");
    await page.keyboard.press("Escape");
    await at("tab-pipeline").click();
    await at("run-all").click();
    await at("pass-row").first().waitFor();
    await at("verify").click();
    await page.waitForTimeout(3000);
    await clearNotices(page);
    await withoutPath(page);
    await save(page, "pipeline");
    await at("menu-help").click();
    await at("command-help-welcome").click();
    await page.locator('[data-testid="lesson-card"][data-lesson="fold-batch-norm"]').click();
    await at("lesson-next").click();
    await at("lesson-skip").click();
    await at("lesson-choice").first().click();
    await page.waitForTimeout(800);
    await withoutPath(page);
    await save(page, "lesson");
  }
  await program.close();
}

// Why not here, values, times, tuning, and the window in Chinese.
if (wanted("why-not", "values", "times", "tuning", "window-zh-cn")) {
  const program = await launchBrowser({ viewport: { width: 1440, height: 900 } });
  const { page } = program;
  const at = (id: string) => page.getByTestId(id);
  const shot = (name: string): Promise<void> => settledShot(page, name);
  await page.emulateMedia({ colorScheme: "light", reducedMotion: "reduce" });
  await at("example").first().click();
  await at("graph-panel").locator('[data-kind="operator"]').first().waitFor();
  await page.locator("body").press("/");
  await at("search-input").fill("Conv");
  await page.keyboard.press("Enter");
  await page.locator('[data-testid="why-row"][data-applies="false"]').first().getByRole("button").first().click();
  await at("precondition").first().waitFor();
  await page.locator('[data-testid="why-row"][data-applies="false"]').first().evaluate((row) => row.closest("section")?.scrollIntoView({ block: "start" }));
  await shot("why-not");
  await at("tab-values").click();
  await at("run-model").click();
  await at("kept-value").first().waitFor();
  await at("kept-value").nth(1).click();
  await shot("values");
  await at("tab-profile").click();
  await at("run-profile").click();
  await at("profile-row").nth(8).waitFor({ timeout: 90_000 });
  await at("profile-row").locator("button", { hasText: "Conv" }).first().click();
  await at("profile-heat").click();
  await at("heat-legend").waitFor();
  await shot("times");
  await at("profile-heat").click();
  if (wanted("tuning")) {
    await at("tab-tuning").click();
    await at("run-tuning").click();
    const measured = page.locator('[data-testid="tuning-row"][data-measured="true"]');
    await measured.first().waitFor({ timeout: 120_000 });
    await page.waitForFunction(() => document.querySelector<HTMLButtonElement>('[data-testid="run-tuning"]')?.disabled === false, undefined, { timeout: 120_000 });
    await measured.nth(1).locator("button").click();
    await page.locator(".trials canvas").waitFor();
    await shot("tuning");
  }
  await withChineseFont(page);
  await at("language").click();
  await at("tab-text").click();
  await at("tab-rewrites").click();
  const rewrite = page.locator('[data-testid="rewrite-row"][data-rewrite="batch-norm-into-conv"]');
  await rewrite.getByRole("button").first().click();
  await rewrite.getByTestId("apply-site").first().click();
  await at("graph-panel").locator('[data-diff="added"]').first().waitFor();
  await page.locator("body").press("/");
  await at("search-input").fill("conv2/bn");
  await page.keyboard.press("Enter");
  await page.locator('[data-testid="why-row"]').first().waitFor();
  await shot("window-zh-cn");
  await program.close();
}

// Two steps and two models side by side.
if (wanted("beside", "models", "models-dark")) {
  const program = await launchBrowser({ viewport: { width: 1440, height: 900 } });
  const { page } = program;
  const at = (id: string) => page.getByTestId(id);
  const shot = (name: string): Promise<void> => settledShot(page, name);
  const after = page.locator('[data-side="after"]');
  await page.emulateMedia({ colorScheme: "light", reducedMotion: "reduce" });
  await at("example").first().click();
  await at("graph-panel").locator('[data-kind="operator"]').first().waitFor();
  page.on("filechooser", () => undefined);
  await page.evaluate(() => void delete (window as { showOpenFilePicker?: unknown }).showOpenFilePicker);
  await page.evaluate(() => undefined);

  // Before the last run: the file that a person may have got from elsewhere.
  const session = createSession();
  const { model } = await session.open({ source: new MemoryBlob("digits.onnx", await readFile(inRoot("examples/digits/digits.onnx"))) }, silentTask);
  const { timeline } = await session.applyAll({ model, rewrite: "batch-norm-into-conv" }, silentTask);
  const { files } = await session.exportOnnx({ model, step: timeline.head, name: "digits-folded.onnx" }, silentTask);
  await page.locator("body").press("Shift+D");
  const [chooser] = await Promise.all([page.waitForEvent("filechooser"), at("compare-file").click()]);
  await chooser.setFiles({ name: "digits-folded.onnx", mimeType: "application/octet-stream", buffer: Buffer.from(files[0]!.bytes) });
  await at("differences-list").waitFor();
  await at("differences-list").focus();
  await page.keyboard.press("Home");
  await after.locator('[data-selected="true"]').waitFor();
  await shot("models");
  await page.emulateMedia({ colorScheme: "dark" });
  await shot("models-dark");
  await page.emulateMedia({ colorScheme: "light" });
  await at("end-comparison").click();

  await at("tab-pipeline").click();
  await at("run-all").click();
  await at("pass-row").first().waitFor();
  await page.locator("body").press("a");
  await at("difference-mode").getByRole("radio", { name: "Side by side" }).click();
  await after.locator("[data-graph-canvas]").press("Home");
  await at("tab-text").click();
  await shot("beside");
  await program.close();
}
