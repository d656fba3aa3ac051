/**
 * Stands in for the electron module where its binary is missing. Every export is typed as a part of the real module, so
 * a change of Electron's interface is a type error here; what the program uses beyond it fails at run time.
 * Calls are recorded for the tests to read; each test imports a fresh copy.
 */
import { EventEmitter } from "node:events";
import type * as Electron from "electron";

type Part<T, K extends keyof T> = Pick<T, K>;
type Listener = (...args: never[]) => void;

/** What the program did, in order: `app.enableSandbox`, `protocol.registerSchemesAsPrivileged`, ... */
export const calls: { readonly name: string; readonly args: readonly unknown[] }[] = [];
const record = (name: string, ...args: readonly unknown[]): void => void calls.push({ name, args });
export const callsOf = (name: string): readonly (readonly unknown[])[] =>
  calls.filter((call) => call.name === name).map((call) => call.args);

/** Answers that a person would give, set by the tests. */
export const answers = {
  userData: "",
  documents: "",
  open: { canceled: true, filePaths: [] } as Electron.OpenDialogReturnValue,
  save: { canceled: true, filePath: "" } as Electron.SaveDialogReturnValue,
  singleInstance: true,
  packaged: false,
};

// ---- app ------------------------------------------------------------------------------------------------------------

export const appEvents = new EventEmitter();
let ready: () => void = () => undefined;
const readiness = new Promise<void>((done) => (ready = done));
export const becomeReady = (): void => ready();

export const app = {
  name: "Graphwright",
  get isPackaged() {
    return answers.packaged;
  },
  enableSandbox: () => record("app.enableSandbox"),
  requestSingleInstanceLock: () => answers.singleInstance,
  whenReady: () => readiness,
  quit: () => record("app.quit"),
  exit: (code?: number) => record("app.exit", code),
  getPath: (name) => (name === "documents" ? answers.documents : answers.userData),
  addRecentDocument: (path) => record("app.addRecentDocument", path),
  on(event: string, listener: Listener) {
    appEvents.on(event, listener as never);
    return app as never;
  },
} satisfies Part<
  Electron.App,
  | "name" | "isPackaged" | "enableSandbox" | "requestSingleInstanceLock" | "whenReady" | "quit" | "exit" | "getPath"
  | "addRecentDocument"
> & { on: unknown };

// ---- session, protocol ----------------------------------------------------------------------------------------------

export const protocolHandlers = new Map<string, (request: Request) => Response | Promise<Response>>();
export const permissions: {
  request?: Parameters<Electron.Session["setPermissionRequestHandler"]>[0];
  check?: Parameters<Electron.Session["setPermissionCheckHandler"]>[0];
  device?: Parameters<Electron.Session["setDevicePermissionHandler"]>[0];
} = {};
type BeforeRequest = (
  details: Electron.OnBeforeRequestListenerDetails,
  answer: (response: Electron.CallbackResponse) => void,
) => void;
export const requestFilters: { readonly filter: Electron.WebRequestFilter; readonly listener: BeforeRequest }[] = [];

export const protocol = {
  registerSchemesAsPrivileged: (schemes) => record("protocol.registerSchemesAsPrivileged", schemes),
} satisfies Part<Electron.Protocol, "registerSchemesAsPrivileged">;

const defaultSession = {
  protocol: {
    handle: (scheme, handler) => {
      record("session.protocol.handle", scheme);
      protocolHandlers.set(scheme, handler as never);
    },
  } satisfies Part<Electron.Protocol, "handle">,
  setPermissionRequestHandler: (handler) => void (permissions.request = handler),
  setPermissionCheckHandler: (handler) => void (permissions.check = handler),
  setDevicePermissionHandler: (handler) => void (permissions.device = handler),
  webRequest: {
    onBeforeRequest: ((filter: Electron.WebRequestFilter, listener?: BeforeRequest | null): void => {
      if (listener) requestFilters.push({ filter, listener });
    }) as Electron.WebRequest["onBeforeRequest"],
  } satisfies Part<Electron.WebRequest, "onBeforeRequest">,
} satisfies Part<
  Electron.Session,
  "setPermissionRequestHandler" | "setPermissionCheckHandler" | "setDevicePermissionHandler"
> & { protocol: unknown; webRequest: unknown };
export const session = { defaultSession };

// ---- windows --------------------------------------------------------------------------------------------------------

export class WebContentsStub extends EventEmitter {
  readonly mainFrame: FrameStub = { parent: null, origin: "app://graphwright", url: "app://graphwright/index.html" };
  windowOpen: Parameters<Electron.WebContents["setWindowOpenHandler"]>[0] | undefined;
  readonly sent: (readonly [string, ...unknown[]])[] = [];
  setWindowOpenHandler: Electron.WebContents["setWindowOpenHandler"] = (handler) => void (this.windowOpen = handler);
  send: Electron.WebContents["send"] = (channel, ...args) => void this.sent.push([channel, ...args]);
}
export interface FrameStub {
  readonly parent: FrameStub | null;
  readonly origin: string;
  readonly url: string;
}

export class BrowserWindow extends EventEmitter {
  static windows: BrowserWindow[] = [];
  static getAllWindows: () => BrowserWindow[] = () => BrowserWindow.windows;
  readonly webContents = new WebContentsStub();
  readonly options: Electron.BrowserWindowConstructorOptions;
  bounds: Electron.Rectangle;
  constructor(options: Electron.BrowserWindowConstructorOptions) {
    super();
    this.options = options;
    this.bounds = { x: options.x ?? 0, y: options.y ?? 0, width: options.width ?? 800, height: options.height ?? 600 };
    BrowserWindow.windows.push(this);
    appEvents.emit("web-contents-created", {}, this.webContents);
  }
  loadURL: Electron.BrowserWindow["loadURL"] = async (url) => {
    record("window.loadURL", url);
    await Promise.resolve();
    this.emit("ready-to-show");
  };
  show: Electron.BrowserWindow["show"] = () => record("window.show");
  focus: Electron.BrowserWindow["focus"] = () => record("window.focus");
  restore: Electron.BrowserWindow["restore"] = () => record("window.restore");
  reload: Electron.BrowserWindow["reload"] = () => record("window.reload");
  maximize: Electron.BrowserWindow["maximize"] = () => record("window.maximize");
  isMinimized: Electron.BrowserWindow["isMinimized"] = () => false;
  isMaximized: Electron.BrowserWindow["isMaximized"] = () => false;
  isDestroyed: Electron.BrowserWindow["isDestroyed"] = () => false;
  getNormalBounds: Electron.BrowserWindow["getNormalBounds"] = () => this.bounds;
  setTitle: Electron.BrowserWindow["setTitle"] = (title) => record("window.setTitle", title);
  setDocumentEdited: Electron.BrowserWindow["setDocumentEdited"] = (edited) => record("window.setDocumentEdited", edited);
}

export const screen = {
  getAllDisplays: () => [{ workArea: { x: 0, y: 0, width: 1920, height: 1080 } } as Electron.Display],
} satisfies Part<Electron.Screen, "getAllDisplays">;

// ---- dialogs, menu, shell -------------------------------------------------------------------------------------------

export const dialog = {
  showOpenDialog: async (...args: unknown[]) => {
    record("dialog.showOpenDialog", args.at(-1));
    return Promise.resolve(answers.open);
  },
  showSaveDialog: async (...args: unknown[]) => {
    record("dialog.showSaveDialog", args.at(-1));
    return Promise.resolve(answers.save);
  },
  showErrorBox: (title, content) => record("dialog.showErrorBox", title, content),
  showMessageBox: async (...args: unknown[]) => {
    record("dialog.showMessageBox", args.at(-1));
    return Promise.resolve({ response: 0, checkboxChecked: false });
  },
} satisfies Part<Electron.Dialog, "showOpenDialog" | "showSaveDialog" | "showErrorBox" | "showMessageBox">;

export const Menu = {
  buildFromTemplate: (template) => template as never,
  setApplicationMenu: (menu) => record("Menu.setApplicationMenu", menu),
} satisfies Part<typeof Electron.Menu, "buildFromTemplate" | "setApplicationMenu">;

export const shell = {
  openExternal: async (url) => Promise.resolve(record("shell.openExternal", url)),
  showItemInFolder: (path) => record("shell.showItemInFolder", path),
} satisfies Part<Electron.Shell, "openExternal" | "showItemInFolder">;

// ---- IPC ------------------------------------------------------------------------------------------------------------

export const ipcHandlers = new Map<string, (event: Electron.IpcMainInvokeEvent, ...args: unknown[]) => Promise<unknown>>();
export const ipcMain = {
  handle: (channel, listener) => void ipcHandlers.set(channel, listener),
} satisfies Part<Electron.IpcMain, "handle">;

const rendererEvents = new EventEmitter();
/** The main process sends: the event object is what a preload must not hand on. */
export const sendToPreload = (channel: string, ...args: unknown[]): void => {
  rendererEvents.emit(channel, { sender: "secret" }, ...args);
};
export const ipcRenderer: Part<Electron.IpcRenderer, "invoke" | "on" | "off"> = {
  invoke: async (channel, ...args: unknown[]) => Promise.resolve(record("ipcRenderer.invoke", channel, ...args)),
  on(channel, listener) {
    rendererEvents.on(channel, listener);
    return this as Electron.IpcRenderer;
  },
  off(channel, listener) {
    rendererEvents.off(channel, listener);
    return this as Electron.IpcRenderer;
  },
};

export const exposed = new Map<string, unknown>();
export const contextBridge = {
  exposeInMainWorld: (key, api) => void exposed.set(key, api),
} satisfies Part<Electron.ContextBridge, "exposeInMainWorld">;

export const webUtils = {
  getPathForFile: (file) => `/dropped/${file.name}`,
} satisfies Part<Electron.WebUtils, "getPathForFile">;

// ---- utility process ------------------------------------------------------------------------------------------------

export class UtilityProcessStub extends EventEmitter {
  readonly posted: unknown[] = [];
  killed = false;
  postMessage: Electron.UtilityProcess["postMessage"] = (message: unknown) => void this.posted.push(message);
  kill: Electron.UtilityProcess["kill"] = () => {
    this.killed = true;
    return true;
  };
}
export const forked: UtilityProcessStub[] = [];
export const utilityProcess = {
  fork: (path, args, options) => {
    record("utilityProcess.fork", path, args, options);
    const child = new UtilityProcessStub();
    forked.push(child);
    return child as never;
  },
} satisfies Part<typeof Electron.utilityProcess, "fork">;
