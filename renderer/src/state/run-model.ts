/** Evaluating the step that is shown, on inputs from files or drawn from a seed. */
import type { ModelId } from "@graphwright/compiler-core";
import type { OpenedFile } from "../host/host.ts";
import { i18next } from "../i18n/index.ts";
import { report } from "./notices.ts";
import { parseNpy, type NpyArray } from "./npy.ts";
import { services } from "./services.ts";
import { updateModel, useStore } from "./store.ts";
import { runTask } from "./tasks.ts";

const { t } = i18next;

export interface GivenInput extends NpyArray {
  /** file name */
  readonly label: string;
}

export async function loadInputFile(model: ModelId, file: File): Promise<GivenInput | undefined> {
  try {
    return { label: file.name, ...parseNpy(new Uint8Array(await file.arrayBuffer())) };
  } catch (error) {
    report(t("error.input", { name: file.name }), error, model);
    return undefined;
  }
}

export async function loadInputUrl(model: ModelId, file: OpenedFile): Promise<GivenInput | undefined> {
  try {
    const response = await fetch(services().host.fileUrl(file.id));
    if (!response.ok) throw new Error(`${response.status} ${response.statusText}`);
    return { label: file.name, ...parseNpy(new Uint8Array(await response.arrayBuffer())) };
  } catch (error) {
    report(t("error.input", { name: file.name }), error, model);
    return undefined;
  }
}

export async function runModel(id: ModelId, seed: number, given: Readonly<Record<string, GivenInput>>): Promise<void> {
  const model = useStore.getState().models[id];
  if (!model) return;
  const step = model.b;
  const inputs = Object.fromEntries(Object.entries(given).map(([name, { dims, data }]) => [name, { dims, data }]));
  try {
    const result = await runTask(t("task.run"), (options) => services().session.run({ model: id, step, seed, inputs }, options));
    updateModel(id, { run: { step, seed, result } });
  } catch (error) {
    report(t("error.run"), error, id);
  }
}
