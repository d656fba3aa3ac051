/** What a page does itself in both hosts: the file chooser, and files that only it holds. */
import { createHostClient, type HostClientPage } from "../../../app/shared/host-client.ts";
import type { HostBridge, NativeBridge, OpenedFile } from "../../../app/shared/host-protocol.ts";
import type { Host } from "./host.ts";
import { chooseHandles, droppedHandles, openRemembered, remember, rememberedFiles, RememberedFileError } from "./recent-handles.ts";

/** What is opened by itself; whatever else came along belongs to the models. */
const isModel = (name: string): boolean => /\.(onnx|graphwright)$/i.test(name);

export function createPageHost(native?: NativeBridge): Host {
  const siblings = new WeakMap<Blob, readonly File[]>();
  /** Without a model among them every file is tried, so that each gets a message of its own. */
  function group(files: readonly File[]): readonly File[] {
    const models = files.filter((file) => isModel(file.name));
    if (models.length === 0) return files;
    const others = files.filter((file) => !models.includes(file));
    for (const model of models) siblings.set(model, others);
    return models;
  }
  const page: HostClientPage = {
    origin: location.origin,
    async pickFile() {
      const handles = await chooseHandles();
      const files = handles ? await Promise.all(handles.map((handle) => handle.getFile())) : await pickFiles();
      const [model] = group(files);
      if (handles && model) void remember(handles[files.indexOf(model)]!, model);
      return model;
    },
    openWindow: (url) => void window.open(url, "_blank", "noopener,noreferrer"),
    setTitle: (title) => void (document.title = title),
  };
  const bridge: HostBridge = createHostClient(page, native);
  return {
    ...bridge,
    siblingsOf: (file) => (file.blob && siblings.get(file.blob)) ?? [],
    registerAll(files, items): Promise<readonly OpenedFile[]> {
      const handles = items && !native ? droppedHandles(items) : [];
      return Promise.all(
        group(files).map(async (file) => {
          void handles[files.indexOf(file)]?.then((handle) => { if (handle?.kind === "file") void remember(handle as FileSystemFileHandle, file); });
          return bridge.registerDropped(file as Parameters<HostBridge["registerDropped"]>[0]);
        }),
      );
    },
    async recentFiles() {
      const [known, paths] = [native ? [] : await rememberedFiles(), await bridge.recentFiles()];
      return [...known.map(({ id, name, size }) => ({ id, name, size, remembered: true as const })), ...paths];
    },
    async reopen({ id }, ask) {
      const known = (await rememberedFiles()).find((each) => each.id === id);
      if (!known) throw new RememberedFileError("gone");
      const file = await openRemembered(known, ask);
      void remember(known.handle, file);
      return bridge.registerDropped(file as Parameters<HostBridge["registerDropped"]>[0]);
    },
  };
}

function pickFiles(): Promise<readonly File[]> {
  return new Promise((resolve) => {
    const input = document.createElement("input");
    input.type = "file";
    input.multiple = true;
    input.hidden = true;
    input.dataset["testid"] = "file-input";
    input.addEventListener("change", () => finish([...(input.files ?? [])]));
    input.addEventListener("cancel", () => finish([]));
    const finish = (files: readonly File[]): void => {
      input.remove();
      resolve(files);
    };
    document.body.append(input);
    input.click();
  });
}
