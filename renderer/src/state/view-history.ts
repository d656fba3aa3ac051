/**
 * Back and forward through the views of a model: what is drawn, coloured, compared and selected, and which groups are open.
 * Undo takes back steps, notes and names, and in one order with them what changed which nodes are there to be seen: the part that is
 * drawn, constants, all groups opened or closed. Colours, one or two canvases, a group that was opened and a node that was looked at are
 * ways of looking, and not in its way: who looks at a rewrite in another way and then undoes means the rewrite.
 */
import type { ModelId, NodeId, StepId } from "@graphwright/compiler-core";
import type { Isolation } from "../../../picture/src/index.ts";
import { canvasViews, type CanvasView } from "./canvas.ts";
import { stepOf } from "./steps.ts";
import { nextTurn, updateModel, useStore, type Against, type CompareMode, type ModelState, type State, type View } from "./store.ts";

const switches = ["heat", "difference", "linked", "edgeWidth", "minimap", "constants"] as const satisfies readonly (keyof View)[];

/** What a change of the view was, on one side of it: only what it changed is there. */
interface Look extends Partial<Pick<View, (typeof switches)[number]>> {
  readonly isolation?: Isolation | null;
  readonly against?: Against | null;
  /** with the step of handle A where that was put by a person */
  readonly compare?: { readonly mode: CompareMode; readonly a: StepId };
  readonly selection?: { readonly nodes: readonly NodeId[]; readonly step: StepId };
  /** open groups of a picture ("<model>/<region>"); undefined: those of its first view */
  readonly groups?: { readonly picture: string; readonly expanded: CanvasView["expanded"] };
}

export interface ViewChange {
  readonly before: Look;
  readonly after: Look;
  /** the step that was shown */
  readonly at: StepId;
  /** in one order with notes and names */
  readonly turn: number;
  /** it changed which nodes are there to be seen: undo takes it back too */
  readonly ofPart: boolean;
}

export interface ViewHistory {
  readonly back: readonly ViewChange[];
  readonly forward: readonly ViewChange[];
}

export const noViews: ViewHistory = { back: [], forward: [] };
const kept = 200;

/** Changes that go along with another one, or that this history makes itself, are not put into it. */
let quiet = 0;
export function quietly<T>(change: () => T): T {
  quiet++;
  try {
    return change();
  } finally {
    quiet--;
  }
}

function remember(id: ModelId, before: Look, after: Look): void {
  const { groups, isolation, constants } = after;
  const ofPart = isolation !== undefined || constants !== undefined || (groups !== undefined && (groups.expanded === "all" || groups.expanded?.length === 0));
  updateModel(id, ({ views, b }) => ({ views: { back: [...views.back, { before, after, at: b, turn: nextTurn(), ofPart }].slice(-kept), forward: [] } }));
}

function changed(state: State, then: State): void {
  const id = state.active;
  if (quiet > 0 || id === null || id !== then.active) return;
  const [now, was] = [state.models[id], then.models[id]];
  if (!now || !was || (now === was && state.view === then.view)) return;
  const differing = switches.filter((name) => state.view[name] !== then.view[name]);
  const look = (model: ModelState, view: View): Look => ({
    ...Object.fromEntries(differing.map((name) => [name, view[name]])),
    ...(now.isolation === was.isolation ? {} : { isolation: model.isolation }),
    ...(now.against?.model === was.against?.model && now.against?.side === was.against?.side ? {} : { against: model.against }),
    ...(now.compare === was.compare ? {} : { compare: { mode: model.compare, a: model.a } }),
    ...(now.selected === was.selected ? {} : { selection: { nodes: model.selected, step: model.selectedStep } }),
  });
  const after = look(now, state.view);
  if (Object.keys(after).length > 0) remember(id, look(was, then.view), after);
}

/** Begins to remember. Gives a function that ends it. */
export function rememberViews(): () => void {
  const ends = [
    useStore.subscribe(changed),
    canvasViews.subscribe((picture, change, before) => {
      const { active, models } = useStore.getState();
      if (quiet > 0 || active === null || !models[active] || !picture.startsWith(`${active}/`) || !("expanded" in change) || change.expanded === before?.expanded) return;
      remember(active, { groups: { picture, expanded: before?.expanded } }, { groups: { picture, expanded: change.expanded } });
    }),
  ];
  return () => ends.forEach((end) => end());
}

function show(id: ModelId, { groups, isolation, against, compare, selection, ...set }: Look): void {
  quietly(() => {
    useStore.setState((state) => ({ view: { ...state.view, ...set } }));
    updateModel(id, (model) => ({
      ...(isolation === undefined ? {} : { isolation }),
      // A model that was closed meanwhile stands beside no other.
      ...(against === undefined ? {} : { against: against && useStore.getState().models[against.model] ? against : null }),
      ...(compare === undefined ? {} : { compare: compare.mode, a: baseOf(model, compare) }),
      ...(selection === undefined ? {} : { selected: selection.nodes, selectedStep: selection.step }),
    }));
    if (groups) canvasViews.set(groups.picture, { expanded: groups.expanded });
  });
}

function baseOf({ timeline, b }: ModelState, { mode, a }: NonNullable<Look["compare"]>): StepId {
  if (mode === "pinned" && stepOf(timeline, a)) return a;
  return mode === "none" ? b : (stepOf(timeline, b)?.parent ?? b);
}

/** Nodes that are selected in the view that was gone to, to be brought into view. */
export function viewBack(id: ModelId): readonly NodeId[] {
  const change = useStore.getState().models[id]?.views.back.at(-1);
  return change ? take(id, change, "back") : [];
}

export function viewForward(id: ModelId): readonly NodeId[] {
  const change = useStore.getState().models[id]?.views.forward.at(-1);
  return change ? take(id, change, "forward") : [];
}

/** Takes a change back, or makes it again; it need not be the last one. */
function take(id: ModelId, change: ViewChange, from: "back" | "forward"): readonly NodeId[] {
  const look = from === "back" ? change.before : change.after;
  show(id, look);
  updateModel(id, ({ views }) => {
    const to = from === "back" ? "forward" : "back";
    return { views: { ...views, [from]: views[from].filter((each) => each !== change), [to]: [...views[to], change] } };
  });
  return look.selection?.nodes ?? [];
}

/** The change that undo (or redo) takes back before a step. */
export const partToUndo = ({ views, b }: ModelState): ViewChange | undefined => views.back.findLast((each) => each.ofPart && each.at === b);
export const partToRedo = ({ views, b }: ModelState): ViewChange | undefined => views.forward.findLast((each) => each.ofPart && each.at === b);

export const undoPart = (id: ModelId, change: ViewChange): void => void take(id, change, "back");
export const redoPart = (id: ModelId, change: ViewChange): void => void take(id, change, "forward");
