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
        <header className="welcome-head">
          <div>
            <h1>{t("welcome.title")}</h1>
            <p>{t("welcome.text")}</p>
            <div className="welcome-actions">
              <Button variant="primary" onClick={() => void act.openWithDialog()} data-testid="open-button">
                <FileUp size={14} aria-hidden /> {t("welcome.open")} {openKeys && <kbd>{openKeys}</kbd>}
              </Button>
              <span className="faint">{t("welcome.drop")}</span>
            </div>
          </div>
          <WelcomePicture />
        </header>
        <section aria-label={t("welcome.how")}>
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
        <div className="welcome-columns">
          <div className="welcome-start">
            <section aria-labelledby="welcome-examples">
              <h2 id="welcome-examples"><FlaskConical size={14} aria-hidden /> {t("welcome.examples")}</h2>
              {examples === null && <div className="lesson-list examples-loading" aria-hidden />}
              {examples?.length === 0 && <p className="faint">{t("welcome.no-examples")}</p>}
              {examples && examples.length > 0 && <ul className="lesson-list">
                {examples.flatMap((example) =>
                  example.models.map((file) => (
                    <li key={file.id}>
                      <button type="button" className="lesson-card example-card" title={file.name} onClick={() => void act.openFile(file)} data-testid="example" data-example={example.name}>
                        <span className="lesson-name">
                          <span className="card-title">{example.models.length > 1 ? `${words(example).title}: ${file.name}` : words(example).title}</span>
                          <span className="card-text">{words(example).summary}</span>
                        </span>
                        <span className="faint num lesson-minutes">{format.bytes(file.size)}</span>
                      </button>
                    </li>
                  )),
                )}
              </ul>}
            </section>
            {recent.length > 0 && (
              <section aria-labelledby="welcome-recent">
                <h2 id="welcome-recent"><Clock size={14} aria-hidden /> {t("welcome.recent")}</h2>
                <ul className="recent">
                  {recent.slice(0, 8).map((file) => (
                    <li key={file.id}>
                      <button type="button" className="row-button" onClick={() => void act.openFile(file)} data-testid="recent">
                        <Name className="recent-name">{file.name}</Name>
                        {file.path && <Name mono className="faint">{file.path}</Name>}
                        <span className="num faint">{format.bytes(file.size)}</span>
                      </button>
                    </li>
                  ))}
                </ul>
              </section>
            )}
          </div>
          <Lessons />
        </div>
      </div>
    </main>
  );
}

/** What the program is about: three operators, and the one that does their work. */
function WelcomePicture(): ReactNode {
  const card = (x: number, y: number, width: number, family: string, op: string, gone: boolean): ReactNode => (
    <g key={`${op}${x}`}>
      <rect x={x} y={y} width={width} height={30} rx={5} className={gone ? "picture-gone" : "picture-new"} />
      <rect x={x + 5} y={y + 6} width={3} height={18} rx={1.5} fill={`var(--family-${family})`} />
      <text x={x + 16} y={y + 19}>{op}</text>
    </g>
  );
  const arrow = (d: string): ReactNode => <path key={d} d={d} className="picture-edge" />;
  return (
    <svg className="welcome-picture" viewBox="0 0 330 178" width="330" height="178" aria-hidden>
      {[arrow("M79 4v16"), arrow("M79 50v16"), arrow("M79 96v16"), arrow("M79 142v32"), arrow("M251 4v62"), arrow("M251 96v78")]}
      {card(12, 20, 134, "linear", "Conv", true)}
      {card(12, 66, 134, "normalization", "BatchNorm", true)}
      {card(12, 112, 134, "activation", "Relu", true)}
      {card(192, 66, 118, "fused", "Conv + Relu", false)}
      <path d="M156 81h22m-6 -5l6 5l-6 5" className="picture-turn" />
      <circle cx="310" cy="66" r="8" className="picture-mark" />
      <path d="M306.500 66l2.500 2.500l4.500 -5" className="picture-tick" />
    </svg>
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
