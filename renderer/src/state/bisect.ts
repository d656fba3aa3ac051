/** Finding the step, or the value, at which two ends begin to disagree. */
import type { ModelId, NodeId, StepId } from "@graphwright/compiler-core";
import { i18next } from "../i18n/index.ts";
import { activate, compareWith, goTo, select, settle } from "./actions.ts";
import { canvas } from "./canvas.ts";
import { report } from "./notices.ts";
import { services } from "./services.ts";
import { setView, useStore } from "./store.ts";
import { runTask } from "./tasks.ts";
import { toolsOf, updateTools } from "./tools.ts";

const { t } = i18next;

export async function bisectSteps(id: ModelId, from: StepId, to: StepId): Promise<void> {
  await settle(id);
  try {
    const view = await runTask(t("task.bisect"), (options) => services().session.bisect({ model: id, from, to }, options));
    updateTools(id, { bisection: { kind: "steps", from, to, view } });
  } catch (error) {
    report(t("error.bisect"), error, id);
  }
}

type At = { readonly model: ModelId; readonly step: StepId };

/** The first value that two steps, of one model or of two, compute differently. */
export async function bisectValues(owner: ModelId, a: At, b: At): Promise<void> {
  await settle(owner);
  try {
    const view = await runTask(t("task.bisect"), (options) => services().session.bisectModels({ a, b }, options));
    updateTools(owner, { bisection: { kind: "values", a, b, view } });
  } catch (error) {
    report(t("error.bisect"), error, owner);
  }
}

/** Shows a step that changed the numbers: what it changed, and the first node that computes something else. */
export async function showDivergence(id: ModelId, step: StepId): Promise<void> {
  const model = useStore.getState().models[id];
  const parent = model?.timeline.steps.find((each) => each.id === step)?.parent;
  if (!model || parent === undefined || parent === null) return;
  goTo(id, step);
  compareWith(id, parent);
  await settle(id);
  await bisectValues(id, { model: id, step: parent }, { model: id, step });
  setView({ lower: "bisect", showLower: true });
  const { bisection } = toolsOf(id);
  const nodes = bisection?.kind === "values" ? bisection.view.nodes : undefined;
  if (nodes) showNode(id, nodes[1], step);
}

export function showNode(id: ModelId, node: NodeId, step: StepId): void {
  if (useStore.getState().active !== id) activate(id);
  goTo(id, step);
  select(id, [node], step);
  requestAnimationFrame(() => canvas.current?.reveal([node]));
}
