/** The custom rewrite that is being written: kept between runs, matched while it is typed, applied and checked. */
import { create } from "zustand";
import type { CustomRewriteView, Diagnostic, ModelId, NodeId, SiteView, StepId } from "@graphwright/compiler-core";
import { i18next } from "../i18n/index.ts";
import { diagnosticOf, isCancelled } from "../worker/rpc.ts";
import { announce, change } from "./actions.ts";
import { recipeText } from "./recipe.ts";
import { services } from "./services.ts";
import { pathTo, stepOf } from "./steps.ts";
import { useStore, type ModelState } from "./store.ts";

const { t } = i18next;
const key = "pref.custom-rewrites";

export const useCustomText = create<{ readonly text: string; readonly loaded: boolean }>(() => ({ text: "", loaded: false }));

let saving: ReturnType<typeof setTimeout> | undefined;

export function setCustomText(text: string): void {
  useCustomText.setState({ text, loaded: true });
  clearTimeout(saving);
  // A host that cannot keep it loses the text with the window, and nothing else.
  saving = setTimeout(() => void services().host.kept.write(key, text).catch(() => undefined), 500);
}

/** Reads what was written last time, or starts with `first`. */
export async function loadCustomText(first: string): Promise<void> {
  if (useCustomText.getState().loaded) return;
  const text = (await services().host.kept.texts(key).catch(() => undefined))?.[key];
  if (!useCustomText.getState().loaded) useCustomText.setState({ text: text ?? first, loaded: true });
}

export interface LiveMatches {
  readonly rewrites: readonly CustomRewriteView[];
  readonly sites: readonly SiteView[];
  readonly error?: Diagnostic;
}

/** What a text matches at a step, near misses included; an error of the text says line and column. Undefined when cancelled. */
export async function matchCustom(model: ModelId, step: StepId, text: string, signal: AbortSignal): Promise<LiveMatches | undefined> {
  const { session } = services();
  try {
    const { rewrites } = await session.parseCustom({ text }, { signal });
    const { sites } = await session.customSites({ model, step, text, nearMisses: true }, { signal });
    return { rewrites, sites };
  } catch (error) {
    return isCancelled(error) ? undefined : { rewrites: [], sites: [], error: diagnosticOf(error) };
  }
}

/** Makes the text's rewrites known, then applies one of them: at a node, or wherever it matches. */
export async function applyCustom(id: ModelId, text: string, name: string, node: NodeId | null, check: boolean): Promise<void> {
  const changed = await change(id, t("task.apply", { rewrite: name }), t("error.apply", { rewrite: name }), async (options) => {
    const { session } = services();
    await session.defineCustom({ text });
    return node === null ? session.applyAll({ model: id, rewrite: name, check }, options) : session.apply({ model: id, rewrite: name, node, check }, options);
  });
  if (changed) announce(id, changed, name);
}

export interface CustomChecks {
  readonly applied: number;
  readonly checked: number;
  /** sites at which the numbers are others, or cannot be compared */
  readonly bad: readonly string[];
}

/** What numerical checks said of the steps, up to the one shown, that the named rewrites made. */
export function customChecks(model: ModelState, names: ReadonlySet<string>): CustomChecks {
  const steps = pathTo(model.timeline, model.b).map((id) => stepOf(model.timeline, id)!).filter((step) => names.has(step.rewrite));
  const good = steps.filter((step) => step.check?.verdict === "identical" || step.check?.verdict === "rounding");
  return { applied: steps.length, checked: good.length, bad: steps.filter((step) => step.check && !good.includes(step)).map((step) => step.site) };
}

/** Checks the steps of custom rewrites that were not checked yet; a failure is shown. */
export async function checkCustom(id: ModelId): Promise<void> {
  if (useStore.getState().models[id]) await recipeText(id);
}
