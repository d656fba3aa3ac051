/** A node's tensor program beside the C that is generated from it, lines linked, after any number of schedule steps; steps of one's own are added. */
import type { ArgumentKind, CheckView, ModelId, PrimitiveView, ProgramView, ScheduleTrial, StepId } from "@graphwright/compiler-core";
import { Braces, GitCompare, Plus } from "lucide-react";
import { Suspense, useEffect, useMemo, useRef, useState, type KeyboardEvent, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { Button, IconButton } from "../../design/button.tsx";
import { CheckMark } from "../../design/check-mark.tsx";
import { Preconditions } from "../../design/preconditions.tsx";
import { SelectBox } from "../../design/select-box.tsx";
import { Empty, Failed, Loading } from "../../design/states.tsx";
import { CodeEditor, DiffEditor } from "../../editor/lazy.tsx";
import { catalogIn, messageIn } from "../../i18n/compiler.ts";
import * as act from "../../state/actions.ts";
import { useQuery } from "../../state/query.ts";
import { pathTo, stepOf } from "../../state/steps.ts";
import { useStore, type ModelState } from "../../state/store.ts";
import type { Panel, PanelProps } from "../panel.ts";
import { linkedLines, type Side } from "./linked-lines.ts";
import "./program.css";

const language = "graphwright-program";

/** What stays as it is from one step of the timeline to the next. */
interface PanelState {
  readonly changes: boolean;
  readonly setChanges: (changes: boolean) => void;
  readonly adding: boolean;
  readonly setAdding: (adding: boolean) => void;
  readonly primitive: string;
  readonly setPrimitive: (name: string) => void;
}

function ProgramPanel({ model }: PanelProps): ReactNode {
  const { t } = useTranslation();
  const [changes, setChanges] = useState(false);
  const [adding, setAdding] = useState(false);
  const [primitive, setPrimitive] = useState("split");
  const node = model.selected[0];
  if (node === undefined) return <Empty icon={Braces} title={t("program.empty-title")}>{t("program.empty")}</Empty>;
  return <Lowered key={`${model.id}/${model.selectedStep}/${node}`} model={model} node={node} panel={{ changes, setChanges, adding, setAdding, primitive, setPrimitive }} />;
}

function Lowered({ model, node, panel }: { readonly model: ModelState; readonly node: number; readonly panel: PanelState }): ReactNode {
  const { t } = useTranslation();
  const at = { model: model.id, step: model.selectedStep, node };
  /** undefined: all of them */
  const [applied, setApplied] = useState<number>();
  const whole = useQuery("program", at);
  const steps = whole.data?.schedule ?? [];
  const partial = useQuery("program", applied === undefined || applied >= steps.length ? null : { ...at, scheduled: applied });
  const data = applied === undefined || applied >= steps.length ? whole.data : (partial.data ?? partial.last ?? whole.data);
  const shown = Math.min(applied ?? steps.length, steps.length);
  const comparing = panel.changes && shown > 0;
  const before = useQuery("program", comparing ? { ...at, scheduled: shown - 1 } : null);
  const error = whole.error ?? partial.error ?? before.error;
  if (error) return <Failed title={t("error.program")} error={error} />;
  if (!data || !whole.data) return <Loading />;
  return (
    <div className="program-panel program-scheduled" data-testid="program-panel" data-scheduled={shown} data-own={whole.data.own}>
      <Schedule model={model} node={node} view={whole.data} shown={shown} panel={panel} onShow={setApplied} />
      <Linked data={data} before={comparing ? (before.data ?? before.last)?.program : undefined} />
    </div>
  );
}

interface ScheduleProps {
  readonly model: ModelState;
  readonly node: number;
  readonly view: ProgramView;
  readonly shown: number;
  readonly panel: PanelState;
  readonly onShow: (applied: number | undefined) => void;
}

/** The steps from the plain loop nest on: choosing one shows the program as it is after it. A person's own follow. */
function Schedule({ model, node, view, shown, panel, onShow }: ScheduleProps): ReactNode {
  const { t, i18n } = useTranslation();
  const { schedule: steps, summaries } = view;
  // Steps are taken at the step that is shown on the graph, of nodes that it has.
  const sized = view.sizes.length > 0 || view.bodies !== undefined;
  const editable = model.selectedStep === model.b && model.changing === null && !sized;
  const checks = useMemo(() => {
    const found = new Map<string, CheckView>();
    for (const id of pathTo(model.timeline, model.selectedStep)) {
      const step = stepOf(model.timeline, id);
      if (step?.pass === "schedule" && step.site === view.site && step.check) found.set(step.rewrite, step.check);
    }
    return found;
  }, [model.timeline, model.selectedStep, view.site]);
  const key = (event: KeyboardEvent<HTMLOListElement>): void => {
    const by = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
    const next = shown + by;
    if (by === 0 || next < 0 || next > steps.length) return;
    event.preventDefault();
    onShow(next);
    event.currentTarget.querySelectorAll<HTMLElement>("button")[next]?.focus();
  };
  const list = useRef<HTMLOListElement>(null);
  useEffect(() => {
    list.current?.querySelector('[aria-current="step"]')?.scrollIntoView({ block: "nearest" });
  }, [shown, steps.length, panel.adding]);
  const add = (): void => {
    onShow(undefined);
    panel.setAdding(!panel.adding);
  };
  return (
    <section aria-label={t("program.schedule-title")} className="schedule">
      <h2 className="sub-bar">
        <span className="schedule-count">{t("program.schedule", { count: steps.length })}</span>
        <span className="faint schedule-by" title={t(view.own ? "program.own-hint" : "program.rule-hint")}>{t(view.own ? "program.own" : "program.rule")}</span>
        <span className="spacer" />
        <IconButton label={t("program.changes")} className="small" pressed={panel.changes} onClick={() => panel.setChanges(!panel.changes)} data-testid="schedule-changes"><GitCompare size={13} /></IconButton>
        <IconButton label={t("program.add")} className="small" pressed={panel.adding && !sized} disabled={sized} onClick={add} data-testid="schedule-add"><Plus size={13} /></IconButton>
      </h2>
      <ol ref={list} className="scroll" onKeyDown={key}>
        {[t("program.plain"), ...steps].map((step, index) => {
          const [, name, rest] = /^([\w-]+)\((.*)\)$/.exec(step) ?? [];
          const check = checks.get(step);
          return (
            <li key={index}>
              <button type="button" className={`row-button ${index > shown ? "schedule-ahead" : ""}`} aria-current={index === shown ? "step" : undefined} tabIndex={index === shown ? 0 : -1} onClick={() => onShow(index)} title={index === 0 ? step : `${messageIn(summaries[index - 1] ?? "", i18n.language)}\n${step}`} data-testid="schedule-step">
                <span className="num faint">{index}</span>
                <span className="schedule-name">{name ?? step}</span>
                <span className="mono faint schedule-arguments">{rest}</span>
                {check && <CheckMark check={check} short />}
              </button>
            </li>
          );
        })}
      </ol>
      <div className="schedule-foot scroll">
        {view.bodies !== undefined && <p className="schedule-sizes" data-testid="program-bodies">{t("program.bodies")}</p>}
        {view.sizes.length > 0 && <p className="schedule-sizes" data-testid="program-sizes">{t("program.sizes", { names: view.sizes.map(({ name, max }) => `${name} ≤ ${max}`).join(", ") })}</p>}
        {view.refused !== undefined && <p className="schedule-refused" role="alert" data-testid="schedule-refused">{t("program.refused", { reason: messageIn(view.refused, i18n.language) })}</p>}
        {panel.adding && !sized && shown === steps.length ? (
          <AddStep model={model} node={node} view={view} panel={panel} editable={editable} />
        ) : (
          <>
            {shown > 0 && <StepFacts key={shown} at={{ model: model.id, step: model.selectedStep, node }} shown={shown} step={steps[shown - 1]!} summary={summaries[shown - 1] ?? ""} known={checks.get(steps[shown - 1]!)} sized={sized} />}
            {!sized && shown < steps.length && <Button small disabled={!editable} onClick={() => void act.schedule(model.id, node, `keep(steps=${shown})`)} title={t("program.keep-hint")} data-testid="schedule-keep">{t("program.keep", { count: steps.length - shown })}</Button>}
          </>
        )}
      </div>
    </section>
  );
}

interface StepFactsProps {
  readonly at: { readonly model: ModelId; readonly step: StepId; readonly node: number };
  readonly shown: number;
  readonly step: string;
  readonly summary: string;
  /** the check that was made when the step was taken */
  readonly known: CheckView | undefined;
  /** sizes are given at run time: there is nothing to run it on */
  readonly sized: boolean;
}

/** What a step does, the conditions under which it is legal, and whether it computes the same. */
function StepFacts({ at, shown, step, summary, known, sized }: StepFactsProps): ReactNode {
  const { t, i18n } = useTranslation();
  const [asked, setAsked] = useState(false);
  const check = useQuery("scheduleCheck", asked && !known ? { ...at, scheduled: shown } : null);
  const primitive = usePrimitives().find((p) => p.name === step.slice(0, step.indexOf("(")));
  const verdict = known ?? check.data;
  return (
    <>
      <p className="schedule-summary">{messageIn(summary, i18n.language)}</p>
      {!sized && <p className="schedule-check" data-testid="schedule-check" data-verdict={verdict?.verdict}>
        {verdict ? <CheckMark check={verdict} /> : check.error ? <Failed title={t("error.program")} error={check.error} /> : <Button small disabled={asked} onClick={() => setAsked(true)} data-testid="schedule-check-now">{t(asked ? "program.checking" : "program.check")}</Button>}
      </p>}
      {primitive && (
        <details className="schedule-conditions" data-testid="schedule-conditions">
          <summary>{t("program.conditions", { count: primitive.conditions.length })}</summary>
          <Preconditions results={primitive.conditions.map(({ name }) => ({ name, state: "satisfied" }))} infos={primitive.conditions} />
        </details>
      )}
    </>
  );
}

const usePrimitives = (): readonly PrimitiveView[] => {
  const { i18n } = useTranslation();
  const catalog = useStore((state) => state.catalog);
  return useMemo(() => (catalog ? catalogIn(catalog, i18n.language).primitives : []), [catalog, i18n.language]);
};

const bindAxes = ["worker", "lane", "dot"] as const;

/** Chooses a primitive and what it names; says at once whether each condition holds, and takes the step. */
function AddStep({ model, node, view, panel, editable }: { readonly model: ModelState; readonly node: number; readonly view: ProgramView; readonly panel: PanelState; readonly editable: boolean }): ReactNode {
  const { t, i18n } = useTranslation();
  const primitives = usePrimitives();
  const [given, setGiven] = useState<Readonly<Record<string, string>>>({});
  const primitive = primitives.find((p) => p.name === panel.primitive);
  const { loops, blocks, buffers } = view.names;
  const first = (kind: ArgumentKind, index: number): string =>
    kind === "loop" ? (loops[Math.min(index, loops.length - 1)] ?? "") : kind === "loop-or-nest" ? (loops[0] ?? "") : kind === "loops" ? loops.slice(0, 2).reverse().join(", ") : kind === "block" ? (blocks[0] ?? "") : kind === "buffer" ? (buffers[0] ?? "") : kind === "number" ? "4" : kind === "axis" ? bindAxes[0] : "0";
  const values = primitive?.parameters.map(({ name, kind }, index) => ({ name, kind, value: given[`${panel.primitive} ${name}`] ?? first(kind, index) })) ?? [];
  const text = `${panel.primitive}(${values.map(({ name, kind, value }) => `${name}=${kind === "loops" || kind === "layout" ? `[${value}]` : value}`).join(", ")})`;
  const trial = useQuery("scheduleTrial", primitive ? { model: model.id, step: model.selectedStep, node, text } : null);
  const found = trial.data ?? trial.last;
  const set = (name: string) => (value: string): void => setGiven({ ...given, [`${panel.primitive} ${name}`]: value });
  const choices = (kind: ArgumentKind): readonly { readonly value: string; readonly label: string }[] | undefined => {
    const named = kind === "loop" || kind === "loop-or-nest" ? loops : kind === "block" ? blocks : kind === "buffer" ? buffers : kind === "axis" ? bindAxes : undefined;
    return named?.map((value) => ({ value, label: value })).concat(kind === "loop-or-nest" ? [{ value: wholeNest, label: t("program.whole-nest") }] : []);
  };
  return (
    <form
      className="add-step"
      aria-label={t("program.add")}
      onSubmit={(event) => {
        event.preventDefault();
        if (editable && trial.data?.applies) void act.schedule(model.id, node, text);
      }}
      data-testid="add-step"
      data-applies={trial.data?.applies}
    >
      <SelectBox small label={t("program.primitive")} value={panel.primitive} options={primitives.map((p) => ({ value: p.name, label: p.name, hint: p.summary }))} onChange={panel.setPrimitive} testId="add-primitive" />
      <div className="add-arguments">
        {values.map(({ name, kind, value }) => {
          const options = choices(kind);
          return (
            <div key={`${panel.primitive} ${name}`} className="add-argument">
              <span className="mono faint">{name}</span>
              {options
                ? <SelectBox small label={name} value={value === "" ? wholeNest : value} options={options} onChange={(chosen) => set(name)(chosen === wholeNest ? "" : chosen)} testId={`add-${name}`} />
                : <input className="input mono" aria-label={name} inputMode={kind === "number" ? "numeric" : "text"} value={value} title={kind === "layout" ? t("program.layout-hint") : undefined} onChange={(event) => set(name)(event.target.value)} data-testid={`add-${name}`} />}
            </div>
          );
        })}
      </div>
      <div className="add-take">
        <Button variant="primary" small type="submit" disabled={!editable || !trial.data?.applies} title={editable ? undefined : t("program.not-editable")} data-testid="add-apply">{t("program.apply")}</Button>
        <code className="mono faint" title={text}>{text}</code>
      </div>
      {found?.problem && <p className="schedule-refused" role="alert">{messageIn(found.problem.message, i18n.language)} {found.problem.hint && messageIn(found.problem.hint, i18n.language)}</p>}
      {found && <Trial trial={found} />}
    </form>
  );
}

/** What keeps the step from being taken, in the open; the other conditions behind their count. */
function Trial({ trial }: { readonly trial: ScheduleTrial }): ReactNode {
  const { t, i18n } = useTranslation();
  const infos = trial.infos.map((info) => ({ ...info, doc: messageIn(info.doc, i18n.language) }));
  const failed = trial.conditions.filter((c) => c.state === "failed");
  const hold = trial.conditions.filter((c) => c.state === "satisfied").length;
  if (trial.conditions.length === 0) return null;
  return (
    <>
      {failed.length > 0 && <Preconditions results={failed} infos={infos} />}
      <details className="schedule-conditions">
        <summary>{trial.applies ? t("program.conditions", { count: trial.conditions.length }) : t("program.conditions-of", { count: trial.conditions.length, hold })}</summary>
        <Preconditions results={trial.conditions.filter((c) => c.state !== "failed")} infos={infos} />
      </details>
    </>
  );
}

/** A select has no empty value. */
const wholeNest = "(nest)";

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
