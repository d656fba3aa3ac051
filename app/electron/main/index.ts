/** Electron's main process: window, protocol, menu, dialogs, IPC. Everything else is in app/shared. */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { app, BrowserWindow, dialog, session, shell } from "electron";
import { ExportStore } from "../../shared/export-store.ts";
import { modelExtensions, projectExtension } from "../../shared/examples.ts";
import { isAllowedExternal } from "../../shared/external-links.ts";
import { FileRegistry } from "../../shared/file-registry.ts";
import { createHostApi } from "../../shared/host-api.ts";
import { errorBody, HostError } from "../../shared/host-error.ts";
import { ipcEvents, type OpenedFile } from "../../shared/host-protocol.ts";
import { KeptStore } from "../../shared/kept-store.ts";
import { RecentFiles } from "../../shared/recent-files.ts";
import { findToolchain } from "../../shared/toolchain.ts";
import { version } from "../../shared/version.ts";
import { modelArgument } from "./arguments.ts";
import { handleIpc } from "./ipc.ts";
import { initialMenu, installMenu } from "./menu.ts";
import { confineNavigation } from "./navigation.ts";
import { denyPermissions } from "./permissions.ts";
import { appOrigin, registerScheme, serveApp } from "./protocol.ts";
import { runToolchainInUtility } from "./toolchain-client.ts";
import { openWindow } from "./window.ts";

/** This file's folder and its bundle's (app/dist/electron) are equally deep. */
const programFolder = fileURLToPath(new URL("../../../", import.meta.url));

app.enableSandbox();
registerScheme();

/** Files handed over before the window can take them. */
const waiting: string[] = [];
let deliver = (path: string): void => void waiting.push(path);

app.on("open-file", (event, path) => {
  event.preventDefault();
  deliver(path);
});
app.on("web-contents-created", (_event, contents) => confineNavigation(contents));

if (app.requestSingleInstanceLock()) {
  const first = modelArgument(process.argv, process.cwd(), app.isPackaged);
  app.on("second-instance", (_event, words, folder) => {
    const [window] = BrowserWindow.getAllWindows();
    if (window?.isMinimized()) window.restore();
    window?.focus();
    const path = modelArgument(words, folder, app.isPackaged);
    if (path !== undefined) deliver(path);
  });
  app.on("window-all-closed", () => app.quit());
  app.whenReady().then(() => start(first)).catch((error: unknown) => {
    dialog.showErrorBox("Graphwright cannot start", error instanceof Error ? (error.stack ?? error.message) : String(error));
    app.exit(1);
  });
} else {
  // The running instance got our command line.
  app.quit();
}

async function start(first: string | undefined): Promise<void> {
  const settings = app.getPath("userData");
  const registry = new FileRegistry();
  const recent = new RecentFiles(join(settings, "recent-files.json"));
  const exports = new ExportStore(join(app.getPath("documents"), "graphwright-exports"));

  const open = async (path: string): Promise<OpenedFile> => {
    const file = await registry.open(path);
    app.addRecentDocument(path);
    await recent.add(path);
    return file;
  };
  const openOrTell = (path: string): Promise<OpenedFile | undefined> =>
    open(path).catch((error: unknown) => {
      dialog.showErrorBox("The file was not opened", errorBody(error).message);
      return undefined;
    });

  const model = first ?? waiting.shift();
  const opened = model === undefined ? undefined : await openOrTell(model);
  const api = createHostApi({
    origin: appOrigin,
    host: "electron",
    version,
    rendererFolder: join(programFolder, "renderer/dist"),
    examplesFolder: join(programFolder, "examples"),
    registry,
    exports,
    recent,
    kept: new KeptStore(join(settings, "kept")),
    toolchain: { find: findToolchain, run: runToolchainInUtility },
    ...(opened && { opened }),
  });
  app.on("will-quit", () => api.dispose());

  denyPermissions(session.defaultSession);
  serveApp(session.defaultSession, api);

  const window = (): BrowserWindow => {
    const [found] = BrowserWindow.getAllWindows();
    if (!found) throw new HostError("unavailable", "The window is closed.");
    return found;
  };
  const choose = (command: string): void => window().webContents.send(ipcEvents.menuCommand, command);
  installMenu(initialMenu, choose);

  handleIpc({
    async openDialog() {
      const { canceled, filePaths } = await dialog.showOpenDialog(window(), {
        title: "Open a model",
        properties: ["openFile"],
        filters: [
          { name: "Models and projects", extensions: [...modelExtensions, projectExtension] },
          { name: "All files", extensions: ["*"] },
        ],
      });
      return canceled || filePaths[0] === undefined ? undefined : open(filePaths[0]);
    },
    registerDropped: open,
    async chooseFolder() {
      const { canceled, filePaths } = await dialog.showOpenDialog(window(), {
        title: "Choose the folder that will hold the bundle",
        properties: ["openDirectory", "createDirectory"],
      });
      return canceled || filePaths[0] === undefined ? undefined : exports.choose(filePaths[0]);
    },
    async chooseSaveTarget(name) {
      const { canceled, filePath } = await dialog.showSaveDialog(window(), { defaultPath: name });
      return canceled || filePath === "" ? undefined : exports.choose(filePath);
    },
    async openExternal(url) {
      if (!isAllowedExternal(url)) throw new HostError("forbidden", `${url} is not on the list of sites this program opens.`);
      await shell.openExternal(url);
      return undefined;
    },
    showInFolder(bundle) {
      shell.showItemInFolder(exports.bundleFolder(bundle));
      return undefined;
    },
    setMenu(sections) {
      installMenu(sections, choose);
      return undefined;
    },
    setTitle(title, edited) {
      window().setTitle(title);
      window().setDocumentEdited(edited);
      return undefined;
    },
  });

  const created = await openWindow(join(settings, "window.json"));
  created.webContents.on("render-process-gone", (_event, { reason }) => {
    if (reason === "clean-exit") return;
    const question = dialog.showMessageBox(created, {
      type: "error",
      message: "The window stopped working.",
      detail: `Reason: ${reason}. Saved files and exports are not affected.`,
      buttons: ["Reload", "Quit"],
    });
    void question.then(({ response }) => (response === 0 ? created.reload() : app.quit()));
  });
  deliver = (path) => {
    void openOrTell(path).then((file) => {
      if (file) window().webContents.send(ipcEvents.openFile, file);
    });
  };
  for (const path of waiting.splice(0)) deliver(path);
}
