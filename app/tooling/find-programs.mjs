/** Where Chromium, the C compiler and Electron are on this machine. Uses Node's own modules only. */
import { accessSync, constants, existsSync, readFileSync, statSync } from "node:fs";
import { delimiter, join } from "node:path";
import { inRoot } from "./run.mjs";

/** @param {string} name @returns {string | undefined} */
export function onPath(name) {
  const suffixes = process.platform === "win32" ? [".exe", ".cmd", ".bat"] : [""];
  for (const folder of (process.env["PATH"] ?? "").split(delimiter)) {
    for (const suffix of suffixes) {
      const path = join(folder, name + suffix);
      if (folder !== "" && isExecutable(path)) return path;
    }
  }
  return undefined;
}

/** @param {string} path */
function isExecutable(path) {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

/** A browser of the Chromium family; `CHROMIUM` names another. @returns {string | undefined} */
export function findChromium() {
  const named = process.env["CHROMIUM"];
  if (named) return isExecutable(named) ? named : undefined;
  const places =
    process.platform === "darwin"
      ? [
          "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
          "/Applications/Chromium.app/Contents/MacOS/Chromium",
          "/Applications/Microsoft Edge.app/Contents/MacOS/Microsoft Edge",
        ]
      : process.platform === "win32"
        ? ["PROGRAMFILES", "PROGRAMFILES(X86)", "LOCALAPPDATA"].flatMap((variable) => {
            const folder = process.env[variable];
            return folder
              ? [join(folder, "Google/Chrome/Application/chrome.exe"), join(folder, "Microsoft/Edge/Application/msedge.exe")]
              : [];
          })
        : [];
  const names = ["chromium", "chromium-browser", "google-chrome-stable", "google-chrome", "microsoft-edge"];
  return places.find(isExecutable) ?? names.map(onPath).find((path) => path !== undefined);
}

/** `$CC`, or a compiler under its usual names. @returns {string | undefined} */
export function findCompiler() {
  const named = process.env["CC"];
  if (named) return isExecutable(named) ? named : onPath(named);
  return ["gcc", "cc", "clang"].map(onPath).find((path) => path !== undefined);
}

/** Electron's binary: `ELECTRON_OVERRIDE_DIST_PATH`, or what its package fetched. @returns {string | undefined} */
export function findElectron() {
  const packageFolder = inRoot("node_modules/electron");
  const pathFile = join(packageFolder, "path.txt");
  const fetched = existsSync(pathFile) ? readFileSync(pathFile, "utf8").trim() : undefined;
  const override = process.env["ELECTRON_OVERRIDE_DIST_PATH"];
  const usual = { darwin: "Electron.app/Contents/MacOS/Electron", win32: "electron.exe" };
  const name = fetched || (/** @type {Record<string, string>} */ (usual)[process.platform] ?? "electron");
  const candidates = override ? [join(override, name)] : fetched ? [join(packageFolder, "dist", name)] : [];
  return candidates.find(isExecutable);
}

/** Whether a window can be shown. */
export const hasDisplay = () =>
  process.platform === "darwin" || process.platform === "win32" || Boolean(process.env["DISPLAY"] || process.env["WAYLAND_DISPLAY"]);

/** Whether packages can be installed with apt-get without asking anybody. */
export const isDebianRoot = () =>
  process.platform === "linux" && process.getuid?.() === 0 && existsSync("/etc/debian_version") && onPath("apt-get") !== undefined;
