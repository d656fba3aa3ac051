/** Measuring the shown step as generated code. */
import type { ModelId, NodeId } from "@graphwright/compiler-core";
import { i18next } from "../i18n/index.ts";
import { settle } from "./actions.ts";
import { setMetric } from "./metrics.ts";
import { report } from "./notices.ts";
import { services } from "./services.ts";
import { useStore } from "./store.ts";
import { runTask } from "./tasks.ts";
import { updateTools } from "./tools.ts";

const { t } = i18next;

/** Measures, and gives each node the time of the kernel that computes it. */
export async function profileModel(id: ModelId): Promise<void> {
  await settle(id);
  const step = useStore.getState().models[id]?.b;
  if (step === undefined) return;
  try {
    const view = await runTask(t("task.profile"), (options) => services().session.profile({ model: id, step, milliseconds: 1500 }, options));
    updateTools(id, { profile: { step, view } });
    const values = new Map<NodeId, number>();
    for (const { nodes, milliseconds } of view.rows) for (const node of nodes) values.set(node, (values.get(node) ?? 0) + milliseconds / 1000);
    setMetric(id, "time", { step, values });
  } catch (error) {
    report(t("error.profile"), error, id);
  }
}
