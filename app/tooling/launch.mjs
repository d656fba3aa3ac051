/** Opens the program on a model: in Electron where that can run, otherwise in the browser host. */
import { spawn } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { findChromium, findElectron, hasDisplay, onPath } from "./find-programs.mjs";
import { inRoot, run } from "./run.mjs";

/**
 * @typedef {object} LaunchOptions
 * @property {string | undefined} [model]          path; the bundled example when absent
 * @property {boolean | undefined} [browser]       never Electron
 * @property {boolean | undefined} [noOpen]        start the browser host without opening a browser
 * @property {number | undefined} [port]           of the browser host
 * @property {string | undefined} [exportsFolder]  of the browser host
 */

/** The model `npm start` opens. @returns {string | undefined} */
function bundledExample() {
  const digits = inRoot("examples/digits");
  if (!existsSync(digits)) return undefined;
  const name = readdirSync(digits).filter((each) => each.endsWith(".onnx")).sort()[0];
  return name === undefined ? undefined : join(digits, name);
}

/** Resolves with the exit code when the window is closed, or after Ctrl+C. @param {LaunchOptions} options @returns {Promise<number>} */
export async function launch(options) {
  const model = options.model === undefined ? bundledExample() : resolve(options.model);
  if (options.model !== undefined && !existsSync(/** @type {string} */ (model))) {
    console.error(`There is no file ${model}.`);
    return 1;
  }
  const electron = options.browser ? { why: "the browser host was asked for" } : await usableElectron();
  if ("binary" in electron) return runElectron(electron.binary, model);
  console.log(`Opening in the browser: ${electron.why}.`);
  return runBrowserHost(model, options);
}

/** @returns {Promise<{ binary: string } | { why: string }>} */
async function usableElectron() {
  if (!hasDisplay()) return { why: "there is no display for Electron" };
  if (process.platform === "linux" && process.getuid?.() === 0) {
    return { why: "Electron's sandbox does not run as root" };
  }
  const present = findElectron();
  if (present) return { binary: present };
  if (process.env["ELECTRON_OVERRIDE_DIST_PATH"]) return { why: "ELECTRON_OVERRIDE_DIST_PATH holds no Electron" };
  const installer = inRoot("node_modules/electron/install.js");
  if (!existsSync(installer)) return { why: "the electron package is not installed" };
  console.log("Fetching Electron's program (about 100 MB, once) ...");
  const { code, output } = await run(process.execPath, [installer], { timeoutMs: 180_000 });
  const fetched = findElectron();
  if (code === 0 && fetched) return { binary: fetched };
  const reason = code === 124 ? "no answer in 3 minutes" : (/^.*Error: (.+)$/m.exec(output)?.[1] ?? `code ${code}`);
  return { why: `Electron's program could not be fetched (${reason})` };
}

/** @param {string} binary @param {string | undefined} model @returns {Promise<number>} */
function runElectron(binary, model) {
  return new Promise((done) => {
    const child = spawn(binary, [inRoot("app/dist/electron/main.mjs"), ...(model === undefined ? [] : [model])], { stdio: "inherit" });
    // The terminal sends Ctrl+C to Electron as well; wait for it to end by itself.
    process.on("SIGINT", () => undefined);
    process.once("SIGTERM", () => child.kill());
    child.once("error", (error) => {
      console.error(`Electron could not start: ${error.message}`);
      done(1);
    });
    child.once("close", (code) => done(code ?? 0));
  });
}

/** @param {string | undefined} model @param {LaunchOptions} options @returns {Promise<number>} */
async function runBrowserHost(model, options) {
  // Variable, so that type checking does not depend on a build.
  const bundle = new URL("../dist/browser.mjs", import.meta.url).href;
  /** @type {typeof import("../browser/server.ts")} */
  const { startBrowserHost } = await import(bundle);
  let host;
  try {
    host = await startBrowserHost({
      rendererFolder: inRoot("renderer/dist"),
      examplesFolder: inRoot("examples"),
      model,
      exportsFolder: options.exportsFolder,
      port: options.port,
    });
  } catch (error) {
    console.error(error instanceof Error ? error.message : String(error));
    return 1;
  }
  console.log(`Graphwright is at ${host.url}`);
  console.log("Ctrl+C ends it.");
  if (!options.noOpen && hasDisplay()) openBrowser(host.url);
  return new Promise((done) => {
    const end = () => {
      void host.close().then(() => done(0));
    };
    process.once("SIGINT", end);
    process.once("SIGTERM", end);
  });
}

/** A window of its own where a Chromium is found, otherwise the system's browser. @param {string} url */
function openBrowser(url) {
  const chromium = findChromium();
  const root = process.platform === "linux" && process.getuid?.() === 0;
  // As root Chromium refuses its sandbox; turning that off is not ours to decide.
  const command =
    chromium && !root
      ? [chromium, `--app=${url}`]
      : process.platform === "darwin"
        ? ["open", url]
        : process.platform === "win32"
          ? ["cmd", "/c", "start", "", url]
          : onPath("xdg-open")
            ? ["xdg-open", url]
            : undefined;
  if (!command) return;
  const [program = "", ...args] = command;
  const child = spawn(program, args, { stdio: "ignore", detached: true });
  child.once("error", () => console.log("No browser could be opened: open the address yourself."));
  child.unref();
}
