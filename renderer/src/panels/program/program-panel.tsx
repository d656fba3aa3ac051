/** A node's tensor program beside the C that is generated from it, lines linked, after any number of schedule steps. */
import type { ProgramView } from "@graphwright/compiler-core";
import { Braces, GitCompare } from "lucide-react";
import { Suspense, useMemo, useState, type KeyboardEvent, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { IconButton } from "../../design/button.tsx";
import { Empty, Failed, Loading } from "../../design/states.tsx";
import { CodeEditor, DiffEditor } from "../../editor/lazy.tsx";
import { messageIn } from "../../i18n/compiler.ts";
import { useQuery } from "../../state/query.ts";
import type { ModelState } from "../../state/store.ts";
import type { Panel, PanelProps } from "../panel.ts";
import { linkedLines, type Side } from "./linked-lines.ts";
import "./program.css";

const language = "graphwright-program";

function ProgramPanel({ model }: PanelProps): ReactNode {
  const { t } = useTranslation();
  const node = model.selected[0];
  if (node === undefined) return <Empty icon={Braces} title={t("program.empty-title")}>{t("program.empty")}</Empty>;
  return <Lowered key={`${model.id}/${model.selectedStep}/${node}`} model={model} node={node} />;
}

function Lowered({ model, node }: { readonly model: ModelState; readonly node: number }): ReactNode {
  const { t } = useTranslation();
  const at = { model: model.id, step: model.selectedStep, node };
  /** undefined: all of them */
  const [applied, setApplied] = useState<number>();
  const [changes, setChanges] = useState(false);
  const whole = useQuery("program", at);
  const steps = whole.data?.schedule ?? [];
  const summaries = whole.data?.summaries ?? [];
  const partial = useQuery("program", applied === undefined || applied >= steps.length ? null : { ...at, scheduled: applied });
  const data = applied === undefined || applied >= steps.length ? whole.data : (partial.data ?? partial.last ?? whole.data);
  const shown = Math.min(applied ?? steps.length, steps.length);
  const comparing = changes && shown > 0;
  const before = useQuery("program", comparing ? { ...at, scheduled: shown - 1 } : null);
  const error = whole.error ?? partial.error ?? before.error;
  if (error) return <Failed title={t("error.program")} error={error} />;
  if (!data) return <Loading />;
  return (
    <div className={`program-panel ${steps.length > 0 ? "program-scheduled" : ""}`} data-testid="program-panel" data-scheduled={shown}>
      {steps.length > 0 && <Schedule steps={steps} summaries={summaries} shown={shown} changes={changes} onShow={setApplied} onChanges={setChanges} />}
      <Linked data={data} before={comparing ? (before.data ?? before.last)?.program : undefined} />
    </div>
  );
}

interface ScheduleProps {
  readonly steps: readonly string[];
  readonly summaries: readonly string[];
  readonly shown: number;
  readonly changes: boolean;
  readonly onShow: (applied: number) => void;
  readonly onChanges: (changes: boolean) => void;
}

/** The steps from the plain loop nest on: choosing one shows the program as it is after it. */
function Schedule({ steps, summaries, shown, changes, onShow, onChanges }: ScheduleProps): ReactNode {
  const { t, i18n } = useTranslation();
  const key = (event: KeyboardEvent<HTMLOListElement>): void => {
    const by = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
    const next = shown + by;
    if (by === 0 || next < 0 || next > steps.length) return;
    event.preventDefault();
    onShow(next);
    event.currentTarget.querySelectorAll<HTMLElement>("button")[next]?.focus();
  };
  return (
    <section aria-label={t("program.schedule-title")} className="schedule">
      <h2 className="sub-bar">
        {t("program.schedule", { count: steps.length })}
        <span className="spacer" />
        <IconButton label={t("program.changes")} className="small" pressed={changes} onClick={() => onChanges(!changes)} data-testid="schedule-changes"><GitCompare size={13} /></IconButton>
      </h2>
      <ol className="scroll" onKeyDown={key}>
        {[t("program.plain"), ...steps].map((step, index) => {
          const [, name, rest] = /^([\w-]+)\((.*)\)$/.exec(step) ?? [];
          return (
            <li key={index}>
              <button type="button" className={`row-button ${index > shown ? "schedule-ahead" : ""}`} aria-current={index === shown ? "step" : undefined} tabIndex={index === shown ? 0 : -1} onClick={() => onShow(index)} title={index === 0 ? step : `${messageIn(summaries[index - 1] ?? "", i18n.language)}\n${step}`} data-testid="schedule-step">
                <span className="num faint">{index}</span>
                <span className="schedule-name">{name ?? step}</span>
                <span className="mono faint schedule-arguments">{rest}</span>
              </button>
            </li>
          );
        })}
      </ol>
      {shown > 0 && <p className="schedule-summary">{messageIn(summaries[shown - 1] ?? "", i18n.language)}</p>}
    </section>
  );
}

function Linked({ data, before }: { readonly data: ProgramView; readonly before: string | undefined }): ReactNode {
  const { t } = useTranslation();
  const [at, setAt] = useState<{ readonly side: Side; readonly line: number }>();
  const linked = useMemo(() => (at ? linkedLines(data, at.side, at.line) : { program: [], source: [] }), [data, at]);
  return (
    <>
      <section aria-label={t("program.program")}>
        <h2 className="sub-bar">{t("program.program")}</h2>
        <Suspense fallback={<Loading />}>
          {before === undefined ? (
            <CodeEditor text={data.program} language={language} label={t("program.program")} highlight={linked.program} onLine={(line) => setAt({ side: "program", line })} testId="tensor-program" />
          ) : (
            <DiffEditor before={before} after={data.program} language={language} label={t("program.program")} sideBySide={false} onlyChanged={false} highlightAfter={linked.program} onLine={(side, line) => side === "after" && setAt({ side: "program", line })} testId="program-diff" />
          )}
        </Suspense>
      </section>
      <section aria-label={t("program.source")}>
        <h2 className="sub-bar">{t("program.source")}</h2>
        <Suspense fallback={<Loading />}>
          <CodeEditor text={data.source} language="c" label={t("program.source")} highlight={linked.source} onLine={(line) => setAt({ side: "source", line })} testId="c-source" />
        </Suspense>
      </section>
    </>
  );
}

export const programPanel = { id: "program", area: "lower", icon: Braces, component: ProgramPanel } as const satisfies Panel;
