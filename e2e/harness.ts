/**
 * Runs journeys in the built program: in Chromium against the browser host, and in Electron where its binary exists.
 * Whatever a person would not see still fails a journey: a policy violation, an error in the console, an uncaught
 * exception, a request to another site.
 */
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { _electron, chromium, type Browser, type ElectronApplication, type Page } from "playwright-core";
import type { startBrowserHost } from "../app/browser/server.ts";
import { findChromium, findElectron } from "../app/tooling/find-programs.mjs";
import { needs } from "../app/tooling/need.ts";
import { inRoot } from "../app/tooling/run.mjs";

export interface ProgramOptions {
  /** Model to open, as on the command line. Default: none. */
  readonly model?: string;
  /** Another build of the window than renderer/dist. Browser host only. */
  readonly rendererFolder?: string;
  readonly examplesFolder?: string;
  readonly viewport?: { readonly width: number; readonly height: number };
  /** Language of the system, "zh-CN". Browser host only. Default: English. */
  readonly locale?: string;
  /** Runs in the page before its own scripts. */
  readonly initScript?: string;
}

export interface Program {
  readonly kind: "browser" | "electron";
  readonly page: Page;
  /** Where exports of this run arrive. */
  readonly exportsFolder: string;
  /** Problems seen so far; `close` throws when there are any. */
  readonly problems: readonly string[];
  /** Accepts an expected problem: the first that matches is taken off the list. Throws when none matches. */
  expectProblem(pattern: RegExp): void;
  /** Writes e2e/results/<name>-<kind>.png. */
  screenshot(name: string): Promise<void>;
  close(): Promise<void>;
}

/** Registers one journey for each host: Chromium is required, Electron runs where its binary exists. */
export function journey(name: string, options: ProgramOptions, steps: (program: Program) => Promise<void>): void {
  needs("chromium")(`${name} (browser host)`, () => follow(launchBrowser, options, steps, name));
  if (options.rendererFolder === undefined) {
    needs("electron")(`${name} (Electron)`, () => follow(launchElectron, options, steps, name));
  }
}

async function follow(
  launch: (options: ProgramOptions) => Promise<Program>,
  options: ProgramOptions,
  steps: (program: Program) => Promise<void>,
  name: string,
): Promise<void> {
  const program = await launch(options);
  try {
    await steps(program);
  } catch (error) {
    await program.screenshot(`failed-${name.replace(/\W+/g, "-")}`).catch(() => undefined);
    // The step's own error says more than what the console had to say, so that is added, not put in its place.
    if (error instanceof Error && program.problems.length > 0) {
      error.message += `\nSeen in the window:\n  ${program.problems.join("\n  ")}`;
    }
    await program.close().catch(() => undefined);
    throw error;
  }
  await program.close();
}

/** Gives a folder for a profile, settings and exports that outlives one launch: for journeys through an end and a new start. */
export async function withProfile(steps: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "graphwright-e2e-"));
  try {
    await steps(folder);
  } finally {
    // What a failed journey left behind.
    for (const end of [...running]) await end().catch(() => undefined);
    await rm(folder, { recursive: true, force: true, maxRetries: 5 });
  }
}
const running = new Set<() => Promise<void>>();

export interface KeptProgram extends Program {
  /** Ends Chromium, or the program around it too, as `kill -9` does. The profile stays. */
  kill(what: "browser" | "everything"): Promise<void>;
}

/**
 * The program with a profile of its own, in processes of their own, so that they can be killed: Chromium from its
 * command line, and the browser host as `graphwright open` starts it. Start it again with the same folder.
 */
export async function launchKept(folder: string, options: Pick<ProgramOptions, "model" | "viewport"> = {}): Promise<KeptProgram> {
  const executablePath = findChromium();
  if (executablePath === undefined) throw new Error("Chromium is not installed; CHROMIUM may name its path.");
  const script = `
    const { startBrowserHost } = await import(process.argv[1]);
    const host = await startBrowserHost(JSON.parse(process.argv[2]));
    console.log(JSON.stringify({ url: host.url, origin: host.origin }));
    process.on("SIGTERM", () => void host.close().then(() => process.exit(0)));
  `;
  const hostOptions = { rendererFolder: inRoot("renderer/dist"), examplesFolder: inRoot("examples"), model: options.model, exportsFolder: join(folder, "exports"), configFolder: join(folder, "config") };
  const server = spawn(process.execPath, ["--input-type=module", "-e", script, inRoot("app/dist/browser.mjs"), JSON.stringify(hostOptions)], { stdio: ["ignore", "pipe", "inherit"] });
  const { url, origin } = await new Promise<{ url: string; origin: string }>((done, failed) => {
    server.stdout.once("data", (line: Buffer) => done(JSON.parse(line.toString()) as { url: string; origin: string }));
    server.once("exit", (code) => failed(new Error(`The host ended with ${code}.`)));
  });
  const asRoot = process.getuid?.() === 0;
  const context = await chromium.launchPersistentContext(join(folder, "profile"), {
    executablePath,
    chromiumSandbox: !asRoot,
    viewport: options.viewport ?? { width: 1440, height: 900 },
    acceptDownloads: true,
    args: ["--disable-gpu", "--disable-background-networking", ...(asRoot ? ["--no-sandbox"] : [])],
  });
  await context.grantPermissions(["clipboard-read", "clipboard-write"], { origin });
  const page = context.pages()[0] ?? (await context.newPage());
  const watched = await watch(page, origin);
  await page.goto(url);
  const stopHost = (signal: NodeJS.Signals): Promise<unknown> => (server.exitCode === null && server.signalCode === null ? new Promise((done) => { server.once("exit", done); server.kill(signal); }) : Promise.resolve());
  const end = async (): Promise<void> => {
    running.delete(end);
    await context.close();
    await stopHost("SIGTERM");
  };
  running.add(end);
  return {
    ...program("browser", page, join(folder, "exports"), watched, end),
    async kill(what) {
      running.delete(end);
      const gone = new Promise((done) => context.once("close", done));
      for (const pid of await processesUsing(join(folder, "profile"))) process.kill(pid, "SIGKILL");
      if (what === "everything") await stopHost("SIGKILL");
      await gone;
      if (what === "browser") await stopHost("SIGTERM");
    },
  };
}

/** Chromium's processes of one profile: the folder stands in their command lines. */
async function processesUsing(profile: string): Promise<readonly number[]> {
  const found: number[] = [];
  for (const name of await readdir("/proc")) {
    if (!/^\d+$/.test(name) || Number(name) === process.pid) continue;
    const line = await readFile(`/proc/${name}/cmdline`, "utf8").catch(() => "");
    if (line.includes(`--user-data-dir=${profile}`)) found.push(Number(name));
  }
  return found;
}

export async function launchBrowser(options: ProgramOptions = {}): Promise<Program> {
  const folder = await mkdtemp(join(tmpdir(), "graphwright-e2e-"));
  const exportsFolder = join(folder, "exports");
  const bundle = inRoot("app/dist/browser.mjs");
  if (!existsSync(bundle)) throw new Error("The browser host is not built: npm run build");
  const { startBrowserHost: start } = (await import(bundle)) as { startBrowserHost: typeof startBrowserHost };
  const host = await start({
    rendererFolder: options.rendererFolder ?? inRoot("renderer/dist"),
    examplesFolder: options.examplesFolder ?? inRoot("examples"),
    model: options.model,
    exportsFolder,
    configFolder: join(folder, "config"),
  });
  let browser: Browser | undefined;
  const close = async (): Promise<void> => {
    await browser?.close();
    await host.close();
    await rm(folder, { recursive: true, force: true });
  };
  try {
    const executablePath = findChromium();
    if (executablePath === undefined) throw new Error("Chromium is not installed; CHROMIUM may name its path.");
    const asRoot = process.getuid?.() === 0;
    browser = await chromium.launch({
      executablePath,
      chromiumSandbox: !asRoot,
      args: ["--disable-gpu", "--disable-background-networking", ...(asRoot ? ["--no-sandbox"] : [])],
    });
    const context = await browser.newContext({ viewport: options.viewport ?? { width: 1440, height: 900 }, acceptDownloads: true, ...(options.locale && { locale: options.locale }) });
    const page = await context.newPage();
    const watched = await watch(page, host.origin, options.initScript);
    await page.goto(host.url);
    return program("browser", page, exportsFolder, watched, close);
  } catch (error) {
    await close();
    throw error;
  }
}

export async function launchElectron(options: ProgramOptions = {}): Promise<Program> {
  const executablePath = findElectron();
  if (executablePath === undefined) throw new Error("Electron's binary is missing; ELECTRON_OVERRIDE_DIST_PATH may name its folder.");
  const folder = await mkdtemp(join(tmpdir(), "graphwright-e2e-"));
  const exportsFolder = join(folder, "exports");
  await mkdir(exportsFolder);
  let application: ElectronApplication | undefined;
  const close = async (): Promise<void> => {
    await application?.close();
    await rm(folder, { recursive: true, force: true });
  };
  try {
    application = await _electron.launch({
      executablePath,
      args: [inRoot("app/dist/electron/main.mjs"), `--user-data-dir=${join(folder, "settings")}`, ...(options.model ? [options.model] : [])],
    });
    // Dialogs belong to the system, where no journey can press their buttons.
    await application.evaluate(({ dialog }, chosen) => {
      dialog.showOpenDialog = () => Promise.resolve({ canceled: false, filePaths: [chosen] });
      dialog.showSaveDialog = (...args: unknown[]) => {
        const { defaultPath } = args.at(-1) as { defaultPath: string };
        return Promise.resolve({ canceled: false, filePath: `${chosen}/${defaultPath}` });
      };
    }, exportsFolder);
    const page = await application.firstWindow();
    const watched = await watch(page, "app://graphwright", options.initScript);
    // What happened before the watch began is seen by loading again.
    await page.reload();
    return program("electron", page, exportsFolder, watched, close);
  } catch (error) {
    await close();
    throw error;
  }
}

/** Collects what no journey may cause. */
async function watch(page: Page, origin: string, initScript?: string): Promise<string[]> {
  const problems: string[] = [];
  page.on("pageerror", (error) => problems.push(`exception: ${error.stack ?? error.message}`));
  page.on("crash", () => problems.push("the page crashed"));
  page.on("console", (message) => {
    if (message.type() === "error") problems.push(`console: ${message.text()} (${message.location().url})`);
  });
  page.on("request", (request) => {
    const url = request.url();
    if (!url.startsWith(`${origin}/`) && !/^(data|blob):/.test(url)) problems.push(`request to another site: ${url}`);
  });
  await page.exposeFunction("reportViolation", (text: string) => problems.push(`policy violation: ${text}`));
  await page.addInitScript(() => {
    addEventListener("securitypolicyviolation", (event) => {
      const report = (window as unknown as { reportViolation: (text: string) => void }).reportViolation;
      report(`${event.effectiveDirective} forbids ${event.blockedURI} (${event.sourceFile}:${event.lineNumber}) ${event.sample}`);
    });
  });
  // The browser's own chooser of files is out of a journey's reach: files are given to the page's field, as where there is no such chooser.
  await page.addInitScript(() => void delete (window as { showOpenFilePicker?: unknown }).showOpenFilePicker);
  if (initScript !== undefined) await page.addInitScript(initScript);
  return problems;
}

function program(
  kind: Program["kind"],
  page: Page,
  exportsFolder: string,
  problems: string[],
  close: () => Promise<void>,
): Program {
  return {
    kind,
    page,
    exportsFolder,
    problems,
    expectProblem(pattern) {
      const at = problems.findIndex((problem) => pattern.test(problem));
      if (at < 0) throw new Error(`No problem like ${pattern} was seen. Seen: ${problems.join("; ") || "none"}`);
      problems.splice(at, 1);
    },
    async screenshot(name) {
      await mkdir(inRoot("e2e/results"), { recursive: true });
      await page.screenshot({ path: inRoot(`e2e/results/${name}-${kind}.png`) });
    },
    async close() {
      await close();
      if (problems.length > 0) throw new Error(`The window had problems:\n  ${problems.join("\n  ")}`);
    },
  };
}
