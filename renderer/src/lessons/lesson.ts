/** Lessons: guided steps on an example. One file says everything about one lesson, and one line in index.ts adds it. */
import type { NodeView } from "@graphwright/compiler-core";
import type { ModelState, State } from "../state/store.ts";

/** What a check may ask. `model` is the lesson's own model while its tab is shown. */
export interface LessonContext {
  readonly state: State;
  readonly model: ModelState;
  /** the selected node in the step that is shown */
  readonly selected: () => Promise<NodeView | undefined>;
}

interface Common {
  /** key of its text */
  readonly id: string;
  /** `data-testid` of what the text speaks about: shown on demand */
  readonly target?: string;
}

export type LessonStep =
  /** to be read */
  | (Common & { readonly kind: "read" })
  /** done when the window is in a certain state, however the person got it there */
  | (Common & { readonly kind: "do"; readonly done: (context: LessonContext) => boolean | Promise<boolean> })
  /** a prediction first, then the answer; a wrong one costs nothing */
  | (Common & { readonly kind: "predict"; readonly answer: number });

/** `text` may hold `code` and **stress**. */
export interface StepText {
  readonly text: string;
  readonly choices?: readonly string[];
  /** shown after a prediction, or once the step is done */
  readonly reveal?: string;
}

export interface LessonText {
  readonly title: string;
  readonly summary: string;
  readonly steps: Readonly<Record<string, StepText>>;
}

export interface Lesson {
  readonly id: string;
  /** "digits/digits.onnx" */
  readonly example: string;
  readonly minutes: number;
  readonly steps: readonly LessonStep[];
  readonly texts: { readonly en: LessonText; readonly "zh-CN": LessonText };
}

export const defineLesson = (lesson: Lesson): Lesson => lesson;

/** How often a rewrite was applied on the way to the step that is shown. */
export function applied({ timeline, b }: ModelState, rewrite: string): number {
  const { branch, steps } = timeline;
  const at = branch.indexOf(b);
  return branch.slice(0, at + 1).filter((id) => steps[id]?.rewrite === rewrite).length;
}

export const nodesNow = ({ timeline, b }: ModelState): number => timeline.steps[b]?.cost.nodes ?? 0;
