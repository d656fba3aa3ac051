/** A file that cannot be opened says what is wrong and where, and nothing that was open is lost. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, expect } from "vitest";
import { inRoot } from "../../app/tooling/run.mjs";
import { journey } from "../harness.ts";

const digits = inRoot("examples/digits/digits.onnx");
const folder = mkdtempSync(path.join(tmpdir(), "graphwright-broken-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const bytes = readFileSync(digits);
const flipped = Uint8Array.from(bytes);
flipped[bytes.indexOf("stem.conv.weight") - 1]! ^= 0x55;
const broken: [name: string, content: Uint8Array, message: RegExp][] = [
  ["truncated.onnx", bytes.subarray(0, 5000), /truncated\.onnx/],
  ["zero-byte.onnx", new Uint8Array(0), /empty/],
  ["wrong-type.onnx", readFileSync(inRoot("examples/digits/images/0.png")), /PNG/],
  ["bit-flipped.onnx", flipped, /bit-flipped\.onnx/],
];

journey("a broken file is refused with its reason, and the open model stays", { model: digits }, async ({ kind, page, screenshot }) => {
  const at = (id: string) => page.getByTestId(id);
  await at("graph-panel").locator('[data-kind="operator"]').first().waitFor();
  await at("tab-rewrites").click();
  const rewrite = page.locator('[data-testid="rewrite-row"][data-rewrite="eliminate-identity"]');
  await rewrite.getByRole("button").first().click();
  await rewrite.getByTestId("apply-site").first().click();
  await expect.poll(() => at("status-nodes").textContent()).toMatch(/39/);
  if (kind === "electron") return; // the file dialog is the operating system's there
  // Listening from now on: a chooser that opens before the page is told to hand it over would never close.
  page.on("filechooser", () => undefined);
  await page.evaluate(() => undefined);

  for (const [name, content, message] of broken) {
    const file = path.join(folder, name);
    writeFileSync(file, content);
    await page.keyboard.press("Escape");
    const chooser = page.waitForEvent("filechooser");
    await page.keyboard.press("Control+o");
    await (await chooser).setFiles(file);
    const notice = at("notice").filter({ hasText: name }).first();
    await notice.waitFor();
    expect(await notice.textContent()).toMatch(message);
    if (name === "truncated.onnx") await screenshot("broken-truncated");
    // What was open is as it was: one tab, one step, the same nodes.
    expect(await at("model-tab").count()).toBe(1);
    expect(await at("status-nodes").textContent()).toMatch(/39/);
    await notice.getByTestId("dismiss-notice").click();
  }
  await at("undo").click();
  await expect.poll(() => at("status-nodes").textContent()).toMatch(/40/);
  await screenshot("broken-undone");
});
