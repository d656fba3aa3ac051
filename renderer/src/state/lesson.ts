/** The lesson under way: which step, what was answered, and whether the window is where the step wants it. */
import { lessons } from "../lessons/index.ts";
import type { Lesson, LessonStep } from "../lessons/lesson.ts";
import type { Example } from "../host/host.ts";
import { i18next } from "../i18n/index.ts";
import * as act from "./actions.ts";
import { log, notify } from "./notices.ts";
import { preferences } from "./preferences.ts";
import { query } from "./query.ts";
import { useStore, type LessonState, type State } from "./store.ts";
import { diagnosticOf, isCancelled } from "../worker/rpc.ts";

const name = "lessons";
/** How far each lesson is: the step to go on with; the number of its steps when it is finished. */
export type LessonProgress = Readonly<Record<string, number>>;

export function lessonProgress(): LessonProgress {
  try {
    const stored: unknown = JSON.parse(preferences.getItem(name) ?? "{}");
    return Object.fromEntries(Object.entries(stored as Record<string, unknown>).filter(([, step]) => typeof step === "number" && step >= 0)) as LessonProgress;
  } catch {
    return {};
  }
}

function remember(lesson: Lesson, step: number): void {
  const all = lessonProgress();
  // A finished lesson stays finished when it is taken again.
  const was = all[lesson.id] ?? 0;
  preferences.setItem(name, JSON.stringify({ ...all, [lesson.id]: was >= lesson.steps.length ? was : step }));
}

export const lessonOf = (state: Pick<LessonState, "id">): Lesson => lessons.find((each) => each.id === state.id)!;
export const stepOf = (state: LessonState): LessonStep => lessonOf(state).steps[state.step]!;

const set = (change: Partial<LessonState>): void => useStore.setState(({ lesson }) => ({ lesson: lesson && { ...lesson, ...change } }));

/** The examples, once the host has told them: a lesson may be chosen before. */
const examplesListed = (): Promise<readonly Example[]> =>
  new Promise((resolve) => {
    const { examples } = useStore.getState();
    if (examples) resolve(examples);
    else {
      const stop = useStore.subscribe((state) => {
        if (!state.examples) return;
        stop();
        resolve(state.examples);
      });
    }
  });

/** Opens the lesson's example in a tab of its own and begins, or goes on where it was left. */
export async function startLesson(id: string): Promise<void> {
  const lesson = lessons.find((each) => each.id === id);
  if (!lesson) return;
  const [folder, file] = lesson.example.split("/") as [string, string];
  const found = (await examplesListed()).find((example) => example.name === folder)?.models.find((model) => model.name === file);
  if (!found) {
    notify({ severity: "error", title: i18next.t("lesson.no-example", { name: lesson.example }) });
    return;
  }
  const model = await act.openFile(found);
  if (model === undefined) return;
  // The steps build on one another, and the model is new: a lesson begins at its beginning.
  useStore.setState({ lesson: { id, step: 0, model, answer: null, met: false } });
  remember(lesson, 0);
}

export function endLesson(): void {
  useStore.setState({ lesson: null });
}

export function answer(choice: number): void {
  set({ answer: choice });
}

/** To another step; past the last one the lesson is finished. */
export function goToStep(step: number): void {
  const state = useStore.getState().lesson;
  if (!state) return;
  const lesson = lessonOf(state);
  remember(lesson, Math.min(step, lesson.steps.length));
  set({ step: Math.max(0, Math.min(step, lesson.steps.length)), answer: null, met: false });
  void check(useStore.getState());
}

let checking = false;
let again = false;

/** Whether the step's wish is fulfilled. Once it was, it stays so: a person may look around. */
async function check(state: State): Promise<void> {
  const { lesson } = state;
  if (!lesson || lesson.met || lesson.step >= lessonOf(lesson).steps.length) return;
  const step = stepOf(lesson);
  const model = state.models[lesson.model];
  if (step.kind !== "do" || !model || state.active !== lesson.model) return;
  const selected = async (): ReturnType<Parameters<typeof step.done>[0]["selected"]> => {
    const [node] = model.selected;
    return node === undefined ? undefined : (await query("node", { model: model.id, step: model.selectedStep, node })).node;
  };
  try {
    if (!(await step.done({ state, model, selected }))) return;
    const now = useStore.getState().lesson;
    if (now?.id === lesson.id && now.step === lesson.step) set({ met: true });
  } catch (error) {
    if (!isCancelled(error)) log(lesson.model, [{ ...diagnosticOf(error), severity: "warning" }]);
  }
}

/** Follows the window while a lesson is under way. */
export function watchLessons(): () => void {
  return useStore.subscribe((state, before) => {
    if (!state.lesson || (state.models === before.models && state.view === before.view && state.active === before.active && state.lesson === before.lesson)) return;
    if (checking) {
      again = true;
      return;
    }
    checking = true;
    void (async () => {
      do {
        again = false;
        await check(useStore.getState());
      } while (again);
      checking = false;
    })();
  });
}
