/** Everything the window shows, in one store made of slices. Actions live in actions.ts. */
import { create } from "zustand";
import type { CatalogView, CheckView, Diagnostic, ModelId, ModelSummary, NodeId, OrdersView, RunResult, StepId, TimelineView } from "@graphwright/compiler-core";
import type { Isolation } from "../../../picture/src/index.ts";
import type { Example, HostInfo, OpenedFile } from "../host/host.ts";
import type { Plan } from "./plan.ts";
import type { Fingerprint } from "./fingerprint.ts";
import type { NoteHistory, Notes } from "./notes.ts";
import type { ViewHistory } from "./view-history.ts";
import type { ModelReference } from "./project.ts";
import { defaultSettings, type Settings } from "./settings.ts";

/**
 * What handle A does when B moves: follow it ("none": one step is shown), stand one change before it ("previous"), or
 * stay where it was put ("pinned").
 */
export type CompareMode = "none" | "previous" | "pinned";

export interface SiteChoice {
  readonly rewrite: string;
  readonly root: NodeId;
}

/** Another model beside this one. */
export interface Against {
  readonly model: ModelId;
  /** where this model stands */
  readonly side: "before" | "after";
  /** where a node was selected last: the inspector shows that one */
  readonly inspected: "before" | "after";
}

export interface Verification {
  readonly from: StepId;
  readonly to: StepId;
  readonly check: CheckView;
}

export interface ModelState {
  readonly id: ModelId;
  /** file name */
  readonly name: string;
  readonly file: OpenedFile;
  /** what a project knows it by; null until it was read */
  readonly hash: Fingerprint | null;
  /** "digits/digits.onnx" when it is an example that comes with the program */
  readonly example: string | null;
  readonly summary: ModelSummary;
  /** the same object for as long as the tree, the branch and the runs are the same; `head` is apart */
  readonly timeline: TimelineView;
  /** where the compiler stands; follows `b` once stepping pauses */
  readonly head: StepId;
  readonly diagnostics: readonly Diagnostic[];
  /** handle A, the base of a comparison; equal to `b` when one step is shown */
  readonly a: StepId;
  /** handle B, the step that is shown and that rewrites are applied to */
  readonly b: StepId;
  readonly compare: CompareMode;
  /** selected nodes, the first one is the one that the inspector shows */
  readonly selected: readonly NodeId[];
  /** the step in which the selected nodes exist */
  readonly selectedStep: StepId;
  readonly site: SiteChoice | null;
  readonly pipeline: string | null;
  /** another order of passes than the pipeline's */
  readonly plan: Plan | null;
  /** passes, and single places ("rewrite@site"), that runs leave out */
  readonly skipped: readonly string[];
  readonly verification: Verification | null;
  /** results of several orders of passes, tried from one step */
  readonly orders: { readonly from: StepId; readonly view: OrdersView } | null;
  /** outputs of the last evaluation */
  readonly run: { readonly step: StepId; readonly seed: number; readonly result: RunResult } | null;
  /** the last step that was exported or saved */
  readonly saved: StepId;
  readonly notes: Notes;
  readonly noteHistory: NoteHistory;
  /** views before and after this one */
  readonly views: ViewHistory;
  /** the notes as they were last saved */
  readonly savedNotes: Notes;
  /** the outline that it was drawn from while it was opened */
  readonly outline: string;
  /** the part of the graph that is drawn; null: all of it */
  readonly isolation: Isolation | null;
  /** another open model that stands beside this one */
  readonly against: Against | null;
  /** title of the change under way; other changes wait until it ends */
  readonly changing: string | null;
}

export interface TaskState {
  readonly id: number;
  readonly title: string;
  readonly fraction: number | undefined;
  readonly label: string;
  readonly started: number;
  readonly cancel: () => void;
  readonly cancelling: boolean;
}

export interface Notice {
  readonly id: number;
  readonly severity: "error" | "warning" | "info" | "success";
  readonly title: string;
  readonly diagnostic?: Diagnostic;
}

export interface LogEntry {
  readonly id: number;
  /** milliseconds since 1970 */
  readonly time: number;
  readonly model: string | null;
  readonly diagnostic: Diagnostic;
}

export type DialogName = "palette" | "search" | "shortcuts" | "export" | "settings" | "keys" | "about" | "save" | "link" | "picture" | "compare";
export type LeftTab = "pipeline" | "rewrites" | "recipe";
export type LowerTab = "text" | "program" | "values" | "profile" | "tuning" | "custom" | "orders" | "bisect" | "differences" | "notes" | "log";
export type Heat = "none" | "flops" | "bytes" | "time" | "error";

/** A file that is being opened and whose outline can be shown. */
export interface Opening {
  /** name of its outline in the picture worker */
  readonly key: string;
  readonly name: string;
}

export interface View {
  readonly dialog: DialogName | null;
  readonly left: LeftTab;
  readonly lower: LowerTab;
  readonly showLeft: boolean;
  readonly showRight: boolean;
  readonly showLower: boolean;
  readonly heat: Heat;
  /** how two steps are compared on the canvas */
  readonly difference: "overlay" | "beside";
  /** two canvases beside each other move together */
  readonly linked: boolean;
  /** edges are drawn wider the more bytes they carry */
  readonly edgeWidth: boolean;
  readonly minimap: boolean;
  readonly constants: boolean;
  /** files are being dragged over the window */
  readonly dropping: boolean;
}

/** A model of a project that was not found, or that is not what it was: the person says what to do. */
export interface LocateQuestion {
  readonly expected: ModelReference;
  /** a file that stands where it was, or that the person chose, and that differs */
  readonly found: ModelReference | null;
  readonly answer: (choice: "choose" | "use" | "skip") => void;
}

/** The lesson under way. */
export interface LessonState {
  readonly id: string;
  /** index of the step; the number of steps when the lesson is finished */
  readonly step: number;
  /** the model that was opened for it */
  readonly model: ModelId;
  /** what was predicted at this step */
  readonly answer: number | null;
  /** what this step asks for was done */
  readonly met: boolean;
}

/** Work of a window that ended, as its journal has it. */
export interface LostWork {
  readonly key: string;
  /** milliseconds since 1970 */
  readonly modified: number;
  readonly text: string;
  readonly models: readonly { readonly name: string; readonly steps: number }[];
  /** what was being done when the window ended */
  readonly underWay: string | null;
}

export interface State {
  readonly host: HostInfo | null;
  readonly examples: readonly Example[] | null;
  readonly recent: readonly OpenedFile[];
  readonly catalog: CatalogView | null;
  readonly models: Readonly<Record<ModelId, ModelState>>;
  readonly order: readonly ModelId[];
  readonly active: ModelId | null;
  readonly opening: Opening | null;
  readonly tasks: readonly TaskState[];
  readonly question: LocateQuestion | null;
  readonly lost: readonly LostWork[];
  readonly lesson: LessonState | null;
  /** the project file that this window's models were opened from or saved to */
  readonly project: { readonly name: string; readonly path: string | null; readonly target: string | null } | null;
  /** copies of the last closed models, the latest last */
  readonly closed: number;
  readonly notices: readonly Notice[];
  readonly log: readonly LogEntry[];
  readonly settings: Settings;
  readonly view: View;
}

export const initialView: View = {
  dialog: null,
  left: "pipeline",
  lower: "text",
  showLeft: true,
  showRight: true,
  showLower: true,
  heat: "none",
  difference: "overlay",
  linked: true,
  edgeWidth: false,
  minimap: true,
  constants: true,
  dropping: false,
};

export const initialState: State = {
  host: null,
  examples: null,
  recent: [],
  catalog: null,
  models: {},
  order: [],
  active: null,
  opening: null,
  tasks: [],
  question: null,
  lost: [],
  lesson: null,
  project: null,
  closed: 0,
  notices: [],
  log: [],
  settings: defaultSettings,
  view: initialView,
};

export const useStore = create<State>(() => initialState);

export const setView = (view: Partial<View>): void => useStore.setState((state) => ({ view: { ...state.view, ...view } }));

/** The model that the inspector is about: the active one, or the one beside it when a node of that was selected last. */
export function inspectedModel(state: State): ModelState | undefined {
  const model = activeModel(state);
  const against = model?.against;
  return (against && against.inspected !== against.side && state.models[against.model]) || model;
}

let turns = 0;
/** Numbers what a person did, for taking it back in the order in which it came. */
export const nextTurn = (): number => ++turns;

export const activeModel = (state: State): ModelState | undefined =>
  state.active === null ? undefined : state.models[state.active];

/** Whether a model has steps or notes that were neither exported nor saved. */
export const isEdited = (model: ModelState): boolean => model.b !== model.saved || model.notes !== model.savedNotes;

export function updateModel(id: ModelId, change: Partial<ModelState> | ((model: ModelState) => Partial<ModelState>)): void {
  useStore.setState((state) => {
    const model = state.models[id];
    if (!model) return state;
    return { models: { ...state.models, [id]: { ...model, ...(typeof change === "function" ? change(model) : change) } } };
  });
}
