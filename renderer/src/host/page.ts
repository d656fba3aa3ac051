/** What a page does itself in both hosts: the file chooser, and files that only it holds. */
import { createHostClient, type HostClientPage } from "../../../app/shared/host-client.ts";
import type { HostBridge, NativeBridge, OpenedFile } from "../../../app/shared/host-protocol.ts";
import type { Host } from "./host.ts";

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
    pickFile: async () => group(await pickFiles())[0],
    openWindow: (url) => void window.open(url, "_blank", "noopener,noreferrer"),
    setTitle: (title) => void (document.title = title),
  };
  const bridge: HostBridge = createHostClient(page, native);
  return {
    ...bridge,
    siblingsOf: (file) => (file.blob && siblings.get(file.blob)) ?? [],
    registerAll: (files): Promise<readonly OpenedFile[]> =>
      Promise.all(group(files).map((file) => bridge.registerDropped(file as Parameters<HostBridge["registerDropped"]>[0]))),
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
