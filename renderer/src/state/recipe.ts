/** Recipes: the way to a step as a file, and replaying one. */
import type { ModelId, Recipe } from "@graphwright/compiler-core";
import { i18next } from "../i18n/index.ts";
import { announce, change, settle } from "./actions.ts";
import { notify, report } from "./notices.ts";
import { services } from "./services.ts";
import { useStore } from "./store.ts";
import { runTask } from "./tasks.ts";
import { updateTools } from "./tools.ts";

const { t } = i18next;

/** The recipe of the step that is shown, or a message that says why it cannot be saved. */
export async function recipeText(id: ModelId): Promise<{ readonly text: string; readonly recipe: Recipe } | undefined> {
  await settle(id);
  const model = useStore.getState().models[id];
  if (!model) return undefined;
  try {
    return await runTask(t("task.recipe"), (options) => services().session.recipe({ model: id, step: model.b }, options));
  } catch (error) {
    report(t("error.recipe"), error, id);
    return undefined;
  } finally {
    // Saving checks custom rewrites, and their verdicts belong to the steps.
    await change(id, t("task.recipe"), t("error.step"), () => services().session.moveTo({ model: id, step: model.b }));
  }
}

export async function saveRecipe(id: ModelId): Promise<void> {
  const made = await recipeText(id);
  const model = useStore.getState().models[id];
  if (!made || !model) return;
  try {
    const saved = await services().host.saveFile(`${model.name.replace(/\.[^.]*$/, "")}.recipe.json`, new TextEncoder().encode(made.text));
    if (saved) notify({ severity: "success", title: t("notice.saved", { name: saved.name }) });
  } catch (error) {
    report(t("error.save"), error, id);
  }
}

/** Replays a recipe's text on the step that is shown; what does not match is listed with the condition that fails. */
export async function replayRecipe(id: ModelId, name: string, text: string, check: boolean): Promise<void> {
  const title = t("task.replay", { name });
  let failed: Awaited<ReturnType<ReturnType<typeof services>["session"]["applyRecipe"]>>["failed"] = [];
  const changed = await change(id, title, t("error.replay", { name }), async (options) => {
    const result = await services().session.applyRecipe({ model: id, recipe: text, check }, options);
    failed = result.failed;
    return result;
  });
  if (!changed) return;
  updateTools(id, { replayed: { name, applied: changed.result.applied, failed } });
  announce(id, changed, name);
}
