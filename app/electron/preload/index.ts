/**
 * The window's bridge to the main process: one function for each message. Event objects are stripped, because they carry
 * the sender and with it all of IPC. Bundled into one CommonJS file, as sandboxed preloads need.
 */
import { contextBridge, ipcRenderer, webUtils } from "electron";
import { ipcChannel, ipcEvents, type NativeBridge, type OpenedFile } from "../../shared/host-protocol.ts";

const bridge: NativeBridge = {
  openDialog: () => ipcRenderer.invoke(ipcChannel("openDialog")),
  registerDropped: (file) => ipcRenderer.invoke(ipcChannel("registerDropped"), webUtils.getPathForFile(file as File)),
  chooseFolder: () => ipcRenderer.invoke(ipcChannel("chooseFolder")),
  chooseSaveTarget: (name) => ipcRenderer.invoke(ipcChannel("chooseSaveTarget"), name),
  openExternal: (url) => ipcRenderer.invoke(ipcChannel("openExternal"), url),
  showInFolder: (bundle) => ipcRenderer.invoke(ipcChannel("showInFolder"), bundle),
  setMenu: (sections) => ipcRenderer.invoke(ipcChannel("setMenu"), sections),
  setTitle: (title, edited) => ipcRenderer.invoke(ipcChannel("setTitle"), title, edited),
  onMenuCommand: (listener) => listen<string>(ipcEvents.menuCommand, listener),
  onOpenFile(listener) {
    for (const file of early.splice(0)) listener(file);
    stopCollecting();
    return listen<OpenedFile>(ipcEvents.openFile, listener);
  },
};

/** A file can be handed over between the page's load and the first listener. */
const early: OpenedFile[] = [];
const stopCollecting = listen<OpenedFile>(ipcEvents.openFile, (file) => early.push(file));

function listen<T>(channel: string, listener: (value: T) => void): () => void {
  const receive = (_event: unknown, value: T): void => listener(value);
  ipcRenderer.on(channel, receive);
  return () => void ipcRenderer.off(channel, receive);
}

contextBridge.exposeInMainWorld("graphwrightHost", bridge);
