/** Text and lowered views: what hovering says, going to a definition, folding away what is equal; programs step by step. */
import { expect } from "vitest";
import { inRoot } from "../../app/tooling/run.mjs";
import { journey } from "../harness.ts";

const digits = inRoot("examples/digits/digits.onnx");

journey("read a graph as text and a node as program and C", { model: digits }, async ({ page, screenshot }) => {
  const at = (id: string) => page.getByTestId(id);
  await at("graph-panel").locator('[data-kind="operator"]').first().waitFor();
  await at("tab-text").click();
  const editor = at("text-editor");
  await editor.locator(".view-line").first().waitFor({ timeout: 20_000 });

  // Hovering an operand tells of the node that makes it; F12 goes there, and the graph follows.
  await editor.locator(".view-line").first().click();
  await page.keyboard.press("Control+End");
  const line = editor.locator(".view-line", { hasText: "Softmax(" });
  await line.waitFor();
  const operand = line.locator("span", { hasText: "/head/fc/Gemm_output_0" }).last();
  await operand.hover();
  await page.locator(".monaco-hover", { hasText: "float32[1, 10]" }).first().waitFor({ timeout: 10_000 });
  await screenshot("lowered-1-hover");
  const box = (await operand.boundingBox())!;
  await page.mouse.click(box.x + box.width / 2, box.y + box.height / 2);
  await expect.poll(() => at("inspector-op").textContent()).toContain("Softmax");
  await page.keyboard.press("F12");
  await expect.poll(() => at("inspector-op").textContent(), { timeout: 10_000 }).toContain("Gemm");

  // The graph's selection is the text's, and the program's: each schedule step by itself.
  await at("tab-pipeline").click();
  await at("run-all").click();
  await expect.poll(async () => Number(await at("timeline").getAttribute("data-steps")), { timeout: 60_000 }).toBeGreaterThan(10);
  await at("first-step").click();
  await at("next-step").click();
  await at("text-changes").waitFor();
  const hidden = (): Promise<number> => at("text-diff").locator(".diff-hidden-lines").count();
  await expect.poll(hidden).toBeGreaterThan(0);
  await at("text-only-changed").click();
  await expect.poll(hidden).toBe(0);
  await at("text-only-changed").click();
  await at("last-step").click();
  await at("graph-panel").locator('[data-kind="fused"]').first().waitFor();
  await page.locator("body").press("/");
  await at("search-input").fill("conv2");
  await at("search-result").filter({ hasText: "Conv" }).first().click();
  await at("tab-program").click();
  await at("schedule-step").first().waitFor({ timeout: 20_000 });
  const last = Number(await at("program-panel").getAttribute("data-scheduled"));
  expect(last).toBeGreaterThan(0);
  const source = (): Promise<string> => at("c-source").locator(".view-lines").innerText();
  await expect.poll(source).toMatch(/\w/);
  const scheduled = await source();
  await at("schedule-step").first().click();
  await expect.poll(() => at("program-panel").getAttribute("data-scheduled")).toBe("0");
  await expect.poll(async () => (await source()) !== scheduled).toBe(true);
  await page.keyboard.press("ArrowDown");
  await expect.poll(() => at("program-panel").getAttribute("data-scheduled")).toBe("1");
  await at("schedule-changes").click();
  await at("program-diff").waitFor();
  await screenshot("lowered-2-schedule");
  await at("schedule-changes").click();
  // A line of the program is linked with lines of the C.
  await at("tensor-program").locator(".view-line", { hasText: "for" }).last().click();
  await at("c-source").locator(".line-selected").first().waitFor();
});

journey("a loop as programs: those of its body stand below what they run by", { model: inRoot("examples/parity/parity.onnx") }, async ({ page, screenshot }) => {
  const at = (id: string) => page.getByTestId(id);
  await at("graph-panel").locator('[data-kind="operator"]').first().waitFor();
  await page.locator("body").press("/");
  await at("search-input").fill("op:Loop");
  await at("search-result").first().click();
  await at("tab-program").click();
  const program = at("tensor-program").locator(".view-lines");
  await expect.poll(() => program.innerText(), { timeout: 20_000 }).toMatch(/Loop:\sstart\s\(Loop\)/);
  await at("tensor-program").locator(".view-line").first().click();
  const below = async (): Promise<string> => {
    await page.keyboard.press("PageDown");
    return program.innerText();
  };
  await expect.poll(below, { timeout: 20_000 }).toMatch(/#\sbody\sof\s.*again\sand\sagain/);
  await expect.poll(() => at("c-source").locator(".view-lines").innerText()).toMatch(/\w/);
  await screenshot("lowered-3-loop");
});
