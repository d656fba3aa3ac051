/** Values: a drawn digit is recognized; what nodes compute as numbers, heat map and pictures; before and after; files as inputs. */
import { readFileSync } from "node:fs";
import { expect } from "vitest";
import { inRoot } from "../../app/tooling/run.mjs";
import { journey } from "../harness.ts";

const digits = inRoot("examples/digits/digits.onnx");

journey("draw a digit, look at what nodes compute, before and after a run", { model: digits }, async ({ page, screenshot }) => {
  const at = (id: string) => page.getByTestId(id);
  const mode = (name: string) => at("tensor-mode").getByText(name).click();
  const best = (): Promise<string | null> => page.locator('[data-testid="output"] [data-best] .num').first().textContent();
  await at("graph-panel").locator('[data-kind="operator"]').first().waitFor();
  await at("tab-values").click();

  // A seven, drawn by hand.
  await at("draw-input").click();
  const pad = (await at("draw-pad").boundingBox())!;
  const point = (x: number, y: number): [number, number] => [pad.x + x * pad.width, pad.y + y * pad.height];
  await page.mouse.move(...point(0.3, 0.2));
  await page.mouse.down();
  await page.mouse.move(...point(0.7, 0.2), { steps: 5 });
  await page.mouse.move(...point(0.45, 0.85), { steps: 6 });
  await page.mouse.up();
  await at("run-model").click();
  await expect.poll(best, { timeout: 20_000 }).toBe("7");
  await screenshot("values-1-drawn");
  await at("draw-input").click();

  // Any value of the run, in every view.
  await page.locator('[data-testid="kept-value"][data-name="/stem/relu/Relu_output_0"]').click();
  await expect.poll(() => at("inspector-op").textContent()).toContain("Relu");
  await at("numbers-grid").locator('[role="gridcell"]').first().waitFor();
  // Numbers stand beside the index of their row.
  expect(await at("numbers-grid").locator(".grid-row").first().evaluate((row) => [...row.children].slice(0, 2).map((each) => Math.round(each.getBoundingClientRect().top - row.getBoundingClientRect().top)))).toEqual([0, 0]);
  await at("slice-index").fill("5");
  await screenshot("values-2-numbers");
  await mode("Heat map");
  await at("heat-map").locator("canvas").waitFor();
  await mode("Image");
  await expect.poll(() => at("tensor-pictures").locator('canvas[data-ready="true"]').count()).toBe(16);
  await screenshot("values-3-channels");
  await mode("Histogram");
  await at("tensor-viewer").getByTestId("histogram").waitFor();

  // A picture and a file instead of the drawing.
  await at("image-file").setInputFiles(inRoot("examples/digits/images/3.png"));
  await at("image-dialog").waitFor();
  await screenshot("values-4-picture");
  await at("use-image").click();
  await at("run-model").click();
  await page.keyboard.press("Escape");
  await expect.poll(async () => (await at("values-note").count()) > 0).toBe(true);
  expect(await at("engine").textContent()).toContain("reference evaluation");
  await expect.poll(best).toBe("3");
  await at("tensor-file").setInputFiles({ name: "8.npy", mimeType: "application/octet-stream", buffer: readFileSync(inRoot("examples/digits/images/8.npy")) });
  await at("run-model").click();
  await expect.poll(best).toBe("8");

  // Before and after everything: the same name on both sides, the worst element marked.
  await at("tab-pipeline").click();
  await at("run-all").click();
  await expect.poll(async () => Number(await at("timeline").getAttribute("data-steps")), { timeout: 60_000 }).toBeGreaterThan(10);
  await at("run-model").click();
  await page.locator('[data-testid="kept-value"][data-name="/stem/pool/MaxPool_output_0"]').click();
  await mode("Before | after");
  await expect.poll(() => at("tensor-compared").getAttribute("data-identical"), { timeout: 20_000 }).toBe("false");
  await at("go-to-worst").click();
  await at("numbers-grid").locator("[data-worst]").waitFor();
  await screenshot("values-5-before-after");

  // Where it grows: the graph takes its colour.
  await at("menu-view").click();
  await at("command-view-heat-error").click();
  await page.locator('[data-testid="heat-legend"][data-kind="error"]').waitFor();
});
