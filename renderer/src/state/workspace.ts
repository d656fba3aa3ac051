/** Projects as the window uses them: written from what is open, opened again, carried in a link. */
import type { ModelId, TreeView } from "@graphwright/compiler-core";
import type { OpenedFile } from "../host/host.ts";
import { i18next } from "../i18n/index.ts";
import { isCancelled } from "../worker/rpc.ts";
import * as act from "./actions.ts";
import { canvasViews } from "./canvas.ts";
import { exportName } from "./export-model.ts";
import { fingerprint, sameFingerprint, type Fingerprint } from "./fingerprint.ts";
import { notify, report } from "./notices.ts";
import { describeModel, fromLink, longestLink, parseProject, ProjectError, projectExtension, projectVersion, toFragment, writeProject, type ModelReference, type Project, type ProjectModel } from "./project.ts";
import { services } from "./services.ts";
import { activeModel, updateModel, useStore, type LeftTab, type LowerTab, type ModelState, type View } from "./store.ts";
import { runTask } from "./tasks.ts";
import { quietly } from "./view-history.ts";

const { t } = i18next;

// ---- What is open -> a project --------------------------------------------------------------------------------------

/** The trees as they were last asked for: only what is new is asked again. */
const trees = new Map<ModelId, TreeView>();

async function treeOf({ id, timeline }: Pick<ModelState, "id" | "timeline">): Promise<TreeView> {
  const known = trees.get(id);
  const last = timeline.steps.length - 1;
  const runs = timeline.runs.length;
  if (known && known.steps.length === last && known.runs.length === runs) return known;
  const more = await services().session.tree({ model: id, since: known?.steps.length ?? 0 });
  // Steps of a change that is under way may still be taken back: only what the window has seen is kept.
  const tree = { ...more, steps: [...(known?.steps ?? []), ...more.steps].slice(0, last), runs: more.runs.slice(0, runs) };
  trees.set(id, tree);
  return tree;
}
act.onChange.grown = async (id, timeline) => void (await treeOf({ id, timeline }));

function referenceOf({ name, file, hash, example, summary }: ModelState): ModelReference {
  return { name, size: file.size, hash, ...(file.path !== undefined && example === null ? { path: file.path } : {}), ...(example === null ? {} : { example }), ...describeModel(summary) };
}

async function snapshotModel(model: ModelState): Promise<ProjectModel> {
  const { steps, custom, runs } = await treeOf(model);
  return {
    model: referenceOf(model),
    custom: [...custom],
    steps: steps.map((step) => ({ ...step })),
    runs: runs.map((run) => ({ ...run, notes: [...run.notes] })),
    at: model.head,
    base: model.a,
    compare: model.compare,
    branch: model.timeline.branch.at(-1)!,
    exported: model.saved,
    pipeline: model.pipeline,
    plan: model.plan && { passes: [...model.plan.passes], finally: [...model.plan.finally] },
    skipped: [...model.skipped],
    selected: [...model.selected],
    selectedStep: model.selectedStep,
    ...(model.isolation ? { isolation: { nodes: [...model.isolation.nodes], direction: model.isolation.direction } } : {}),
    canvas: canvasViews.of(model.id).map(([region, { expanded, viewport }]) => [region, { ...(expanded === undefined ? {} : { expanded: expanded === "all" ? expanded : [...expanded] }), ...(viewport ? { viewport } : {}) }]),
    notes: model.notes,
  };
}

/** Everything that is open, or one model of it with the one beside it. */
export async function snapshot(only?: ModelId): Promise<Project> {
  const { order, models, active, view, host } = useStore.getState();
  const open = order.filter((id) => only === undefined || id === only || id === models[only]?.against?.model).map((id) => models[id]!);
  const index = open.findIndex((model) => model.id === active);
  const underWay = open.flatMap((model, at): [number, string][] => (model.changing === null ? [] : [[at, model.changing]]));
  const { left, lower, showLeft, showRight, showLower, heat, difference, linked, edgeWidth, minimap, constants } = view;
  const against = ({ against: beside }: ModelState): Pick<ProjectModel, "against"> => {
    const at = open.findIndex(({ id }) => id === beside?.model);
    return beside && at >= 0 ? { against: { model: at, side: beside.side } } : {};
  };
  return {
    graphwright: "project",
    version: projectVersion,
    ...(host ? { program: host.version } : {}),
    models: await Promise.all(open.map(async (model) => ({ ...(await snapshotModel(model)), ...against(model) }))),
    active: index < 0 ? null : index,
    view: { left, lower, showLeft, showRight, showLower, heat, difference, linked, edgeWidth, minimap, constants },
    ...(underWay.length > 0 ? { underWay } : {}),
  };
}

// ---- A project -> what is open --------------------------------------------------------------------------------------

const lefts: readonly string[] = ["pipeline", "rewrites", "recipe"] satisfies readonly LeftTab[];
const heats: readonly string[] = ["none", "flops", "bytes"] satisfies readonly View["heat"][];

/** Puts the window's own switches where a project had them; what this program does not know stays as it is. */
function restoreView({ view }: Project): void {
  const { left, lower, heat, difference, ...flags } = view;
  quietly(() => useStore.setState((state) => ({
    view: {
      ...state.view,
      ...(Object.fromEntries(Object.entries(flags).filter(([, value]) => typeof value === "boolean")) as Partial<View>),
      ...(left !== undefined && lefts.includes(left) ? { left: left as LeftTab } : {}),
      ...(lower === undefined ? {} : { lower: lower as LowerTab }),
      ...(difference === "overlay" || difference === "beside" ? { difference } : {}),
      ...(heat !== undefined && heats.includes(heat) ? { heat: heat as View["heat"] } : {}),
    },
  })));
}

interface Located {
  readonly file: OpenedFile;
  readonly hash: Fingerprint;
}

/** Files that may be the model of a reference, the most likely first. */
async function* candidates(expected: ModelReference, project: OpenedFile | null): AsyncGenerator<OpenedFile> {
  const { host } = services();
  const { models, examples, recent } = useStore.getState();
  for (const open of Object.values(models)) if (sameFingerprint(open.hash, expected.hash)) yield open.file;
  if (expected.example !== undefined) {
    for (const example of examples ?? []) for (const file of example.models) if (`${example.name}/${file.name}` === expected.example) yield file;
  }
  for (const file of recent) if (expected.path !== undefined && file.path === expected.path) yield file;
  if (project) {
    const beside = await host.openBeside(project, expected.name).catch(() => undefined);
    if (beside) yield beside;
  }
  const kept = expected.hash && (await host.kept.open(`model.${expected.hash.value}`, expected.name).catch(() => undefined));
  if (kept) yield kept;
  for (const file of recent) {
    if (file.size !== expected.size || (file.path !== undefined && file.path === expected.path)) continue;
    // One that the browser would ask about stays out of a search.
    const given = file.remembered ? await host.reopen(file, false).catch(() => undefined) : file;
    if (given) yield given;
  }
  for (const example of examples ?? []) for (const file of example.models) if (file.size === expected.size) yield file;
}

/** What another file is, for saying how it differs. */
async function describeFile(file: OpenedFile, hash: Fingerprint): Promise<ModelReference> {
  const { session } = services();
  const opened = await runTask(t("task.open", { name: file.name }), (options) => session.open({ source: act.sourceOf(file) }, options));
  await session.close({ model: opened.model });
  return { name: file.name, size: file.size, hash, ...(file.path === undefined ? {} : { path: file.path }), ...describeModel(opened.summary) };
}

function ask(expected: ModelReference, found: ModelReference | null): Promise<"choose" | "use" | "skip"> {
  return new Promise((resolve) => {
    const answer = (choice: "choose" | "use" | "skip"): void => {
      useStore.setState({ question: null });
      resolve(choice);
    };
    useStore.setState({ question: { expected, found, answer } });
  });
}

/** The file of a reference: found where it may be, or chosen by the person, who is told what differs. */
async function locate(expected: ModelReference, project: OpenedFile | null): Promise<Located | undefined> {
  const { host } = services();
  let other: Located | undefined;
  for await (const file of candidates(expected, project)) {
    const hash = await fingerprint(host, file).catch(() => undefined);
    if (!hash) continue;
    if (expected.hash === null ? file.name === expected.name && file.size === expected.size : sameFingerprint(hash, expected.hash)) return { file, hash };
    // The same place with other contents: the person may want it all the same.
    if (file.name === expected.name) other ??= { file, hash };
  }
  for (;;) {
    let described: ModelReference | null = null;
    try {
      described = other ? await describeFile(other.file, other.hash) : null;
    } catch (error) {
      if (!isCancelled(error)) report(t("error.open", { name: other!.file.name }), error);
      other = undefined;
    }
    const choice = await ask(expected, described);
    if (choice === "skip") return undefined;
    if (choice === "use") {
      if (other) return other;
      continue;
    }
    try {
      const file = await host.openDialog();
      if (!file) continue;
      const hash = await fingerprint(host, file);
      other = { file, hash };
      if (sameFingerprint(hash, expected.hash)) return other;
    } catch (error) {
      report(t("error.open-dialog"), error);
    }
  }
}

/** Opens every model of a project beside what is open. Gives the models that were opened. */
export async function openProject(project: Project, file: OpenedFile | null): Promise<readonly ModelId[]> {
  restoreView(project);
  const first = useStore.getState().order.length;
  const opened: (ModelId | undefined)[] = project.models.map(() => undefined);
  // The one that was shown comes first, and the others fill in around it without a flicker.
  const shown = project.active ?? -1;
  const turns = project.models.map((_, index) => index).sort((a, b) => Number(b === shown) - Number(a === shown));
  for (const index of turns) {
    const from = project.models[index]!;
    const found = await locate(from.model, file);
    const place = first + opened.slice(0, index).filter((id) => id !== undefined).length;
    opened[index] = found && (await act.openFile(found.file, { from, hash: found.hash, index: place, quiet: index !== shown && project.active !== null }));
  }
  for (const [index, { against }] of project.models.entries()) {
    const [id, beside] = [opened[index], against && opened[against.model]];
    if (id !== undefined && beside !== undefined && beside !== id) quietly(() => updateModel(id, { against: { model: beside, side: against!.side, inspected: against!.side } }));
  }
  return opened.filter((id) => id !== undefined);
}

/** A failure to read a project, in the person's language. */
function reportProject(name: string, error: unknown): void {
  if (!(error instanceof ProjectError)) return report(t("error.open", { name }), error);
  const message = error.code === "project-version" ? t("project.newer", { version: error.detail, known: projectVersion }) : t("project.damaged", { detail: error.detail });
  notify({
    severity: "error",
    title: t("error.open", { name }),
    diagnostic: { severity: "error", code: error.code, message, where: { file: name, ...(error.field === "" ? {} : { field: error.field }) }, hint: t(error.code === "project-version" ? "project.newer-hint" : "project.damaged-hint") },
  });
}

const largestProject = 256 * 1024 * 1024;

async function openProjectFile(file: OpenedFile): Promise<void> {
  const { host } = services();
  try {
    if (file.size > largestProject) throw new ProjectError("project", "", t("project.too-large"));
    const project = parseProject(new TextDecoder().decode(await host.readFile(file, 0, file.size)));
    const wasEmpty = useStore.getState().order.length === 0;
    const opened = await openProject(project, file);
    if (opened.length === project.models.length && wasEmpty) {
      useStore.setState({ project: { name: file.name.replace(/\.graphwright$/i, ""), path: file.path ?? null, target: null } });
      for (const id of opened) updateModel(id, ({ b, notes }) => ({ saved: b, savedNotes: notes }));
    }
  } catch (error) {
    reportProject(file.name, error);
  }
}
act.projectOpener.open = openProjectFile;

// ---- Saving ---------------------------------------------------------------------------------------------------------

/** Waits until every model is known by its hash; a project without it could not be found again. */
async function identified(): Promise<void> {
  const waiting = (): boolean => Object.values(useStore.getState().models).some((model) => model.hash === null);
  for (let turn = 0; turn < 100 && waiting(); turn++) await new Promise((resolve) => setTimeout(resolve, 50));
}

/** Writes the project where it was saved before, or asks. False when nothing was written. */
export async function saveProject(name?: string): Promise<boolean> {
  const { project, order } = useStore.getState();
  if (order.length === 0) return false;
  const again = name === undefined ? project?.target : undefined;
  if (name === undefined && !again) {
    useStore.setState((state) => ({ view: { ...state.view, dialog: "save" } }));
    return false;
  }
  const title = name ?? project!.name;
  try {
    await identified();
    for (const id of order) await act.settle(id);
    const written = await snapshot();
    const bytes = new TextEncoder().encode(writeProject(written));
    const saved = await services().host.saveFile(`${title}${projectExtension}`, bytes, again ?? undefined);
    if (!saved) return false;
    useStore.setState({ project: { name: saved.name.replace(/\.graphwright$/i, ""), path: saved.path, target: saved.id } });
    for (const [index, id] of order.entries()) updateModel(id, ({ saved: before }) => ({ saved: written.models[index]?.at ?? before, savedNotes: written.models[index]?.notes as ModelState["savedNotes"] }));
    notify({ severity: "success", title: t("project.saved", { path: saved.path }) });
    return true;
  } catch (error) {
    report(t("project.not-saved"), error);
    return false;
  }
}

/** A name to begin with. */
export function projectName(): string {
  const { project, models, order, active } = useStore.getState();
  const first = models[active ?? order[0] ?? ""];
  return project?.name ?? (first ? exportName(first.name) : "project");
}

// ---- Links ----------------------------------------------------------------------------------------------------------

/** Puts an address on the clipboard that opens the model that is shown with its steps, place and notes. */
export async function copyLink(): Promise<void> {
  const model = activeModel(useStore.getState());
  if (!model) return;
  await act.settle(model.id);
  await identified();
  const link = `${location.origin}/#${await toFragment(await snapshot(model.id))}`;
  if (link.length > longestLink) notify({ severity: "warning", title: t("project.link-long"), diagnostic: { severity: "warning", code: "link-too-long", message: t("project.link-long-text") } });
  else await act.copyText(link);
}

/** Opens what a link carries. False when it carries nothing. */
export async function openLink(link: string): Promise<boolean> {
  try {
    const project = await fromLink(link);
    if (!project) return false;
    await openProject(project, null);
    return true;
  } catch (error) {
    reportProject(t("project.link"), error);
    return true;
  }
}

// ---- Closed models --------------------------------------------------------------------------------------------------

interface Closed {
  readonly from: ProjectModel;
  readonly file: OpenedFile;
  readonly hash: Fingerprint | null;
  readonly index: number;
}
const closed: Closed[] = [];
const keptClosed = 10;

act.onClosing.listener = async (model, index) => {
  const from = await snapshotModel(model);
  trees.delete(model.id);
  closed.push({ from, file: model.file, hash: model.hash, index });
  if (closed.length > keptClosed) closed.shift();
  useStore.setState({ closed: closed.length });
};

/** Opens the model that was closed last, as it was. */
export async function reopenClosed(): Promise<void> {
  const last = closed.pop();
  useStore.setState({ closed: closed.length });
  if (!last) return;
  const hash = last.hash ?? (await fingerprint(services().host, last.file).catch(() => null));
  if (hash && (await act.openFile(last.file, { from: last.from, hash, index: last.index }))) return;
  closed.push(last);
  useStore.setState({ closed: closed.length });
}
