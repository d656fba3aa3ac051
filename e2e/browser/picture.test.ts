/** The graph as a file: whole or in view, as SVG that a browser reads and PNG of the size that was said; copied. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { AxeBuilder } from "@axe-core/playwright";
import { expect } from "vitest";
import { inRoot } from "../../app/tooling/run.mjs";
import { journey } from "../harness.ts";

const digits = inRoot("examples/digits/digits.onnx");

journey("save the graph as SVG and PNG, and copy it", { model: digits }, async ({ kind, page, exportsFolder, screenshot }) => {
  const at = (id: string) => page.getByTestId(id);
  await at("graph-panel").locator('[data-kind="operator"]').first().waitFor();
  const open = async (): Promise<void> => {
    await page.keyboard.press("Control+Shift+E");
    await at("picture-dialog").waitFor();
  };
  const size = async (): Promise<number[]> => ((await at("picture-size").textContent()) ?? "").split("×").map((text) => Number(text.replace(/\D/g, "")));
  const saved = async (name: string): Promise<Buffer> => {
    await expect.poll(() => readFile(join(exportsFolder, name)).then((file) => file.length, () => 0)).toBeGreaterThan(0);
    return readFile(join(exportsFolder, name));
  };

  // Every group as it is open, as text.
  await open();
  await screenshot("picture-1-dialog");
  expect((await new AxeBuilder({ page }).include('[data-testid="picture-dialog"]').analyze()).violations).toEqual([]);
  const [width, height] = await size();
  await at("picture-save").click();
  const svg = (await saved("digits.svg")).toString();
  const read = await page.evaluate((text) => {
    const { documentElement } = new DOMParser().parseFromString(text, "image/svg+xml");
    return { name: documentElement.nodeName, width: documentElement.getAttribute("width"), height: documentElement.getAttribute("height"), texts: [...documentElement.querySelectorAll("text")].map((each) => each.textContent) };
  }, svg);
  expect([read.name, Math.round(Number(read.width)), Math.round(Number(read.height))]).toEqual(["svg", width, height]);
  expect(read.texts.filter((text) => text.startsWith("BatchNormalization"))).toHaveLength(6);

  // What is in view, in pixels.
  await open();
  await at("picture-format").getByText("PNG").click();
  await at("picture-part").getByRole("radio").nth(1).click();
  const pixels = await size();
  const view = await at("graph-panel").locator(".graph-host").boundingBox();
  await at("picture-save").click();
  const png = await saved("digits.png");
  expect([png.readUInt32BE(16), png.readUInt32BE(20)]).toEqual(pixels);
  expect(pixels[0]! / pixels[1]!).toBeCloseTo(view!.width / view!.height, 1);

  // The same on the clipboard, where a journey may look into it.
  if (kind !== "browser") return;
  await page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
  await open();
  await at("picture-copy").click();
  await expect.poll(() => page.evaluate(async () => (await navigator.clipboard.read()).flatMap((item) => item.types))).toContain("image/png");
});
