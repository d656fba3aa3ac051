/**
 * Cancels opening 50,000 nodes, optimizing 5,000 and exporting 5,000 in the window, each at many moments of the work, and writes
 * docs/cancel-time.md: the time from the press of the button until the window shows nothing under way. After each the state is
 * compared with what it was, and the exports folder must be empty.
 * Usage: npm run bench:cancel -- [--trials N] [--no-docs]
 */
import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import type { Page } from "playwright-core";
import { transformerFile } from "../../compiler-core/bench/transformer.ts";
import { chooseFile, has, inRoot, launch, machine, openPage, option, quantile, startHost, writeMeasured } from "./window.ts";

const trials = Number(option("trials") ?? 30);
const only = option("only");
const modelFolder = inRoot("node_modules/.cache/graphwright/bench-models");
function modelFile(size: number): string {
  mkdirSync(modelFolder, { recursive: true });
  const file = path.join(modelFolder, `plain-${size}.onnx`);
  if (!existsSync(file)) writeFileSync(file, transformerFile("plain", size));
  return file;
}

/** In the page: waits for the cancel button and then `wait` ms, presses it, and waits until it and the work are gone. NaN: the work was over before. */
const cancel = (page: Page, button: string, work: string, wait: number): Promise<number> =>
  page.evaluate(async ([buttonId, workId, milliseconds]) => {
    const byId = (id: string): HTMLButtonElement | null => document.querySelector(`[data-testid="${id}"]`);
    const turn = (): Promise<void> => new Promise((resolve) => { const { port1, port2 } = new MessageChannel(); port1.onmessage = () => resolve(); port2.postMessage(0); });
    while (!byId(buttonId)) await turn();
    await new Promise((resolve) => setTimeout(resolve, milliseconds));
    const pressed = byId(buttonId);
    if (!pressed) return NaN;
    const began = performance.now();
    pressed.click();
    while (byId(workId)) await turn();
    return performance.now() - began;
  }, [button, work, wait] as const);

const host = await startHost();
const browser = await launch();
const before = readdirSync(host.exportsFolder).filter((name) => name !== "kept");
const results: { readonly name: string; readonly times: number[]; readonly over: number }[] = [];
try {
  const page = await openPage(browser, host.url);
  const at = (id: string) => page.getByTestId(id);
  const openSmall = async (): Promise<void> => {
    await chooseFile(page, modelFile(5000));
    await page.waitForFunction(() => document.querySelector<HTMLElement>('[data-testid="graph-panel"]')?.dataset["step"] === "0", undefined, { timeout: 60_000 });
    await page.getByTestId("run-all").waitFor();
  };
  await openSmall();

  /** `longest`: milliseconds within which the moments lie */
  async function measure(name: string, longest: number, trial: (wait: number) => Promise<number>, check: () => Promise<void>): Promise<void> {
    if (only && !name.startsWith(only)) return;
    const times: number[] = [];
    let over = 0;
    while (times.length < trials && over < trials) {
      // Multiples of the golden ratio: moments spread evenly, however many they are.
      const time = await trial((((times.length + over + 1) * 0.618034) % 1) * longest);
      if (Number.isNaN(time)) over++;
      else times.push(time);
      await check();
    }
    results.push({ name, times, over });
    console.log(name, times.map((time) => time.toFixed(0)).join(" "));
  }
  const unchanged = async (): Promise<void> => {
    if ((await at("model-tab").count()) !== 1) throw new Error("Another model is open.");
    if (!/0\s*\/\s*0/.test((await at("step-position").textContent()) ?? "")) throw new Error("A step is left.");
  };

  await measure("opening 50,000 nodes", 900, async (wait) => {
    await chooseFile(page, modelFile(50_000));
    const time = await cancel(page, "cancel-task", "task", wait);
    if (Number.isNaN(time)) {
      await page.waitForFunction(() => document.querySelectorAll('[data-testid="model-tab"]').length === 2);
      await page.getByTestId("close-model").last().click();
      await page.waitForFunction(() => document.querySelectorAll('[data-testid="model-tab"]').length === 1);
    }
    return time;
  }, unchanged);

  await measure("optimizing 5,000 nodes", 700, async (wait) => {
    await at("run-all").click();
    const time = await cancel(page, "cancel-task", "task", wait);
    if (Number.isNaN(time)) {
      await page.getByTestId("close-model").click();
      await page.waitForFunction(() => document.querySelectorAll('[data-testid="model-tab"]').length === 0);
      await openSmall();
    }
    return time;
  }, unchanged);

  await at("export-button").click();
  await measure("exporting 5,000 nodes", 2500, async (wait) => {
    await at("export-start").click();
    return cancel(page, "export-cancel", "export-cancel", wait);
  }, async () => {
    await at("export-start").waitFor({ timeout: 5000 });
    for (let tries = 0; ; tries++) {
      const left = readdirSync(host.exportsFolder).filter((name) => name !== "kept" && !before.includes(name));
      if (left.length === 0) break;
      if (tries > 50) throw new Error(`The export left ${left.join(", ")}.`);
      await page.waitForTimeout(20);
    }
  });

  const lines = ["| cancelled | trials | median ms | p95 ms | longest ms |", "|---|--:|--:|--:|--:|"];
  for (const { name, times } of results) lines.push(`| ${name} | ${times.length} | ${quantile(times, 0.5).toFixed(0)} | ${quantile(times, 0.95).toFixed(0)} | ${Math.max(...times).toFixed(0)} |`);
  console.log(lines.join("\n"));
  if (!has("no-docs") && !only) writeMeasured("docs/cancel-time.md", "bench:cancel", `${machine(browser)}; moments drawn over the first second or two of the work, after each the window and the exports folder were compared with what they had been.\n\n${lines.join("\n")}`);
} finally {
  await browser.close();
  await host.close();
}
