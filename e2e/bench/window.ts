/** What the benchmarks of the window share: the built window behind its host, Chromium, options, and tables in docs. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import path from "node:path";
import { chromium, type Browser, type Page } from "playwright-core";
import type { startBrowserHost } from "../../app/browser/server.ts";
import { findChromium } from "../../app/tooling/find-programs.mjs";

/** Benchmarks run in the repository's folder. */
export const inRoot = (file: string): string => path.resolve(file);
export const option = (name: string): string | undefined => {
  const at = process.argv.indexOf(`--${name}`);
  return at < 0 ? undefined : process.argv[at + 1];
};
export const has = (name: string): boolean => process.argv.includes(`--${name}`);

export interface BenchHost {
  readonly url: string;
  /** where exports arrive */
  readonly exportsFolder: string;
  close(): Promise<void>;
}

/** The built window, served as `npm start` serves it. */
export async function startHost(): Promise<BenchHost> {
  const bundle = inRoot("app/dist/browser.mjs");
  if (!existsSync(bundle)) throw new Error("The browser host is not built: npm run build");
  const { startBrowserHost: start } = (await import(bundle)) as { startBrowserHost: typeof startBrowserHost };
  const scratch = inRoot("node_modules/.cache/graphwright/bench-host");
  mkdirSync(scratch, { recursive: true });
  const host = await start({ rendererFolder: inRoot("renderer/dist"), examplesFolder: inRoot("examples"), model: undefined, exportsFolder: scratch, configFolder: scratch });
  return { url: host.url, exportsFolder: scratch, close: () => host.close() };
}

export async function launch(): Promise<Browser> {
  const executablePath = findChromium();
  if (executablePath === undefined) throw new Error("Chromium is not installed; CHROMIUM may name its path.");
  const asRoot = process.getuid?.() === 0;
  return chromium.launch({ executablePath, chromiumSandbox: !asRoot, args: ["--disable-gpu", "--disable-background-networking", "--enable-precise-memory-info", ...(asRoot ? ["--no-sandbox"] : [])] });
}

/** The browser's own chooser of files is out of a script's reach: files are given to the page's field. */
export const withField = (page: Page): Promise<unknown> => page.addInitScript(() => void delete (window as { showOpenFilePicker?: unknown }).showOpenFilePicker);

export async function openPage(browser: Browser, url: string): Promise<Page> {
  const page = await (await browser.newContext({ viewport: { width: 1440, height: 900 } })).newPage();
  // While somebody listens the driver holds the dialogs of files back; turning that on for each comes too late.
  page.on("filechooser", () => undefined);
  await withField(page);
  await page.goto(url, { waitUntil: "networkidle" });
  // On a busy machine the page is idle before it listens.
  await page.locator(".window").waitFor();
  return page;
}

export async function chooseFile(page: Page, file: string): Promise<void> {
  const [chooser] = await Promise.all([page.waitForEvent("filechooser"), page.keyboard.press("Control+o")]);
  await chooser.setFiles(file);
}

/** The value below which a share of the values lies. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? NaN;
}

export const machine = (browser: Browser): string => `Chromium ${browser.version()} (software rendering, 1440 × 900, ${cpus().length} cores)`;

/** Puts a text between the marks of its name in a page of docs. */
export function writeMeasured(page: string, name: string, text: string): void {
  const file = inRoot(page);
  const [begin, end] = [`<!-- ${name} -->`, `<!-- /${name} -->`];
  const before = existsSync(file) ? readFileSync(file, "utf8") : "";
  const [from, to] = [before.indexOf(begin), before.indexOf(end)];
  const block = `${begin}\n${text}\n${end}`;
  writeFileSync(file, from < 0 ? `${before}${block}\n` : before.slice(0, from) + block + before.slice(to + end.length));
  console.log(`wrote ${page}`);
}
