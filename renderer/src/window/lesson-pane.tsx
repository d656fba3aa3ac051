import { Check, GraduationCap, Locate, X } from "lucide-react";
import { Fragment, useEffect, useRef, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { Button } from "../design/button.tsx";
import type { Language } from "../i18n/index.ts";
import { lessons } from "../lessons/index.ts";
import type { StepText } from "../lessons/lesson.ts";
import * as act from "../state/actions.ts";
import { answer, endLesson, goToStep, lessonOf, startLesson, stepOf } from "../state/lesson.ts";
import { useStore, type LessonState } from "../state/store.ts";

/** The lesson under way, beside the window that it is about. */
export function LessonPane(): ReactNode {
  const { t, i18n } = useTranslation();
  const state = useStore((each) => each.lesson);
  if (!state) return null;
  const lesson = lessonOf(state);
  const { title, steps } = lesson.texts[i18n.language as Language];
  const finished = state.step >= lesson.steps.length;
  return (
    <aside className="lesson" aria-label={t("lesson.label", { title })} data-part data-testid="lesson" data-lesson={lesson.id} data-step={state.step} data-met={state.met}>
      <header className="lesson-head">
        <GraduationCap size={14} aria-hidden />
        <h2>{title}</h2>
        <button type="button" className="icon-button small" aria-label={t("lesson.leave")} title={t("lesson.leave")} onClick={endLesson} data-testid="lesson-leave"><X size={13} aria-hidden /></button>
      </header>
      <div className="lesson-progress" role="progressbar" aria-label={t("lesson.progress")} aria-valuemin={0} aria-valuemax={lesson.steps.length} aria-valuenow={state.step}>
        {lesson.steps.map((step, index) => <span key={step.id} data-done={index < state.step} data-now={index === state.step} />)}
      </div>
      {finished ? <Finished id={lesson.id} /> : <Step key={`${state.id}/${state.step}`} state={state} text={steps[stepOf(state).id]!} />}
    </aside>
  );
}

function Step({ state, text }: { readonly state: LessonState; readonly text: StepText }): ReactNode {
  const { t } = useTranslation();
  const step = stepOf(state);
  const elsewhere = useStore(({ active, models }) => active !== state.model && models[state.model] !== undefined);
  const gone = useStore(({ models }) => models[state.model] === undefined);
  const head = useRef<HTMLParagraphElement>(null);
  // A new step is read out, and the next Tab goes to what it offers.
  useEffect(() => head.current?.focus(), []);
  const ready = step.kind === "read" || (step.kind === "do" ? state.met : state.answer !== null);
  const { target } = step;
  return (
    <div className="lesson-step scroll">
      <p className="lesson-text" tabIndex={-1} ref={head}><Marked text={text.text} /></p>
      {step.kind === "predict" && (
        <fieldset className="lesson-choices">
          <legend className="unseen">{t("lesson.predict")}</legend>
          {text.choices!.map((choice, index) => (
            <label key={choice} className="lesson-choice" data-state={state.answer === null ? "open" : index === step.answer ? "right" : index === state.answer ? "wrong" : "other"}>
              <input type="radio" name={`${state.id}-${step.id}`} checked={state.answer === index} disabled={state.answer !== null} onChange={() => answer(index)} data-testid="lesson-choice" />
              <span>{choice}</span>
            </label>
          ))}
        </fieldset>
      )}
      <div aria-live="polite">
        {step.kind === "predict" && state.answer !== null && <p className={`lesson-verdict ${state.answer === step.answer ? "good" : ""}`}>{t(state.answer === step.answer ? "lesson.right" : "lesson.other")}</p>}
        {step.kind === "do" && state.met && <p className="lesson-verdict good" data-testid="lesson-met"><Check size={14} aria-hidden /> {t("lesson.done")}</p>}
        {ready && text.reveal && <p className="lesson-text" data-testid="lesson-reveal"><Marked text={text.reveal} /></p>}
        {(elsewhere || gone) && (
          <p className="lesson-verdict">
            {t(gone ? "lesson.closed" : "lesson.elsewhere")}{" "}
            <button type="button" className="link-button" onClick={() => (gone ? void startLesson(state.id) : act.activate(state.model))}>{t(gone ? "lesson.again" : "lesson.go-back")}</button>
          </p>
        )}
      </div>
      <footer className="lesson-foot">
        {state.step > 0 && <Button small onClick={() => goToStep(state.step - 1)} data-testid="lesson-back">{t("lesson.back")}</Button>}
        {target !== undefined && !ready && <Button small onClick={() => point(target)} data-testid="lesson-show"><Locate size={12} aria-hidden /> {t("lesson.show")}</Button>}
        <span className="spacer" />
        {!ready && <Button small onClick={() => goToStep(state.step + 1)} data-testid="lesson-skip">{t("lesson.skip")}</Button>}
        {ready && <Button small variant="primary" onClick={() => goToStep(state.step + 1)} data-testid="lesson-next">{t("lesson.next")}</Button>}
      </footer>
    </div>
  );
}

/** Lets a part of the window show itself. */
function point(target: string): void {
  const part = document.querySelector<HTMLElement>(`[data-testid="${target}"]`);
  if (!part) return;
  part.scrollIntoView({ block: "nearest" });
  part.classList.remove("pointed");
  void part.offsetWidth;
  part.classList.add("pointed");
  setTimeout(() => part.classList.remove("pointed"), 2400);
}

function Finished({ id }: { readonly id: string }): ReactNode {
  const { t, i18n } = useTranslation();
  const next = lessons[lessons.findIndex((each) => each.id === id) + 1];
  const head = useRef<HTMLParagraphElement>(null);
  useEffect(() => head.current?.focus(), []);
  return (
    <div className="lesson-step" data-testid="lesson-finished">
      <p className="lesson-text" tabIndex={-1} ref={head}>{t("lesson.finished")}</p>
      {next && <Button variant="primary" onClick={() => void startLesson(next.id)} data-testid="lesson-next-lesson">{t("lesson.next-lesson", { title: next.texts[i18n.language as Language].title })}</Button>}
      <Button onClick={() => { endLesson(); act.showWelcome(); }}>{t("lesson.all")}</Button>
    </div>
  );
}

/** `code` and **stress**. */
function Marked({ text }: { readonly text: string }): ReactNode {
  return text.split(/(`[^`]+`|\*\*[^*]+\*\*)/).map((part, index) => (
    <Fragment key={index}>{part.startsWith("`") ? <code>{part.slice(1, -1)}</code> : part.startsWith("**") ? <strong>{part.slice(2, -2)}</strong> : part}</Fragment>
  ));
}
