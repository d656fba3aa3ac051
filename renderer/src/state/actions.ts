/** What the window can do, as functions over the store. Commands, panels and tests call these. */
import { catalogIn } from "../i18n/compiler.ts";
import { i18next } from "../i18n/index.ts";
import type { ChangeResult, CheckView, ModelId, NodeId, OrderSpec, StepId, TimelineView } from "@graphwright/compiler-core";
import { RememberedFileError, type OpenedFile } from "../host/host.ts";
import type { CallOptions } from "../worker/rpc.ts";
import { CallCancelled, diagnosticOf, isCancelled } from "../worker/rpc.ts";
import type { SourceRef } from "../worker/source.ts";
import { shortError } from "../design/format.ts";
import { log, notify, report } from "./notices.ts";
import { canvas, canvasViews } from "./canvas.ts";
import { fingerprint, type Fingerprint } from "./fingerprint.ts";
import { noHistory, noNotes, noteToRedo, noteToUndo, redoNote, undoNote } from "./notes.ts";
import { noViews, quietly, redoPart, partToRedo, partToUndo, undoPart } from "./view-history.ts";
import { preferences } from "./preferences.ts";
import { treeOfProject, type ProjectModel } from "./project.ts";
import { query } from "./query.ts";
import { services } from "./services.ts";
import { saveSettings, type Settings } from "./settings.ts";
import { flat, movePass, planOf, runFrom, withoutSkipped, type Plan, type RunFrom } from "./plan.ts";
import { whenReleased } from "./held.ts";
import { blocksOf, onBranch, passEnds, positionOf, sameTimeline, stepOf } from "./steps.ts";
import { activeModel, setView, updateModel, useStore, type CompareMode, type ModelState, type SiteChoice, type State, type View } from "./store.ts";
import { runTask } from "./tasks.ts";

const { t } = i18next;
const model = (id: ModelId): ModelState | undefined => useStore.getState().models[id];

// ---- Start ----------------------------------------------------------------------------------------------------------

/** Asks the host and the compiler for what does not change. */
export async function start(): Promise<void> {
  const { host } = services();
  host.onOpenFile((file) => void openFile(file));
  const [info, , catalog] = await Promise.allSettled([host.info(), refreshWelcome(), query("catalog", {})]);
  if (info.status === "fulfilled") useStore.setState({ host: info.value });
  else report(t("error.host"), info.reason);
  if (catalog.status === "fulfilled") {
    const inWords = (): void => useStore.setState({ catalog: catalogIn(catalog.value, i18next.language) });
    inWords();
    i18next.on("languageChanged", inWords);
  }
  else report(t("error.compiler"), catalog.reason);
}

/** Opens the model of the command line. */
export async function openGiven(): Promise<void> {
  const given = useStore.getState().host?.opened;
  if (given) await openFile(given);
}

/** Examples and recent files of the welcome page; a host without them has none. */
async function refreshWelcome(): Promise<void> {
  const { host } = services();
  const [examples, recent] = await Promise.allSettled([host.examples(), host.recentFiles()]);
  useStore.setState({
    examples: examples.status === "fulfilled" ? examples.value : [],
    recent: recent.status === "fulfilled" ? recent.value : [],
  });
}

async function refreshRecent(): Promise<void> {
  const recent = await services().host.recentFiles().catch(() => undefined);
  if (recent) useStore.setState({ recent });
}

/** The file behind one that only the browser's handle is known of; what keeps it away is said. */
async function reopened(file: OpenedFile): Promise<OpenedFile | undefined> {
  try {
    return await services().host.reopen(file, true);
  } catch (error) {
    if (error instanceof RememberedFileError) notify({ severity: "error", title: t(error.code === "gone" ? "error.recent-gone" : "error.recent-refused", { name: file.name }) });
    else report(t("error.open", { name: file.name }), error);
    await refreshRecent();
    return undefined;
  }
}

// ---- Models ---------------------------------------------------------------------------------------------------------

export async function openWithDialog(): Promise<void> {
  try {
    const file = await services().host.openDialog();
    if (file) await openFile(file);
  } catch (error) {
    report(t("error.open-dialog"), error);
  }
}

export async function openDropped(files: readonly File[], items?: DataTransferItemList): Promise<void> {
  if (files.length === 0) return;
  try {
    for (const file of await services().host.registerAll(files, items)) await openFile(file);
  } catch (error) {
    report(t("error.open-dialog"), error);
  }
}

/** Where the compiler's worker reads a file. */
export function sourceOf(file: OpenedFile): SourceRef {
  const { host } = services();
  if (file.blob) {
    const siblings = host.siblingsOf(file).map((sibling) => ({ name: sibling.name, file: sibling }));
    return { kind: "file", name: file.name, file: file.blob, siblings };
  }
  return { kind: "url", name: file.name, size: file.size, url: host.fileUrl(file.id), siblingUrl: host.siblingUrl(file.id, "") };
}

/** What opens a project file; set by open-project.ts, which needs this module. */
export const projectOpener: { open: ((file: OpenedFile) => Promise<void>) | null } = { open: null };

const exampleOf = (file: OpenedFile): string | null =>
  useStore.getState().examples?.flatMap(({ name, models }) => (models.some((each) => each.id === file.id) ? [`${name}/${file.name}`] : []))[0] ?? null;

/** Steps, place and notes that a model is opened with, from a project. */
export interface Restore {
  readonly from: ProjectModel;
  readonly hash: Fingerprint;
  /** its place among the tabs; default: last */
  readonly index?: number;
  /** what is shown stays */
  readonly quiet?: boolean;
}

let outlines = 0;

const cancelOf = (signal: AbortSignal): Promise<never> =>
  new Promise((_, reject) => signal.addEventListener("abort", () => reject(new CallCancelled()), { once: true }));

/**
 * Opens a file in a tab of its own; a failure or a cancel leaves what is open untouched. The outline of its graph is shown
 * while the compiler reads it.
 */
export async function openFile(file: OpenedFile, restore?: Restore, quiet = restore?.quiet ?? false): Promise<ModelId | undefined> {
  const { session, pictures } = services();
  if (file.remembered) {
    const given = await reopened(file);
    return given && openFile(given, restore, quiet);
  }
  if (/\.graphwright$/i.test(file.name) && projectOpener.open) {
    await projectOpener.open(file);
    return undefined;
  }
  const outline = `outline-${++outlines}`;
  const source = sourceOf(file);
  let underWay = true;
  // What the file was chosen in closes; a dialog that a person opens meanwhile stays.
  const { dialog } = useStore.getState().view;
  const shown = ({ view }: State): View => (view.dialog === dialog ? { ...view, dialog: null } : view);
  try {
    const state = await runTask(t("task.open", { name: file.name }), async (options): Promise<ModelState> => {
      if (!quiet) {
        void pictures.outline({ name: outline, source }, { signal: options.signal }).then(
          (found) => {
            if (found && underWay) useStore.setState((before) => ({ opening: { key: outline, name: file.name }, view: shown(before) }));
          },
          // A file without an outline opens without one; what is wrong with it the compiler says.
          () => undefined,
        );
      }
      const opening = session.open({ source }, options);
      // A cancel is over at once; what the compiler still hands over, because it was done or did not look yet, is closed again.
      await Promise.race([opening, cancelOf(options.signal)]).catch((error: unknown) => {
        if (isCancelled(error)) void opening.then(({ model: unwanted }) => session.close({ model: unwanted })).catch(() => undefined);
        throw error;
      });
      const { model: id, summary, timeline, diagnostics } = await opening;
      const fresh: ModelState = {
        id,
        name: file.name,
        file,
        hash: restore?.hash ?? null,
        example: exampleOf(file),
        summary,
        timeline,
        head: timeline.head,
        diagnostics,
        a: timeline.head,
        b: timeline.head,
        compare: "previous",
        selected: [],
        selectedStep: timeline.head,
        site: null,
        pipeline: useStore.getState().catalog?.pipelines[0]?.name ?? null,
        plan: null,
        skipped: [],
        verification: null,
        orders: null,
        run: null,
        saved: timeline.head,
        notes: noNotes,
        noteHistory: noHistory,
        views: noViews,
        savedNotes: noNotes,
        outline,
        isolation: null,
        against: null,
        changing: null,
      };
      if (!restore) return fresh;
      try {
        return await restored(fresh, restore.from, options);
      } catch (error) {
        await session.close({ model: id }).catch(() => undefined);
        throw error;
      }
    });
    const { id, diagnostics } = state;
    underWay = false;
    useStore.setState((before) => ({
      opening: before.opening?.key === outline ? null : before.opening,
      models: { ...before.models, [id]: state },
      order: before.order.toSpliced(restore?.index ?? before.order.length, 0, id),
      ...(quiet && before.active !== null ? {} : { active: id, view: shown(before) }),
    }));
    if (!restore) void identify(id);
    void refreshRecent();
    log(id, diagnostics);
    const worst = diagnostics.find((each) => each.severity === "error") ?? diagnostics.find((each) => each.severity === "warning");
    if (worst) notify({ severity: "warning", title: t("notice.opened-with", { name: file.name, count: diagnostics.length }), diagnostic: worst });
    return id;
  } catch (error) {
    underWay = false;
    useStore.setState((before) => ({ opening: before.opening?.key === outline ? null : before.opening }));
    void pictures.forget({ name: outline }).catch(() => undefined);
    report(t("error.open", { name: file.name }), error);
    return undefined;
  }
}

/** Grows a project's steps on a model that was just opened, and puts everything where it was. */
async function restored(fresh: ModelState, from: ProjectModel, options: Required<CallOptions>): Promise<ModelState> {
  const { id } = fresh;
  const { timeline, failed, places } = await services().session.restoreTree({ model: id, tree: treeOfProject(from), head: from.at, leaf: from.branch }, options);
  const place = (step: StepId): StepId => places[step] ?? 0;
  if (failed.length > 0) {
    // What the steps were chosen by does not hold any more: say which, and keep the rest.
    const diagnostics = failed.map(({ step, rewrite, site, reason }) => ({ severity: "warning" as const, code: "step-not-restored", message: t("project.step-lost", { step, rewrite, site, reason }), where: { node: site } }));
    log(id, diagnostics);
    notify({ severity: "warning", title: t("project.steps-lost", { name: fresh.name, count: failed.length }), diagnostic: diagnostics[0]! });
  } else {
    quietly(() => { for (const [region, view] of from.canvas) canvasViews.set(`${id}/${region}`, definedOnly(view)); });
  }
  const steps = Object.entries(from.notes.steps).map(([step, text]) => [String(place(Number(step))), text] as const);
  const branches = Object.entries(from.notes.branches).map(([step, text]) => [String(place(Number(step))), text] as const);
  const notes = { ...from.notes, steps: Object.fromEntries(steps), branches: Object.fromEntries(branches) };
  return {
    ...fresh,
    timeline,
    head: timeline.head,
    b: timeline.head,
    a: onBranch(timeline, place(from.base)),
    compare: from.compare,
    saved: place(from.exported),
    pipeline: useStore.getState().catalog?.pipelines.some((each) => each.name === from.pipeline) ? from.pipeline : fresh.pipeline,
    plan: from.plan,
    skipped: from.skipped,
    // Ids are the same only when every step is.
    ...(failed.length === 0 ? { selected: from.selected, selectedStep: place(from.selectedStep), isolation: from.isolation ?? null } : { selectedStep: timeline.head }),
    notes,
    savedNotes: notes,
  };
}

/** Without the fields that are there and undefined, as a validator leaves them. */
const definedOnly = <T extends object>(value: T): { [K in keyof T]: Exclude<T[K], undefined> } =>
  Object.fromEntries(Object.entries(value).filter(([, each]) => each !== undefined)) as { [K in keyof T]: Exclude<T[K], undefined> };

/** Up to this size the bytes of a model that only the page holds are kept, so that it can be opened again. */
const keptModel = 512 * 1024 * 1024;

/** Learns what a project will know a model by. */
async function identify(id: ModelId): Promise<void> {
  const opened = model(id);
  if (!opened) return;
  const { host } = services();
  try {
    const hash = await fingerprint(host, opened.file);
    if (opened.file.blob && opened.file.size <= keptModel) await host.kept.write(`model.${hash.value}`, opened.file.blob);
    updateModel(id, { hash });
  } catch (error) {
    log(id, [{ ...diagnosticOf(error), severity: "warning" }]);
  }
}

/** Told before a model closes, so that it can be opened again as it was. */
export const onClosing: { listener: ((model: ModelState, index: number) => Promise<void>) | null } = { listener: null };

export async function closeModel(id: ModelId): Promise<void> {
  const { order, active } = useStore.getState();
  const index = order.indexOf(id);
  if (index < 0) return;
  await settle(id);
  const closing = model(id);
  if (closing && closing.changing === null) await onClosing.listener?.(closing, index).catch(() => undefined);
  if (!useStore.getState().order.includes(id)) return;
  const others = order.filter((other) => other !== id);
  useStore.setState((state) => {
    const { [id]: closed, ...rest } = state.models;
    void closed;
    // Nothing stands beside a model that is closed.
    const models = Object.fromEntries(Object.entries(rest).map(([key, each]) => [key, each.against?.model === id ? { ...each, against: null } : each]));
    return { models, order: others, active: active === id ? (others[Math.min(index, others.length - 1)] ?? null) : active };
  });
  canvasViews.forget(id);
  try {
    for (const name of [id, ...(closing ? [closing.outline] : [])]) void services().pictures.forget({ name }).catch(() => undefined);
    await services().session.close({ model: id });
  } catch (error) {
    report(t("error.close"), error);
  }
}

export async function closeOthers(id: ModelId): Promise<void> {
  for (const other of useStore.getState().order) if (other !== id) await closeModel(other);
}

export const activate = (id: ModelId): void => useStore.setState({ active: id });

/** The start page, with every tab as it is. */
export const showWelcome = (): void => useStore.setState({ active: null });

/** Puts a tab at another place. */
export function moveTab(id: ModelId, to: number): void {
  useStore.setState(({ order }) => {
    const rest = order.filter((other) => other !== id);
    return { order: rest.toSpliced(Math.max(0, Math.min(rest.length, to)), 0, id) };
  });
}

export function activateNext(by: 1 | -1): void {
  const { order, active } = useStore.getState();
  if (active === null) return void (order[0] !== undefined && activate(order[0]));
  const next = order[(order.indexOf(active) + by + order.length) % order.length];
  if (next !== undefined) activate(next);
}

// ---- Steps ----------------------------------------------------------------------------------------------------------

/** What a step is compared with. */
export function baseFor(state: ModelState, compare: CompareMode, b: StepId): StepId {
  if (compare === "none") return b;
  if (compare === "previous") return stepOf(state.timeline, b)?.parent ?? b;
  return state.a;
}

/** Bringing the compiler's head to where handle B is, under way. */
const moves = new Map<ModelId, Promise<void>>();
const waiting = new Map<ModelId, ReturnType<typeof setTimeout>>();
/** Holding a key steps faster than this: the compiler hears of the last step only. */
const settleMilliseconds = 120;

/** Puts handle B on a step. The view moves at once; the compiler's head follows when stepping pauses. */
export function goTo(id: ModelId, step: StepId): void {
  const state = model(id);
  if (!state || state.changing !== null || state.b === step) return;
  updateModel(id, { b: step, a: baseFor(state, state.compare, step), site: null });
  clearTimeout(waiting.get(id));
  waiting.set(id, setTimeout(() => whenReleased(() => void settle(id)), positionOf(state.timeline, step) < 0 ? 0 : settleMilliseconds));
}

/** Waits until the compiler stands where handle B is, and the selection with it. */
export function settle(id: ModelId): Promise<void> {
  clearTimeout(waiting.get(id));
  waiting.delete(id);
  const running = moves.get(id);
  if (running) return running;
  const state = model(id);
  if (!state || state.head === state.b) return Promise.resolve();
  const work = (async (): Promise<void> => {
    try {
      for (let now = model(id); now && now.head !== now.b; now = model(id)) {
        const { timeline } = await services().session.moveTo({ model: id, step: now.b });
        updateModel(id, (before) => placed(before, timeline));
      }
      await followSelection(id);
    } catch (error) {
      const back = model(id);
      if (back) updateModel(id, { b: back.head, a: baseFor(back, back.compare, back.head) });
      report(t("error.step"), error, id);
    } finally {
      moves.delete(id);
    }
  })();
  moves.set(id, work);
  return work;
}

/** The compiler's answer about where it stands. A pinned A may be on another branch, any other stays on this one. */
function placed(before: ModelState, after: TimelineView): Pick<ModelState, "timeline" | "head" | "a"> {
  const timeline = sameTimeline(before.timeline, after);
  return { timeline, head: after.head, a: before.compare === "pinned" ? before.a : onBranch(timeline, before.a) };
}

/** Puts handle A on a step; it stays there until it is let go. */
export function compareWith(id: ModelId, step: StepId): void {
  updateModel(id, (state) => ({ a: step, compare: step === state.b ? "none" : "pinned" }));
}

export function setCompare(id: ModelId, compare: CompareMode): void {
  // One step is one canvas.
  if (compare === "none") setView({ difference: "overlay" });
  updateModel(id, (state) => ({ compare, a: baseFor(state, compare, state.b) }));
}

/** Steps along the branch by single rewrites. */
export function stepBy(id: ModelId, by: number): void {
  const state = model(id);
  if (!state) return;
  const { branch } = state.timeline;
  const at = positionOf(state.timeline, state.b);
  goTo(id, branch[Math.max(0, Math.min(branch.length - 1, at + by))]!);
}

/** Steps along the branch by whole passes, comparing what the pass changed. */
export function passBy(id: ModelId, by: 1 | -1): void {
  const state = model(id);
  if (!state) return;
  const ends = passEnds(state.timeline);
  const at = positionOf(state.timeline, state.b);
  const target = by > 0 ? ends.find((end) => end > at) : ends.findLast((end) => end < at);
  if (target === undefined) return;
  const start = ends.findLast((end) => end < target) ?? target;
  goTo(id, state.timeline.branch[target]!);
  if (state.compare === "previous") updateModel(id, { a: state.timeline.branch[start]! });
}

/** Shows what lies between two steps. */
export function showBetween(id: ModelId, a: StepId, b: StepId): void {
  goTo(id, b);
  const state = model(id);
  if (state) updateModel(id, { a, compare: state.compare === "none" ? "previous" : state.compare });
}

// ---- Changes --------------------------------------------------------------------------------------------------------

export interface Changed {
  readonly result: ChangeResult;
  readonly before: TimelineView;
}

/**
 * Told before a model changes, which then waits: what was done until now is written down first, so that whoever ends the program
 * meanwhile loses no more than this change. Told again of what grew, before it is shown: the compiler then has nothing else to do.
 */
export const onChange: { before: (() => Promise<void>) | null; grown: ((id: ModelId, timeline: TimelineView) => Promise<void>) | null } = { before: null, grown: null };

/** Runs what adds steps or moves the head. Only one at a time for a model. */
export async function change(
  id: ModelId,
  title: string,
  failure: string,
  work: (options: Required<CallOptions>) => Promise<ChangeResult>,
): Promise<Changed | undefined> {
  await settle(id);
  const before = model(id);
  if (!before || before.changing !== null) return undefined;
  updateModel(id, { changing: title });
  try {
    await onChange.before?.();
    const result = await runTask(title, async (options) => {
      const done = await work(options);
      if (!options.signal.aborted) return done;
      // The cancel crossed the answer on its way: what was done is taken back.
      const { steps, runs, head } = before.timeline;
      await services().session.withdraw({ model: id, steps: steps.length, runs: runs.length, head });
      throw new CallCancelled();
    });
    const { timeline } = result;
    await onChange.grown?.(id, timeline).catch(() => undefined);
    updateModel(id, (state) => {
      const grew = timeline.head !== before.head && stepOf(before.timeline, timeline.head) === undefined;
      // A change shows itself: from where the head was to where it is now.
      const a = state.compare === "previous" && grew ? before.b : baseFor({ ...state, timeline }, state.compare, timeline.head);
      const noteHistory = grew ? { ...state.noteHistory, undone: [] } : state.noteHistory;
      return { noteHistory, timeline: sameTimeline(state.timeline, timeline), head: timeline.head, b: timeline.head, a: state.compare === "pinned" ? a : onBranch(timeline, a), site: null, changing: null };
    });
    log(id, result.notes.map((message) => ({ severity: "info", code: "note", message })));
    await followSelection(id);
    return { result, before: before.timeline };
  } catch (error) {
    report(failure, error, id);
    return undefined;
  } finally {
    updateModel(id, { changing: null });
  }
}

/** Takes back the last note, name or change of what is drawn if it came at this step, else the step. */
export async function undo(id: ModelId): Promise<void> {
  const state = model(id);
  const [note, view] = [state && noteToUndo(state), state && partToUndo(state)];
  if (view && view.turn > (note?.turn ?? 0)) return undoPart(id, view);
  if (undoNote(id)) return;
  await change(id, t("task.undo"), t("error.undo"), (options) => services().session.undo({ model: id }, options));
}

export async function redo(id: ModelId): Promise<void> {
  const state = model(id);
  const [note, view] = [state && noteToRedo(state), state && partToRedo(state)];
  if (view && view.turn < (note?.turn ?? Infinity)) return redoPart(id, view);
  if (redoNote(id)) return;
  await change(id, t("task.redo"), t("error.redo"), (options) => services().session.redo({ model: id }, options));
}

const titleOf = (rewrite: string): string =>
  useStore.getState().catalog?.rewrites.find((each) => each.name === rewrite)?.title ?? rewrite;

export async function applyRewrite(id: ModelId, { rewrite, root }: SiteChoice): Promise<void> {
  const check = useStore.getState().settings.checkRewrites;
  const result = await change(id, t("task.apply", { rewrite: titleOf(rewrite) }), t("error.apply", { rewrite: titleOf(rewrite) }), (options) =>
    services().session.apply({ model: id, rewrite, node: root, check }, options),
  );
  if (result) announce(id, result, titleOf(rewrite));
}

/** Takes a step of a node's schedule: a step of the timeline. */
export async function schedule(id: ModelId, node: NodeId, text: string): Promise<boolean> {
  const check = useStore.getState().settings.checkRewrites;
  const result = await change(id, t("task.apply", { rewrite: text }), t("error.apply", { rewrite: text }), (options) =>
    services().session.schedule({ model: id, node, text, check }, options),
  );
  if (result) announce(id, result, text);
  return result !== undefined;
}

export async function applyEverywhere(id: ModelId, rewrite: string): Promise<void> {
  const check = useStore.getState().settings.checkRewrites;
  const result = await change(id, t("task.apply", { rewrite: titleOf(rewrite) }), t("error.apply", { rewrite: titleOf(rewrite) }), (options) =>
    services().session.applyAll({ model: id, rewrite, check }, options),
  );
  if (result) announce(id, result, titleOf(rewrite));
}

/** The passes that a run of the model's pipeline takes, skipped ones left out. */
export function currentPlan(state: ModelState): { readonly all: Plan; readonly chosen: Plan } {
  const pipeline = useStore.getState().catalog?.pipelines.find((each) => each.name === state.pipeline);
  const all = state.plan ?? (pipeline ? planOf(pipeline) : { passes: [], finally: [] });
  return { all, chosen: withoutSkipped(all, state.skipped) };
}

/** Where the plan and what was run on the branch part. */
export function planChange(state: ModelState): RunFrom | undefined {
  const names = new Set(useStore.getState().catalog?.pipelines.flatMap((each) => each.passes));
  return runFrom(state.timeline, currentPlan(state).chosen, names);
}

/** Runs the model's pipeline on the head, or from a step and a pass on, which may begin a branch. */
export async function runPipeline(id: ModelId, at: { readonly from?: StepId; readonly after?: number | null; readonly startAt?: number; readonly limit?: number } = {}): Promise<void> {
  const state = model(id);
  if (!state?.pipeline) return;
  const { pipeline, skipped } = state;
  const title = useStore.getState().catalog?.pipelines.find((each) => each.name === pipeline)?.title ?? pipeline;
  const check = useStore.getState().settings.checkPipelines;
  const { chosen } = currentPlan(state);
  const skip = skipped.filter((name) => name.includes("@"));
  const result = await change(id, t("task.pipeline", { pipeline: title }), t("error.pipeline", { pipeline: title }), (options) =>
    services().session.runPipeline({ model: id, pipeline, ...chosen, skip, check, ...at }, options),
  );
  if (result && (at.limit === undefined || result.result.applied === 0)) announce(id, result, title);
}

/** The next single rewrite: the one ahead on the branch, else the one that the pipeline would apply next. */
export async function stepPipeline(id: ModelId): Promise<void> {
  const state = model(id);
  if (!state) return;
  if (positionOf(state.timeline, state.b) < state.timeline.branch.length - 1) return stepBy(id, 1);
  const next = planChange(state);
  await runPipeline(id, { ...(next?.from === state.b ? { after: next.after, startAt: next.startAt } : {}), limit: 1 });
}

/** Runs again what comes after the place where the plan was changed, on a branch of its own. */
export async function runChangedPlan(id: ModelId): Promise<void> {
  const state = model(id);
  const next = state && planChange(state);
  if (next) await runPipeline(id, { from: next.from, after: next.after, startAt: next.startAt });
}

/**
 * Leaves out one rewrite and does again what came after it, on a branch of its own: the later passes where a pass
 * applied it, the later rewrites where a person did.
 */
export async function leaveOut(id: ModelId, step: StepId): Promise<void> {
  await settle(id);
  const state = model(id);
  const view = state && stepOf(state.timeline, step);
  if (!state || !view || view.parent === null) return;
  const { parent } = view;
  const { chosen } = currentPlan(state);
  const startAt = flat(chosen).indexOf(view.pass);
  if (startAt >= 0) {
    updateModel(id, ({ skipped }) => ({ skipped: [...new Set([...skipped, `${view.rewrite}@${view.site}`])] }));
    const run = blocksOf(state.timeline).flatMap((block) => (block.kind === "run" ? block.runs : [])).find((each) => positionOf(state.timeline, each.from) < positionOf(state.timeline, step) && !isBefore(state.timeline, each.to, step));
    return runPipeline(id, { from: parent, ...(run ? { after: state.timeline.runs.indexOf(run) } : {}), startAt });
  }
  const title = t("task.leave-out", { rewrite: titleOf(view.rewrite) });
  const before = state.timeline.branch.indexOf(step);
  const changed = await change(id, title, t("error.leave-out"), async (options) => {
    const { recipe } = await services().session.recipe({ model: id, step: state.timeline.branch.at(-1)! }, options);
    const rest = { ...recipe, steps: recipe.steps.slice(before) };
    return services().session.applyRecipe({ model: id, recipe: rest, from: parent }, options);
  });
  if (changed) announce(id, changed, title);
}

/** Whether a step lies before another one of the current branch. */
const isBefore = (timeline: TimelineView, step: StepId, other: StepId): boolean => {
  const at = positionOf(timeline, step);
  return at >= 0 && at < positionOf(timeline, other);
};

/** Takes a place into runs again. */
export function takeIn(id: ModelId, name: string): void {
  updateModel(id, ({ skipped }) => ({ skipped: skipped.filter((other) => other !== name) }));
}

export function reorderPass(id: ModelId, pass: string, to: number): void {
  const state = model(id);
  if (!state) return;
  const plan = movePass(currentPlan(state).all, pass, to);
  const pipeline = useStore.getState().catalog?.pipelines.find((each) => each.name === state.pipeline);
  const same = pipeline !== undefined && JSON.stringify(planOf(pipeline)) === JSON.stringify(plan);
  updateModel(id, { plan: same ? null : plan });
}

/** Says what a change did: how much, and what of it failed. */
export function announce(id: ModelId, { result, before }: Changed, what: string): void {
  const { timeline, applied } = result;
  const failed = timeline.runs.slice(before.runs.length).flatMap((run) => (run.error ? [run.error] : []));
  const known = new Set(before.steps.map((step) => step.id));
  const wrong = timeline.steps.find((step) => !known.has(step.id) && step.check?.verdict === "different");
  log(id, failed);
  if (wrong?.check) {
    const diagnostic = { severity: "error", code: "check-failed", message: wrong.check.note, where: { node: wrong.site } } as const;
    log(id, [diagnostic]);
    notify({ severity: "error", title: t("notice.check-failed", { what: titleOf(wrong.rewrite) }), diagnostic });
  } else if (failed[0]) {
    notify({ severity: "error", title: t("notice.passes-failed", { what, count: failed.length }), diagnostic: failed[0] });
  } else {
    notify(applied === 0 ? { severity: "info", title: t("notice.nothing", { what }) } : { severity: "success", title: t("notice.applied", { what, count: applied }) });
  }
}

/** Runs several orders of passes from a step, each on a branch of its own; the head stays where it is. */
export async function compareOrders(id: ModelId, from: StepId, orders: readonly OrderSpec[], verify: boolean): Promise<void> {
  const result = await change(id, t("task.orders"), t("error.orders"), async (options) => {
    const view = await services().session.compareOrders({ model: id, step: from, orders, verify }, options);
    updateModel(id, { orders: { from, view } });
    return { timeline: view.timeline, applied: view.orders.reduce((sum, order) => sum + order.applied, 0), notes: view.orders.flatMap((order) => order.notes) };
  });
  if (!result) updateModel(id, { orders: null });
}

export function setSkipped(id: ModelId, pass: string, skip: boolean): void {
  updateModel(id, ({ skipped }) => ({ skipped: skip ? [...skipped, pass] : skipped.filter((other) => other !== pass) }));
}

/** Compares what the first and the present step compute. */
export async function verify(id: ModelId): Promise<CheckView | undefined> {
  await settle(id);
  const state = model(id);
  if (!state) return undefined;
  const [from, to] = [state.timeline.branch[0]!, state.b];
  try {
    const check = await runTask(t("task.verify"), (options) => services().session.verify({ model: id, from, to }, options));
    updateModel(id, { verification: { from, to, check } });
    return check;
  } catch (error) {
    report(t("error.verify"), error, id);
    return undefined;
  }
}

// ---- Selection ------------------------------------------------------------------------------------------------------

export function select(id: ModelId, nodes: readonly NodeId[], step?: StepId): void {
  updateModel(id, (state) => ({ selected: nodes, selectedStep: step ?? state.b }));
}

/** Selects the nodes with something wrong and brings them into view. */
export async function showProblems(id: ModelId): Promise<void> {
  const step = model(id)?.b;
  if (step === undefined) return;
  try {
    const { nodes } = await query("search", { model: id, step, query: "has:error" });
    const found = nodes.map((node) => node.id);
    if (found.length === 0) return;
    select(id, found, step);
    canvas.current?.reveal(found);
  } catch (error) {
    report(t("error.inspect"), error, id);
  }
}

export function chooseSite(id: ModelId, site: SiteChoice | null, nodes: readonly NodeId[] = []): void {
  updateModel(id, (state) => ({ site, ...(nodes.length > 0 ? { selected: nodes, selectedStep: state.b } : {}) }));
}

/** Carries the selection to the step that is shown now, through every rewrite between. */
async function followSelection(id: ModelId): Promise<void> {
  const state = model(id);
  if (!state || state.selected.length === 0 || state.selectedStep === state.b) return;
  const { selected, selectedStep: step, b: to } = state;
  try {
    const found = new Set<NodeId>();
    for (const node of selected) for (const next of (await query("follow", { model: id, step, node, to })).nodes) found.add(next);
    const now = model(id);
    if (!now || now.selected !== selected || now.b !== to) return;
    // What is gone keeps its old step: the inspector can still show it, as it was.
    if (found.size > 0) quietly(() => updateModel(id, { selected: [...found], selectedStep: to }));
  } catch (error) {
    if (!isCancelled(error)) log(id, [diagnosticOf(error)]);
  }
}

/** Something else to do with a model that cannot fail loudly: the message names it. */
export async function copyText(text: string): Promise<void> {
  try {
    await navigator.clipboard.writeText(text);
    notify({ severity: "success", title: t("notice.copied") });
  } catch (error) {
    notify({ severity: "error", title: t("error.copy", { reason: shortError(error) }) });
  }
}

// ---- Settings -------------------------------------------------------------------------------------------------------

export function changeSettings(change: Partial<Settings>): void {
  useStore.setState((state) => ({ settings: { ...state.settings, ...change } }));
  saveSettings(preferences, useStore.getState().settings);
}

export const currentModel = (): ModelState | undefined => activeModel(useStore.getState());
export { setView };

export const choosePipeline = (id: ModelId, pipeline: string): void => updateModel(id, { pipeline, plan: null, skipped: [] });

export const resetPlan = (id: ModelId): void => updateModel(id, { plan: null, skipped: [] });
