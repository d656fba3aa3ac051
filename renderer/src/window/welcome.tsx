import { Check, Clock, FileUp, FlaskConical, GraduationCap } from "lucide-react";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { useKeys } from "../commands/use-keys.ts";
import { Button } from "../design/button.tsx";
import * as format from "../design/format.ts";
import { Name } from "../design/name.tsx";
import type { Example } from "../host/host.ts";
import * as act from "../state/actions.ts";
import type { Language } from "../i18n/index.ts";
import { lessons } from "../lessons/index.ts";
import { lessonProgress, startLesson } from "../state/lesson.ts";
import { useStore } from "../state/store.ts";

export function Welcome(): ReactNode {
  const { t, i18n } = useTranslation();
  const words = (example: Example): { readonly title: string; readonly summary: string } => example.translated[i18n.language] ?? example;
  const openKeys = useKeys("file-open");
  const examples = useStore((state) => state.examples);
  const recent = useStore((state) => state.recent);
  const opening = useStore((state) => state.tasks.length > 0);
  return (
    <main className="welcome scroll" id="content" tabIndex={-1} data-part data-testid="welcome" aria-busy={opening}>
      <div className="welcome-page">
        <header>
          <h1>{t("welcome.title")}</h1>
          <p>{t("welcome.text")}</p>
          <div className="welcome-actions">
            <Button variant="primary" onClick={() => void act.openWithDialog()} data-testid="open-button">
              <FileUp size={14} aria-hidden /> {t("welcome.open")} {openKeys && <kbd>{openKeys}</kbd>}
            </Button>
            <span className="faint">{t("welcome.drop")}</span>
          </div>
        </header>
        <section aria-labelledby="welcome-examples">
          <h2 id="welcome-examples"><FlaskConical size={14} aria-hidden /> {t("welcome.examples")}</h2>
          {examples === null && <div className="card-grid" aria-hidden><div className="card card-loading" /><div className="card card-loading" /></div>}
          {examples?.length === 0 && <p className="faint">{t("welcome.no-examples")}</p>}
          <ul className="card-grid">
            {examples?.flatMap((example) =>
              example.models.map((file) => (
                <li key={file.id}>
                  <button type="button" className="card" onClick={() => void act.openFile(file)} data-testid="example" data-example={example.name}>
                    <span className="card-title">{example.models.length > 1 ? `${words(example).title}: ${file.name}` : words(example).title}</span>
                    <span className="card-text">{words(example).summary}</span>
                    <span className="card-meta num"><Name mono>{file.name}</Name><span>{format.bytes(file.size)}</span></span>
                  </button>
                </li>
              )),
            )}
          </ul>
        </section>
        <Lessons />
        {recent.length > 0 && (
          <section aria-labelledby="welcome-recent">
            <h2 id="welcome-recent"><Clock size={14} aria-hidden /> {t("welcome.recent")}</h2>
            <ul className="recent">
              {recent.slice(0, 8).map((file) => (
                <li key={file.id}>
                  <button type="button" className="row-button" onClick={() => void act.openFile(file)} data-testid="recent">
                    <span className="recent-name">{file.name}</span>
                    {file.path && <Name mono className="faint">{file.path}</Name>}
                    <span className="num faint">{format.bytes(file.size)}</span>
                  </button>
                </li>
              ))}
            </ul>
          </section>
        )}
        <section aria-labelledby="welcome-how">
          <h2 id="welcome-how">{t("welcome.how")}</h2>
          <ol className="how">
            {(["inspect", "rewrite", "compare", "export"] as const).map((step, index) => (
              <li key={step}>
                <span className="how-number num" aria-hidden>{index + 1}</span>
                <strong>{t(`welcome.${step}-title`)}</strong>
                <span>{t(`welcome.${step}-text`)}</span>
              </li>
            ))}
          </ol>
        </section>
      </div>
    </main>
  );
}

function Lessons(): ReactNode {
  const { t, i18n } = useTranslation();
  const progress = lessonProgress();
  const finished = lessons.filter((lesson) => (progress[lesson.id] ?? 0) >= lesson.steps.length).length;
  return (
    <section aria-labelledby="welcome-lessons">
      <h2 id="welcome-lessons">
        <GraduationCap size={14} aria-hidden /> {t("welcome.lessons")}
        <span className="faint num welcome-note">{t("welcome.lessons-done", { done: finished, all: lessons.length })}</span>
      </h2>
      <ol className="lesson-list">
        {lessons.map((lesson) => {
          const { title, summary } = lesson.texts[i18n.language as Language];
          const at = progress[lesson.id] ?? 0;
          const done = at >= lesson.steps.length;
          return (
            <li key={lesson.id}>
              <button type="button" className="lesson-card" onClick={() => void startLesson(lesson.id)} data-testid="lesson-card" data-lesson={lesson.id} data-done={done}>
                <span className="lesson-mark" data-done={done}>{done ? <Check size={12} role="img" aria-label={t("welcome.lesson-finished")} /> : null}</span>
                <span className="lesson-name">
                  <span className="card-title">{title}</span>
                  <span className="card-text">{summary}</span>
                </span>
                <span className="faint num lesson-minutes">{t("welcome.minutes", { count: lesson.minutes })}</span>
              </button>
            </li>
          );
        })}
      </ol>
    </section>
  );
}
