/** Every command of the window. One entry adds it to the menu, the palette, the keys and the shortcut sheet. */
import { canvas } from "../state/canvas.ts";
import { groupOf, showGroup } from "../state/group-shown.ts";
import * as act from "../state/actions.ts";
import { differenceOf, setDifference, swapSides } from "../state/beside.ts";
import { saveRecipe } from "../state/recipe.ts";
import type { NodeId } from "@graphwright/compiler-core";
import type { Isolation } from "../../../picture/src/index.ts";
import { metricOf } from "../state/metrics.ts";
import { profileModel } from "../state/profile-model.ts";
import { tuneModel } from "../state/tune-model.ts";
import { copyPicture } from "../state/picture-file.ts";
import { query } from "../state/query.ts";
import { runModel } from "../state/run-model.ts";
import { report } from "../state/notices.ts";
import { i18next } from "../i18n/index.ts";
import { positionOf } from "../state/steps.ts";
import { activeModel, setView, updateModel, useStore, type ModelState, type State } from "../state/store.ts";
import { services } from "../state/services.ts";
import { noteToRedo, noteToUndo } from "../state/notes.ts";
import { partToRedo, partToUndo, viewBack, viewForward } from "../state/view-history.ts";
import { copyLink, reopenClosed, saveProject } from "../state/workspace.ts";
import { currentTheme } from "../design/theme.ts";
import { focusPart } from "./focus-parts.ts";
import type { Command } from "./command.ts";

const hasModel = (state: State): boolean => activeModel(state) !== undefined;
const idle = (state: State): boolean => activeModel(state)?.changing === null;
const view = (): State["view"] => useStore.getState().view;
const onModel = <T>(run: (model: ModelState) => T) => (): T | undefined => {
  const model = act.currentModel();
  return model && run(model);
};
const position = (model: ModelState): number => positionOf(model.timeline, model.b);

const themes = ["light", "dark", "high-contrast"] as const;
const hasSelection = (state: State): boolean => (activeModel(state)?.selected.length ?? 0) > 0;
const hasSelectionOrGroup = (state: State): boolean => hasSelection(state) || (state.active !== null && groupOf(state.active) !== undefined);
const hasSteps = (state: State): boolean => (activeModel(state)?.timeline.steps.length ?? 0) > 1;
const isBeside = (state: State): boolean => { const model = activeModel(state); return !!model && differenceOf(state, model) === "beside"; };
/** Colours by what is measured, and measures it where it is not known yet: of errors, from the first step where no two are compared. */
async function heatBy(kind: "time" | "error", model: ModelState): Promise<void> {
  if (view().heat === kind) return setView({ heat: "none" });
  setView({ heat: kind });
  if (metricOf(model.id, kind) !== undefined) return;
  if (kind === "time") return profileModel(model.id);
  if (model.a === model.b) act.compareWith(model.id, model.timeline.branch[0]!);
  await runModel(model.id, 1, {});
}
/** Draws only what the selected nodes need, what needs them, or both. */
const isolate = (model: ModelState, direction: Isolation["direction"]): void =>
  updateModel(model.id, { isolation: { nodes: model.selected.length > 0 ? model.selected : (groupOf(model.id)?.contents?.nodes ?? []), direction } });

const reveal = (nodes: readonly NodeId[]): void => { if (nodes.length > 0) canvas.current?.reveal(nodes); };

/** Selects the producer of the selected node's n-th input, as the inspector lists them. */
async function goToInput(index: number): Promise<void> {
  const model = act.currentModel();
  const node = model?.selected[0];
  if (!model || node === undefined) return;
  try {
    const detail = await query("node", { model: model.id, step: model.selectedStep, node });
    const from = detail.node.inputs[index]?.from;
    if (from === undefined || detail.node.inputs[index]?.constant) return;
    act.select(model.id, [from], model.selectedStep);
    canvas.current?.reveal([from]);
  } catch (error) {
    report(i18next.t("error.inspect"), error, model.id);
  }
}

export const commands: readonly Command[] = [
  { id: "file-open", menu: "file", section: 0, keys: ["Mod+O"], global: true, run: () => act.openWithDialog() },
  { id: "file-open-link", menu: "file", section: 0, run: () => setView({ dialog: "link" }) },
  { id: "file-compare", menu: "file", section: 0, keys: ["Shift+D"], enabled: hasModel, run: () => setView({ dialog: "compare" }) },
  { id: "file-reopen", menu: "file", section: 0, keys: ["Mod+Shift+Y"], global: true, enabled: (state) => state.closed > 0, run: () => reopenClosed() },
  { id: "file-save", menu: "file", section: 1, keys: ["Mod+S"], global: true, enabled: (state) => state.order.length > 0, run: () => saveProject() },
  { id: "file-save-as", menu: "file", section: 1, keys: ["Mod+Shift+S"], global: true, enabled: (state) => state.order.length > 0, run: () => setView({ dialog: "save" }) },
  { id: "file-copy-link", menu: "file", section: 1, enabled: hasModel, run: () => copyLink() },
  { id: "file-export", menu: "file", section: 1, keys: ["Mod+E"], global: true, enabled: hasModel, run: () => setView({ dialog: "export" }) },
  { id: "file-save-picture", menu: "file", section: 1, keys: ["Mod+Shift+E"], global: true, enabled: hasModel, run: () => setView({ dialog: "picture" }) },
  { id: "file-save-recipe", menu: "file", section: 1, enabled: hasModel, run: onModel((model) => saveRecipe(model.id)) },
  { id: "file-close", menu: "file", section: 2, keys: ["Alt+W"], global: true, enabled: hasModel, run: onModel((model) => act.closeModel(model.id)) },
  { id: "file-close-others", menu: "file", section: 2, enabled: (state) => hasModel(state) && state.order.length > 1, run: onModel((model) => act.closeOthers(model.id)) },
  { id: "file-next-tab", menu: "file", section: 3, keys: ["Mod+Alt+ArrowRight"], global: true, enabled: (state) => state.order.length > 1, run: () => act.activateNext(1) },
  { id: "file-previous-tab", menu: "file", section: 3, keys: ["Mod+Alt+ArrowLeft"], global: true, enabled: (state) => state.order.length > 1, run: () => act.activateNext(-1) },
  { id: "file-tab-left", menu: "file", section: 3, keys: ["Mod+Alt+Shift+ArrowLeft"], global: true, enabled: (state) => state.active !== null && state.order.indexOf(state.active) > 0, run: onModel((model) => act.moveTab(model.id, useStore.getState().order.indexOf(model.id) - 1)) },
  { id: "file-tab-right", menu: "file", section: 3, keys: ["Mod+Alt+Shift+ArrowRight"], global: true, enabled: (state) => state.active !== null && state.order.indexOf(state.active) < state.order.length - 1, run: onModel((model) => act.moveTab(model.id, useStore.getState().order.indexOf(model.id) + 1)) },
  { id: "file-settings", menu: "file", section: 4, keys: ["Mod+Comma"], global: true, run: () => setView({ dialog: "settings" }) },

  {
    id: "edit-undo", menu: "edit", section: 0, keys: ["Mod+Z"],
    enabled: (state) => { const model = activeModel(state); return !!model && model.changing === null && (position(model) > 0 || noteToUndo(model) !== undefined || partToUndo(model) !== undefined); },
    run: onModel((model) => act.undo(model.id)),
  },
  {
    id: "edit-redo", menu: "edit", section: 0, keys: ["Mod+Shift+Z", "Mod+Y"],
    enabled: (state) => { const model = activeModel(state); return !!model && model.changing === null && (position(model) < model.timeline.branch.length - 1 || noteToRedo(model) !== undefined || partToRedo(model) !== undefined); },
    run: onModel((model) => act.redo(model.id)),
  },
  { id: "edit-find", menu: "edit", section: 1, keys: ["/", "Mod+F"], enabled: hasModel, run: () => setView({ dialog: "search" }) },
  {
    id: "edit-go-to-input", menu: "edit", section: 1, keys: ["1", "2", "3", "4", "5", "6", "7", "8", "9"],
    enabled: (state) => (activeModel(state)?.selected.length ?? 0) > 0,
    run: (key = "1") => goToInput(Number(key) - 1),
  },
  {
    id: "edit-copy-name", menu: "edit", section: 1,
    enabled: (state) => (activeModel(state)?.selected.length ?? 0) > 0,
    run: onModel(async (model) => {
      const { node } = await query("node", { model: model.id, step: model.selectedStep, node: model.selected[0]! });
      await act.copyText(node.name);
    }),
  },
  {
    id: "edit-clear", menu: "edit", section: 1, keys: ["Escape"],
    enabled: (state) => hasSelectionOrGroup(state) || !!activeModel(state)?.site,
    run: onModel((model) => { act.chooseSite(model.id, null); act.select(model.id, []); showGroup(null); }),
  },
  { id: "edit-copy-picture", menu: "edit", section: 1, enabled: hasModel, run: () => copyPicture({ part: "view", scale: 2 }) },

  { id: "view-palette", menu: "view", section: 0, keys: ["Mod+K", "Mod+Shift+P"], global: true, run: () => setView({ dialog: "palette" }) },
  { id: "view-back", menu: "view", section: 0, keys: ["Alt+ArrowLeft"], enabled: (state) => (activeModel(state)?.views.back.length ?? 0) > 0, run: onModel((model) => reveal(viewBack(model.id))) },
  { id: "view-forward", menu: "view", section: 0, keys: ["Alt+ArrowRight"], enabled: (state) => (activeModel(state)?.views.forward.length ?? 0) > 0, run: onModel((model) => reveal(viewForward(model.id))) },
  { id: "view-fit", menu: "view", section: 1, keys: ["F"], enabled: hasModel, run: () => canvas.current?.fit() },
  { id: "view-zoom-in", menu: "view", section: 1, keys: ["+", "="], enabled: hasModel, run: () => canvas.current?.zoomBy(1.25) },
  { id: "view-zoom-out", menu: "view", section: 1, keys: ["-"], enabled: hasModel, run: () => canvas.current?.zoomBy(0.8) },
  {
    id: "view-center", menu: "view", section: 1, keys: ["C"],
    enabled: (state) => (activeModel(state)?.selected.length ?? 0) > 0,
    run: onModel((model) => canvas.current?.reveal(model.selected)),
  },
  { id: "view-toggle-group", menu: "view", section: 1, keys: ["Space"], enabled: hasModel, run: () => canvas.current?.toggleGroup() },
  { id: "view-open-groups", menu: "view", section: 1, keys: ["Shift+E"], enabled: hasModel, run: () => canvas.current?.expandAll(true) },
  { id: "view-close-groups", menu: "view", section: 1, keys: ["Shift+C"], enabled: hasModel, run: () => canvas.current?.expandAll(false) },
  { id: "view-rename-group", menu: "view", section: 1, keys: ["F2"], enabled: hasModel, run: () => canvas.current?.renameGroup() },
  { id: "view-show-inputs", menu: "view", section: 2, keys: ["["], enabled: hasSelection, run: () => canvas.current?.showNeighbours(false) },
  { id: "view-show-outputs", menu: "view", section: 2, keys: ["]"], enabled: hasSelection, run: () => canvas.current?.showNeighbours(true) },
  { id: "view-follow-edge", menu: "view", section: 2, keys: ["E"], enabled: hasSelection, run: () => canvas.current?.followEdge() },
  { id: "view-isolate", menu: "view", section: 2, keys: ["I"], enabled: hasSelectionOrGroup, run: onModel((model) => isolate(model, "both")) },
  { id: "view-isolate-inputs", menu: "view", section: 2, enabled: hasSelectionOrGroup, run: onModel((model) => isolate(model, "inputs")) },
  { id: "view-isolate-outputs", menu: "view", section: 2, enabled: hasSelectionOrGroup, run: onModel((model) => isolate(model, "outputs")) },
  { id: "view-isolate-none", menu: "view", section: 2, keys: ["Shift+I"], enabled: (state) => !!activeModel(state)?.isolation, run: onModel((model) => updateModel(model.id, { isolation: null })) },
  {
    id: "view-lineage", menu: "view", section: 2, keys: ["H"],
    enabled: (state) => (activeModel(state)?.selected.length ?? 0) > 0,
    run: () => { setView({ showRight: true }); requestAnimationFrame(() => document.getElementById("inspector-lineage")?.scrollIntoView({ block: "start" })); },
  },
  { id: "view-heat-flops", menu: "view", section: 3, enabled: hasModel, checked: (state) => state.view.heat === "flops", run: () => setView({ heat: view().heat === "flops" ? "none" : "flops" }) },
  { id: "view-heat-bytes", menu: "view", section: 3, enabled: hasModel, checked: (state) => state.view.heat === "bytes", run: () => setView({ heat: view().heat === "bytes" ? "none" : "bytes" }) },
  { id: "view-heat-time", menu: "view", section: 3, enabled: idle, checked: (state) => state.view.heat === "time", run: onModel((model) => heatBy("time", model)) },
  { id: "view-heat-error", menu: "view", section: 3, enabled: (state) => idle(state) && hasSteps(state), checked: (state) => state.view.heat === "error", run: onModel((model) => heatBy("error", model)) },
  { id: "view-edge-width", menu: "view", section: 3, keys: ["W"], checked: (state) => state.view.edgeWidth, run: () => setView({ edgeWidth: !view().edgeWidth }) },
  { id: "view-minimap", menu: "view", section: 3, keys: ["M"], checked: (state) => state.view.minimap, run: () => setView({ minimap: !view().minimap }) },
  { id: "view-constants", menu: "view", section: 3, checked: (state) => state.view.constants, run: () => setView({ constants: !view().constants }) },
  { id: "view-left", menu: "window", section: 0, keys: ["Mod+B"], global: true, checked: (state) => state.view.showLeft, run: () => setView({ showLeft: !view().showLeft }) },
  { id: "view-lower", menu: "window", section: 0, keys: ["Mod+J"], global: true, checked: (state) => state.view.showLower, run: () => setView({ showLower: !view().showLower }) },
  { id: "view-right", menu: "window", section: 0, keys: ["Mod+I"], global: true, checked: (state) => state.view.showRight, run: () => setView({ showRight: !view().showRight }) },
  { id: "view-pipeline", menu: "window", section: 1, keys: ["Alt+1"], global: true, run: () => setView({ left: "pipeline", showLeft: true }) },
  { id: "view-rewrites", menu: "window", section: 1, keys: ["Alt+2"], global: true, run: () => setView({ left: "rewrites", showLeft: true }) },
  { id: "view-text", menu: "window", section: 1, keys: ["Alt+3"], global: true, run: () => setView({ lower: "text", showLower: true }) },
  { id: "view-program", menu: "window", section: 1, keys: ["Alt+4"], global: true, run: () => setView({ lower: "program", showLower: true }) },
  { id: "view-values", menu: "window", section: 1, keys: ["Alt+5"], global: true, run: () => setView({ lower: "values", showLower: true }) },
  { id: "view-profile", menu: "window", section: 1, run: () => setView({ lower: "profile", showLower: true }) },
  { id: "view-tuning", menu: "window", section: 1, run: () => setView({ lower: "tuning", showLower: true }) },
  { id: "view-recipe", menu: "window", section: 1, run: () => setView({ left: "recipe", showLeft: true }) },
  { id: "view-custom", menu: "window", section: 1, run: () => setView({ lower: "custom", showLower: true }) },
  { id: "view-bisect", menu: "window", section: 1, run: () => setView({ lower: "bisect", showLower: true }) },
  { id: "view-differences", menu: "window", section: 1, run: () => setView({ lower: "differences", showLower: true }) },
  { id: "view-orders", menu: "window", section: 1, keys: ["Alt+6"], global: true, run: () => setView({ lower: "orders", showLower: true }) },
  { id: "view-log", menu: "window", section: 1, keys: ["Alt+7"], global: true, run: () => setView({ lower: "log", showLower: true }) },
  { id: "view-notes", menu: "window", section: 1, keys: ["Alt+8"], global: true, run: () => setView({ lower: "notes", showLower: true }) },
  { id: "view-focus-next", menu: "window", section: 2, keys: ["F6"], global: true, run: () => focusPart(1) },
  { id: "view-focus-previous", menu: "window", section: 2, keys: ["Shift+F6"], global: true, run: () => focusPart(-1) },
  { id: "view-theme", menu: "window", section: 3, run: () => act.changeSettings({ theme: themes[(themes.indexOf(currentTheme()) + 1) % themes.length]! }) },

  {
    id: "rewrite-apply", menu: "rewrite", section: 0, keys: ["Enter"],
    enabled: (state) => idle(state) && !!activeModel(state)?.site,
    run: onModel((model) => (model.site ? act.applyRewrite(model.id, model.site) : undefined)),
  },
  {
    id: "rewrite-run-all", menu: "rewrite", section: 0, keys: ["Mod+Enter"], global: true,
    enabled: (state) => idle(state) && !!activeModel(state)?.pipeline,
    run: onModel((model) => act.runPipeline(model.id)),
  },
  {
    id: "rewrite-profile", menu: "rewrite", section: 0,
    enabled: idle,
    run: onModel((model) => { setView({ lower: "profile", showLower: true }); void profileModel(model.id); }),
  },
  {
    id: "rewrite-tune", menu: "rewrite", section: 0,
    enabled: (state) => idle(state) && state.host?.capabilities.toolchain !== undefined,
    run: onModel((model) => { setView({ lower: "tuning", showLower: true }); void tuneModel(model.id); }),
  },
  { id: "rewrite-verify", menu: "rewrite", section: 0, keys: ["Mod+Shift+V"], global: true, enabled: idle, run: onModel((model) => act.verify(model.id)) },
  { id: "rewrite-step", menu: "rewrite", section: 0, keys: ["Shift+J"], enabled: (state) => idle(state) && !!activeModel(state)?.pipeline, run: onModel((model) => act.stepPipeline(model.id)) },
  { id: "rewrite-next-step", menu: "rewrite", section: 1, keys: ["J", "ArrowRight"], enabled: hasModel, run: onModel((model) => act.stepBy(model.id, 1)) },
  { id: "rewrite-previous-step", menu: "rewrite", section: 1, keys: ["K", "ArrowLeft"], enabled: hasModel, run: onModel((model) => act.stepBy(model.id, -1)) },
  { id: "rewrite-next-pass", menu: "rewrite", section: 1, keys: ["N"], enabled: hasModel, run: onModel((model) => act.passBy(model.id, 1)) },
  { id: "rewrite-previous-pass", menu: "rewrite", section: 1, keys: ["B"], enabled: hasModel, run: onModel((model) => act.passBy(model.id, -1)) },
  { id: "rewrite-first-step", menu: "rewrite", section: 1, keys: ["Home"], enabled: hasModel, run: onModel((model) => act.stepBy(model.id, -Infinity)) },
  { id: "rewrite-last-step", menu: "rewrite", section: 1, keys: ["End"], enabled: hasModel, run: onModel((model) => act.stepBy(model.id, Infinity)) },
  { id: "rewrite-compare-none", menu: "rewrite", section: 2, enabled: hasModel, checked: (state) => activeModel(state)?.compare === "none", run: onModel((model) => act.setCompare(model.id, "none")) },
  { id: "rewrite-compare-previous", menu: "rewrite", section: 2, enabled: hasModel, checked: (state) => activeModel(state)?.compare === "previous", run: onModel((model) => act.setCompare(model.id, "previous")) },
  {
    id: "rewrite-compare-first", menu: "rewrite", section: 2, keys: ["A"], enabled: hasModel,
    checked: (state) => { const model = activeModel(state); return model?.compare === "pinned" && model.a === model.timeline.branch[0]; },
    run: onModel((model) => act.compareWith(model.id, model.timeline.branch[0]!)),
  },

  { id: "rewrite-compare-overlay", menu: "rewrite", section: 3, enabled: (state) => hasSteps(state) && !activeModel(state)?.against, checked: (state) => { const model = activeModel(state); return !!model && differenceOf(state, model) === "overlay"; }, run: onModel((model) => setDifference(model.id, "overlay")) },
  {
    id: "rewrite-compare-beside", menu: "rewrite", section: 3, keys: ["D"], enabled: (state) => hasSteps(state) || !!activeModel(state)?.against,
    checked: (state) => { const model = activeModel(state); return !!model && differenceOf(state, model) === "beside"; },
    run: onModel((model) => setDifference(model.id, differenceOf(useStore.getState(), model) === "beside" ? "overlay" : "beside")),
  },
  { id: "rewrite-compare-link", menu: "rewrite", section: 3, keys: ["L"], enabled: isBeside, checked: (state) => state.view.linked, run: () => setView({ linked: !view().linked }) },
  { id: "rewrite-compare-swap", menu: "rewrite", section: 3, enabled: isBeside, run: onModel((model) => swapSides(model.id)) },

  { id: "help-welcome", menu: "help", section: 0, enabled: hasModel, run: () => act.showWelcome() },
  { id: "help-shortcuts", menu: "help", section: 0, keys: ["?"], run: () => setView({ dialog: "shortcuts" }) },
  { id: "help-operators", menu: "help", section: 1, exists: (state) => state.host !== null, run: () => services().host.openExternal("https://onnx.ai/onnx/operators/") },
  { id: "help-about", menu: "help", section: 2, run: () => setView({ dialog: "about" }) },
];

export const commandById = (id: Command["id"]): Command => commands.find((command) => command.id === id)!;

export const isOffered = (command: Command, state: State): boolean => command.exists?.(state) ?? true;
export const isEnabled = (command: Command, state: State): boolean => isOffered(command, state) && (command.enabled?.(state) ?? true);

export function runCommand(id: string, key?: string): void {
  const command = commands.find((each) => each.id === id);
  if (!command || !isEnabled(command, useStore.getState())) return;
  void Promise.resolve(command.run(key)).catch((error: unknown) => report(i18next.t(`command.${command.id}`), error));
}
