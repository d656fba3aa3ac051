/** Two steps or two models beside each other: which, and on which side. */
import type { ModelId, NodeId, StepId } from "@graphwright/compiler-core";
import type { OpenedFile } from "../host/host.ts";
import { i18next } from "../i18n/index.ts";
import { activate, compareWith, goTo, openFile, select, setCompare } from "./actions.ts";
import { canvas } from "./canvas.ts";
import { notify, report } from "./notices.ts";
import { services } from "./services.ts";
import { stepOf } from "./steps.ts";
import { activeModel, setView, updateModel, useStore, type ModelState, type State } from "./store.ts";

export type DifferenceMode = "off" | "overlay" | "beside";

export interface Place {
  readonly model: ModelState;
  readonly step: StepId;
}

export interface Sides {
  readonly before: Place;
  readonly after: Place;
  /** the side of the active model, or of handle B */
  readonly main: "before" | "after";
  /** two models, not two steps of one */
  readonly models: boolean;
}

export function besideOf(model: ModelState, other: ModelState | undefined, beside: boolean): Sides | undefined {
  const here = { model, step: model.b };
  if (other && model.against) {
    const there = { model: other, step: other.b };
    return { ...(model.against.side === "before" ? { before: here, after: there } : { before: there, after: here }), main: model.against.side, models: true };
  }
  return beside ? { before: { model, step: model.a }, after: here, main: "after", models: false } : undefined;
}

/** How the canvas shows a model. */
export const differenceOf = ({ view }: Pick<State, "view">, model: ModelState): DifferenceMode =>
  model.against || view.difference === "beside" ? "beside" : model.compare === "none" ? "off" : "overlay";

/** The canvas that a model's selected node is on, while there are two. */
export function selectionSide(state: State, model: ModelState): "before" | "after" | undefined {
  const active = activeModel(state);
  if (!active || differenceOf(state, active) !== "beside") return undefined;
  if (active.against) return (model.id === active.id) === (active.against.side === "before") ? "before" : "after";
  return model.selectedStep === model.b ? "after" : model.selectedStep === model.a ? "before" : undefined;
}

export function setDifference(id: ModelId, mode: DifferenceMode): void {
  const model = useStore.getState().models[id];
  if (!model) return;
  updateModel(id, { against: null });
  setView({ difference: mode === "beside" ? "beside" : "overlay" });
  if (mode === "off") setCompare(id, "none");
  // Where one step was shown: what it changed.
  else if (model.compare === "none" && stepOf(model.timeline, model.b)?.parent !== null) setCompare(id, "previous");
}

export function swapSides(id: ModelId): void {
  const model = useStore.getState().models[id];
  if (!model) return;
  if (model.against) {
    const side = model.against.side === "before" ? "after" : "before";
    updateModel(id, { against: { ...model.against, side, inspected: model.against.inspected === "before" ? "after" : "before" } });
    return;
  }
  const { a, b } = model;
  goTo(id, a);
  compareWith(id, b);
}

/** Puts another open model beside this one, which stands before it. */
export function compareModels(id: ModelId, other: ModelId): void {
  updateModel(id, { against: { model: other, side: "before", inspected: "before" } });
  if (useStore.getState().active !== id) activate(id);
  const { dialog } = useStore.getState().view;
  setView({ ...(dialog === "compare" ? { dialog: null } : {}), lower: "differences", showLower: true });
}

export const endComparison = (id: ModelId): void => updateModel(id, { against: null });

/** Opens a file in a tab of its own and puts it beside a model; a file that cannot be opened leaves everything as it was. */
export async function compareWithFile(id: ModelId, file: OpenedFile): Promise<void> {
  if (/\.graphwright$/i.test(file.name)) return void notify({ severity: "info", title: i18next.t("beside.no-projects", { name: file.name }) });
  const other = await openFile(file, undefined, true);
  if (other !== undefined && useStore.getState().models[id]) compareModels(id, other);
}

export async function chooseAndCompare(id: ModelId): Promise<void> {
  try {
    const file = await services().host.openDialog();
    if (file) await compareWithFile(id, file);
  } catch (error) {
    report(i18next.t("error.open-dialog"), error);
  }
}

/** Selects what differs, where it is, and brings it into view on both sides. */
export function showDifference(id: ModelId, { before, after }: { readonly before?: NodeId; readonly after?: NodeId }): void {
  const state = useStore.getState();
  const model = state.models[id];
  const other = model?.against ? state.models[model.against.model] : undefined;
  if (!model) return;
  const sides = besideOf(model, other, true)!;
  const side = after === undefined ? "before" : "after";
  const node = (after ?? before)!;
  // Where the active model has it, else on the other side.
  const inspected = (sides.main === "before" ? before : after) === undefined ? (sides.main === "before" ? "after" : "before") : sides.main;
  if (sides.models) {
    select(sides.before.model.id, before === undefined ? [] : [before], sides.before.step);
    select(sides.after.model.id, after === undefined ? [] : [after], sides.after.step);
    updateModel(id, ({ against }) => ({ against: against && { ...against, inspected } }));
  } else select(id, [node], sides[side].step);
  // The canvases hear of the selection first.
  requestAnimationFrame(() => requestAnimationFrame(() => canvas.current?.reveal([sides.models ? (inspected === "before" ? before! : after!) : node])));
}
