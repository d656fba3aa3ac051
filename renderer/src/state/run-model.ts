/** Evaluating the step that is shown, on inputs from files, drawn by hand or drawn from a seed. */
import type { ModelId, RunInput } from "@graphwright/compiler-core";
import type { OpenedFile } from "../host/host.ts";
import { i18next } from "../i18n/index.ts";
import { setMetric } from "./metrics.ts";
import { report } from "./notices.ts";
import { parseNpy } from "./npy.ts";
import { services } from "./services.ts";
import { updateModel, useStore } from "./store.ts";
import { runTask } from "./tasks.ts";
import { updateTools } from "./tools.ts";

const { t } = i18next;

export interface GivenInput {
  /** file name, or what it is */
  readonly label: string;
  /** null when only the compiler can tell */
  readonly dims: readonly number[] | null;
  readonly input: RunInput;
}

/** The bytes of a .npy file or of a TensorProto as an input; the compiler reads them. */
export function inputOf(name: string, bytes: Uint8Array): GivenInput {
  if (!/\.npy$/i.test(name)) return { label: name, dims: null, input: { format: "pb", bytes } };
  let dims: readonly number[] | null = null;
  try {
    dims = parseNpy(bytes).dims;
  } catch {
    // Types that the window does not know may be known to the compiler, whose message then says more.
  }
  return { label: name, dims, input: { format: "npy", bytes } };
}

export async function loadInputFile(model: ModelId, file: File): Promise<GivenInput | undefined> {
  try {
    return inputOf(file.name, new Uint8Array(await file.arrayBuffer()));
  } catch (error) {
    report(t("error.input", { name: file.name }), error, model);
    return undefined;
  }
}

export async function loadInputUrl(model: ModelId, file: OpenedFile): Promise<GivenInput | undefined> {
  try {
    const response = await fetch(services().host.fileUrl(file.id));
    if (!response.ok) throw new Error(`${response.status} ${response.statusText}`);
    return inputOf(file.name, new Uint8Array(await response.arrayBuffer()));
  } catch (error) {
    report(t("error.input", { name: file.name }), error, model);
    return undefined;
  }
}

/** Runs the shown step, and the one it is compared with on the same inputs; every value is kept for looking at. */
export async function runModel(id: ModelId, seed: number, given: Readonly<Record<string, GivenInput>>): Promise<void> {
  const model = useStore.getState().models[id];
  if (!model) return;
  const { a, b: step } = model;
  const inputs = Object.fromEntries(Object.entries(given).map(([name, { input }]) => [name, input]));
  const { session } = services();
  try {
    await runTask(t("task.run"), async (options) => {
      const base = a === step ? undefined : await session.run({ model: id, step: a, seed, inputs, keep: {} }, options);
      const result = await session.run({ model: id, step, seed, inputs, keep: {} }, options);
      updateModel(id, { run: { step, seed, result } });
      updateTools(id, { baseRun: base?.kept ? { step: a, kept: base.kept } : null });
      if (!base?.kept || !result.kept) return;
      const { nodes, values } = await session.runErrors({ model: id, a: base.kept.run, b: result.kept.run }, options);
      setMetric(id, "error", { step, values: new Map([...nodes].map((node, i) => [node, values[i]!])) });
    });
  } catch (error) {
    report(t("error.run"), error, id);
  }
}
