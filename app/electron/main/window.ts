import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { BrowserWindow } from "electron";
import { keepWindowState, readWindowState } from "./window-state.ts";
import { startPage } from "./protocol.ts";

/** Opens the window on the start page. */
export async function openWindow(stateFile: string): Promise<BrowserWindow> {
  const state = await readWindowState(stateFile);
  const window = new BrowserWindow({
    width: state?.width ?? 1440,
    height: state?.height ?? 900,
    ...(state && { x: state.x, y: state.y }),
    minWidth: 800,
    minHeight: 500,
    title: "Graphwright",
    // Shown with its first picture, not as an empty frame.
    show: false,
    webPreferences: {
      preload: join(fileURLToPath(new URL(".", import.meta.url)), "preload.cjs"),
      sandbox: true,
      contextIsolation: true,
      nodeIntegration: false,
      nodeIntegrationInWorker: false,
      nodeIntegrationInSubFrames: false,
      webSecurity: true,
      webviewTag: false,
      navigateOnDragDrop: false,
      spellcheck: false,
    },
  });
  if (state?.maximized) window.maximize();
  keepWindowState(window, stateFile);
  window.once("ready-to-show", () => window.show());
  await window.loadURL(startPage);
  return window;
}
