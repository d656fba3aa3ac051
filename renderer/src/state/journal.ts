/**
 * The journal: what is open, written to the host after every step and soon after anything else, so that a program that
 * is killed loses at most what was under way. A window finds its own again when it is loaded anew, and is offered those
 * of windows that ended.
 */
import { i18next } from "../i18n/index.ts";
import type { ModelId } from "@graphwright/compiler-core";
import * as act from "./actions.ts";
import { canvasViews } from "./canvas.ts";
import { whenReleased } from "./held.ts";
import { flushPreferences } from "./preferences.ts";
import { log } from "./notices.ts";
import { parseProject, type Project } from "./project.ts";
import { services } from "./services.ts";
import { useStore, type LostWork, type ModelState, type State } from "./store.ts";
import { openProject, snapshot } from "./workspace.ts";

const { t } = i18next;
/** Changes of the view wait this long for the next one. */
const viewPause = 400;
const tooOld = 24 * 60 * 60 * 1000;

let key: string | undefined;
let timer: ReturnType<typeof setTimeout> | undefined;
let writing: Promise<void> | undefined;
let again = false;
let failed = false;
/** The journal's contents: equal ones are not written twice. */
let last = "";

/** A name for this window, kept over a reload. A copied tab has the same storage: the lock tells the two apart. */
async function windowName(): Promise<string> {
  const item = "graphwright.window";
  const fresh = (): string => crypto.randomUUID().slice(0, 8);
  if (typeof navigator === "undefined" || !("locks" in navigator)) return fresh();
  const hold = (name: string): Promise<boolean> =>
    new Promise((resolve) => {
      void navigator.locks.request(`graphwright.window.${name}`, { ifAvailable: true }, (lock) => {
        resolve(lock !== null);
        // Held for as long as the page lives.
        return lock === null ? undefined : new Promise<void>(() => undefined);
      });
    });
  let name = sessionStorage.getItem(item) ?? fresh();
  if (!(await hold(name))) {
    name = fresh();
    await hold(name);
  }
  sessionStorage.setItem(item, name);
  return name;
}

/** Names of the windows of this program that are there. */
async function windowsThere(): Promise<ReadonlySet<string>> {
  if (typeof navigator === "undefined" || !("locks" in navigator)) return new Set();
  const { held = [] } = await navigator.locks.query();
  return new Set(held.flatMap((lock) => (lock.name?.startsWith("graphwright.window.") ? [lock.name.slice("graphwright.window.".length)] : [])));
}

function readWork(entry: { readonly key: string; readonly modified: number }, text: string, own: boolean): LostWork | undefined {
  try {
    const project = parseProject(text);
    // A model that was only looked at is one click away: no work, and no question about it.
    if (!project.models.some(({ steps, notes }) => steps.length > 0 || notes.model !== "" || Object.keys({ ...notes.steps, ...notes.nodes }).length > 0) && !own) return undefined;
    return {
      key: entry.key,
      modified: entry.modified,
      text,
      models: project.models.map(({ model, steps }) => ({ name: model.name, steps: steps.length })),
      underWay: project.underWay?.[0]?.[1] ?? null,
    };
  } catch {
    return undefined;
  }
}

/** Begins the journal of this window. True when the window was loaded anew and what it had is open again. */
export async function startJournal(): Promise<boolean> {
  const { host } = services();
  const run = useStore.getState().host?.run;
  if (run === undefined) return false;
  const name = await windowName();
  key = `journal.${run}.${name}`;
  let own: LostWork | undefined;
  try {
    const there = await windowsThere();
    const [journals, entries] = [await host.kept.texts("journal."), await host.kept.list("journal.")];
    const lost: LostWork[] = [];
    for (const entry of entries) {
      const window = entry.key.split(".")[2] ?? "";
      if (entry.elsewhere || (there.has(window) && window !== name)) continue;
      const work = readWork(entry, journals[entry.key] ?? "", window === name);
      if (!work) void host.kept.remove(entry.key).catch(() => undefined);
      else if (window === name && !own) own = work;
      else lost.push(work);
    }
    useStore.setState({ lost });
    void forgetModels(Object.values(journals));
  } catch (error) {
    log(null, [{ severity: "warning", code: "journal", message: error instanceof Error ? error.message : String(error) }]);
  }
  if (own) {
    if (await restoreWork(own)) {
      if (own.key !== key) void host.kept.remove(own.key).catch(() => undefined);
    } else if (own.key === key) await setAside(own);
  }
  useStore.subscribe(changed);
  canvasViews.subscribe(() => soon(viewPause));
  soon(0);
  if (typeof addEventListener === "function") {
    addEventListener("pagehide", flushPreferences);
    addEventListener("visibilitychange", () => document.visibilityState === "hidden" && void write());
  }
  return own?.key === key;
}

/** Work that could not be opened now is offered the next time. */
async function setAside(work: LostWork): Promise<void> {
  const { host } = services();
  await host.kept.write(`journal.${useStore.getState().host!.run}.${crypto.randomUUID().slice(0, 8)}`, work.text).catch(() => undefined);
}

/** Kept bytes of models that no journal names, once they are old: a window may be about to name new ones. */
async function forgetModels(journals: readonly string[]): Promise<void> {
  const { host } = services();
  for (const entry of await host.kept.list("model.")) {
    const hash = entry.key.slice("model.".length);
    if (Date.now() - entry.modified > tooOld && !journals.some((text) => text.includes(hash))) await host.kept.remove(entry.key);
  }
}

/** False when a model of it could not be opened. */
async function restoreWork(work: LostWork): Promise<boolean> {
  let project: Project;
  try {
    project = parseProject(work.text);
  } catch {
    return false;
  }
  const opened: readonly ModelId[] = await openProject(project, null);
  if (opened.length > 0 && work.underWay !== null) log(opened[0]!, [{ severity: "info", code: "journal", message: t("lost.under-way", { what: work.underWay }) }]);
  return opened.length === project.models.length;
}

/** Opens the work of a window that ended, then forgets its journal: ours holds it. */
export async function takeLost(work: LostWork): Promise<void> {
  useStore.setState((state) => ({ lost: state.lost.filter((other) => other.key !== work.key) }));
  const whole = await restoreWork(work);
  await write();
  if (whole) await services().host.kept.remove(work.key).catch(() => undefined);
}

export async function discardLost(work: LostWork): Promise<void> {
  useStore.setState((state) => ({ lost: state.lost.filter((other) => other.key !== work.key) }));
  await services().host.kept.remove(work.key).catch(() => undefined);
}

/** Steps, notes and tabs are work: they are written at once. The rest is where a person looks. */
const isWork = (a: ModelState, b: ModelState): boolean => a.timeline !== b.timeline || a.head !== b.head || a.notes !== b.notes || a.changing !== b.changing || a.saved !== b.saved || a.hash !== b.hash;
const isView = (a: ModelState, b: ModelState): boolean => a.a !== b.a || a.selected !== b.selected || a.compare !== b.compare || a.against !== b.against || a.isolation !== b.isolation || a.pipeline !== b.pipeline || a.skipped !== b.skipped || a.plan !== b.plan;

function changed(state: State, before: State): void {
  if (state.models === before.models && state.order === before.order && state.active === before.active && state.view === before.view) return;
  const both = state.order.flatMap((id) => (before.models[id] ? [[state.models[id]!, before.models[id]] as const] : []));
  if (state.order !== before.order || both.some(([now, then]) => isWork(now, then))) soon(0);
  else if (state.active !== before.active || state.view !== before.view || both.some(([now, then]) => isView(now, then))) soon(viewPause);
}

function soon(wait: number): void {
  if (wait > 0 && timer !== undefined) return;
  clearTimeout(timer);
  // Where a held key leads to is written when it rests.
  timer = setTimeout(() => (wait > 0 ? whenReleased(() => void write()) : void write()), wait);
}

/** Writes what is open; calls while it writes lead to one more write. */
function write(): Promise<void> {
  clearTimeout(timer);
  timer = undefined;
  again = true;
  writing ??= (async () => {
    try {
      while (again) {
        again = false;
        await writeOnce();
      }
    } finally {
      writing = undefined;
    }
  })();
  return writing;
}

/** A host that does not answer holds nothing up for longer. */
const longestWait = 1000;

/** Resolves when what was done until now is written down, or cannot be. */
async function writtenDown(): Promise<void> {
  if (key === undefined || (timer === undefined && writing === undefined)) return;
  await Promise.race([write(), new Promise((resolve) => setTimeout(resolve, longestWait))]);
}
act.onChange.before = writtenDown;

async function writeOnce(): Promise<void> {
  if (key === undefined) return;
  const { kept } = services().host;
  try {
    if (useStore.getState().order.length === 0) {
      if (last !== "") await kept.remove(key);
      last = "";
      return;
    }
    const text = JSON.stringify(await snapshot());
    if (text === last) return;
    await kept.write(key, text);
    last = text;
    failed = false;
  } catch (error) {
    // Said once: the next write may succeed, and a message for each would bury the rest.
    if (!failed) log(null, [{ severity: "warning", code: "journal", message: t("lost.not-kept", { reason: error instanceof Error ? error.message : String(error) }) }]);
    failed = true;
  }
}
