/** Every panel, in the order of the tabs. */
import { bisectPanel } from "./bisect/bisect-panel.tsx";
import { customPanel } from "./custom/custom-panel.tsx";
import { differencesPanel } from "./differences/differences-panel.tsx";
import { graphPanel } from "./graph/graph-panel.tsx";
import { inspectorPanel } from "./inspector/inspector-panel.tsx";
import { logPanel } from "./log/log-panel.tsx";
import { ordersPanel } from "./orders/orders-panel.tsx";
import { notesPanel } from "./notes/notes-panel.tsx";
import type { Panel } from "./panel.ts";
import { pipelinePanel } from "./pipeline/pipeline-panel.tsx";
import { profilePanel } from "./profile/profile-panel.tsx";
import { programPanel } from "./program/program-panel.tsx";
import { recipePanel } from "./recipe/recipe-panel.tsx";
import { rewritesPanel } from "./rewrites/rewrites-panel.tsx";
import { textPanel } from "./text/text-panel.tsx";
import { timelinePanel } from "./timeline/timeline-panel.tsx";
import { tuningPanel } from "./tuning/tuning-panel.tsx";
import { valuesPanel } from "./values/values-panel.tsx";

export const panels = [
  pipelinePanel,
  rewritesPanel,
  recipePanel,
  graphPanel,
  textPanel,
  programPanel,
  valuesPanel,
  profilePanel,
  tuningPanel,
  customPanel,
  ordersPanel,
  bisectPanel,
  differencesPanel,
  notesPanel,
  logPanel,
  inspectorPanel,
  timelinePanel,
] as const satisfies readonly Panel[];

export const panelsIn = (area: Panel["area"]): readonly Panel[] => panels.filter((panel) => panel.area === area);
