/** The passes: what each did, what it cost or saved, its single rewrites; the plan of the next run; the branches. */
import type { StepView } from "@graphwright/compiler-core";
import { ArrowDownToLine, ChevronRight, CircleMinus, Hand, ListChecks, Play, StepForward } from "lucide-react";
import { useMemo, useState, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { Button, IconButton, Tip } from "../../design/button.tsx";
import { CheckMark } from "../../design/check-mark.tsx";
import { DiagnosticView } from "../../design/diagnostic.tsx";
import * as format from "../../design/format.ts";
import { Name } from "../../design/name.tsx";
import { useRoving } from "../../design/roving.ts";
import { SelectBox } from "../../design/select-box.tsx";
import * as act from "../../state/actions.ts";
import { useQuery, useSettled } from "../../state/query.ts";
import { blocksOf, costDelta, positionOf, stepOf, type Block } from "../../state/steps.ts";
import { useStore, type ModelState } from "../../state/store.ts";
import type { Panel, PanelProps } from "../panel.ts";
import { BranchList } from "./branch-list.tsx";
import { PlanList } from "./plan-list.tsx";
import { RunSpark } from "./run-spark.tsx";
import "./pipeline.css";

function PipelinePanel({ model }: PanelProps): ReactNode {
  const { t } = useTranslation();
  const catalog = useStore((state) => state.catalog);
  const { onlyChanged, checkPipelines } = useStore((state) => state.settings);
  const [open, setOpen] = useState<ReadonlySet<string>>(new Set());
  const blocks = useMemo(() => blocksOf(model.timeline), [model.timeline]);
  const pipeline = catalog?.pipelines.find((each) => each.name === model.pipeline) ?? catalog?.pipelines[0];
  const isNoOp = (block: Block): boolean => block.kind === "run" && block.steps.length === 0 && !block.run.error;
  const noOps = blocks.filter(isNoOp).length;
  const shown = onlyChanged ? blocks.filter((block) => !isNoOp(block)) : blocks;
  const passTitle = (name: string): string =>
    catalog?.passes.find((pass) => pass.name === name)?.title ?? catalog?.rewrites.find((rewrite) => rewrite.name === name)?.title ?? (name === "recipe" ? t("pipeline.recipe") : name);
  const toggle = (key: string): void =>
    setOpen((before) => {
      const next = new Set(before);
      if (!next.delete(key)) next.add(key);
      return next;
    });
  const busy = model.changing !== null;
  const change = act.planChange(model);
  const passes = useRoving<HTMLUListElement>("list");

  return (
    <div className="pipeline" data-testid="pipeline-panel">
      <div className="pipeline-bar">
        <SelectBox
          label={t("pipeline.choose")}
          value={pipeline?.name ?? ""}
          options={(catalog?.pipelines ?? []).map((each) => ({ value: each.name, label: each.title, hint: each.summary }))}
          onChange={(name) => act.choosePipeline(model.id, name)}
          testId="pipeline-select"
        />
        <IconButton label={t("pipeline.step")} className="bordered" disabled={!pipeline || busy} onClick={() => void act.stepPipeline(model.id)} data-testid="run-step">
          <StepForward size={14} />
        </IconButton>
        <Button variant="primary" disabled={!pipeline || busy} onClick={() => void act.runPipeline(model.id)} title={pipeline?.summary} data-testid="run-all">
          <Play size={13} aria-hidden /> {t("pipeline.run-all")}
        </Button>
      </div>
      <RunSpark model={model} />
      <div className="pipeline-options">
        <label className="check-line">
          <input type="checkbox" checked={checkPipelines} onChange={(event) => act.changeSettings({ checkPipelines: event.target.checked })} data-testid="check-pipelines" />
          {t("pipeline.check-each")}
        </label>
        {noOps > 0 && (
          <button type="button" className="chip" aria-pressed={onlyChanged} onClick={() => act.changeSettings({ onlyChanged: !onlyChanged })} data-testid="only-changed">
            {onlyChanged ? t("pipeline.hidden", { count: noOps }) : t("pipeline.hide", { count: noOps })}
          </button>
        )}
      </div>
      {change && (
        <div className="plan-change" role="status" data-testid="plan-change" data-kind={change.kind}>
          <p>{t(`pipeline.plan-${change.kind}`, { pass: passTitle([...act.currentPlan(model).chosen.passes, ...act.currentPlan(model).chosen.finally][change.startAt] ?? ""), step: positionOf(model.timeline, change.from) })}</p>
          <Button small variant="primary" disabled={busy} onClick={() => void act.runChangedPlan(model.id)} data-testid="run-changed">
            {t(change.kind === "changed" ? "pipeline.run-again" : "pipeline.run-rest")}
          </Button>
        </div>
      )}
      <div className="scroll">
        {shown.length > 0 && (
          <ul ref={passes} className="pass-list" aria-label={t("pipeline.done")}>
            {shown.map((block) => (
              <PassRow key={block.key} block={block} model={model} title={block.kind === "run" ? passTitle(block.run.pass) : t("pipeline.by-hand")} expanded={open.has(block.key)} onToggle={() => toggle(block.key)} />
            ))}
          </ul>
        )}
        {blocks.length > 0 && <LoweredRow model={model} />}
        {pipeline && <PlanList model={model} blocks={blocks} titleOf={passTitle} />}
        <BranchList model={model} />
      </div>
    </div>
  );
}

/** What of the step that is shown has a tensor program: the last stage, after every pass. */
function LoweredRow({ model }: { readonly model: ModelState }): ReactNode {
  const { t } = useTranslation();
  const summary = useQuery("summary", { model: model.id, step: useSettled(model.b) });
  const operators = useQuery("operators", {});
  const list = (summary.data ?? summary.last)?.operators;
  if (!list || !operators.data) return null;
  const lowers = new Set(operators.data.operators.flatMap((each) => (each.lower ? [each.domain === "" ? each.op : `${each.domain}.${each.op}`] : [])));
  const all = list.reduce((sum, each) => sum + each.count, 0);
  const lowered = list.reduce((sum, each) => sum + (lowers.has(each.op) || each.op === "graphwright.Fused" ? each.count : 0), 0);
  const missing = list.filter((each) => !lowers.has(each.op) && each.op !== "graphwright.Fused").map((each) => each.op);
  return (
    <button type="button" className="row-button lowered" onClick={() => act.setView({ lower: "program", showLower: true })} title={missing.length > 0 ? t("pipeline.not-lowered", { operators: missing.slice(0, 12).join(", ") }) : t("pipeline.lowered-hint")} data-testid="lowered-row">
      <ArrowDownToLine size={12} className="lowered-mark" role="img" aria-label={t("pipeline.state-lowered")} />
      <span className="pass-title">{t("pipeline.lowered")}</span>
      <span className="pass-count num">{lowered === all ? all : `${lowered} / ${all}`}</span>
    </button>
  );
}

/** A pass of a large model has thousands of rewrites. */
const rowsAtFirst = 200;

interface PassRowProps {
  readonly block: Block;
  readonly model: ModelState;
  readonly title: string;
  readonly expanded: boolean;
  readonly onToggle: () => void;
}

function PassRow({ block, model, title, expanded, onToggle }: PassRowProps): ReactNode {
  const { t } = useTranslation();
  const { timeline } = model;
  const [from, to] = [stepOf(timeline, block.from)!, stepOf(timeline, block.to)!];
  const error = block.kind === "run" ? block.runs.find((run) => run.error)?.error : undefined;
  const stopped = block.kind === "run" && (block.run.stopped === true || block.to !== block.run.to);
  const [most, setMost] = useState(rowsAtFirst);
  const failedChecks = block.steps.filter((step) => step.check?.verdict === "different").length;
  const state = error || failedChecks > 0 ? "failed" : block.steps.length === 0 ? "no-op" : "changed";
  const delta = costDelta(from.cost, to.cost);
  const done = positionOf(timeline, block.from) < positionOf(timeline, model.b) || (block.steps.length === 0 && positionOf(timeline, block.to) <= positionOf(timeline, model.b));
  const inside = model.b !== block.from && block.steps.some((step) => step.id === model.b);
  return (
    <li className={`pass ${inside ? "pass-current" : ""} ${done ? "" : "pass-ahead"}`} data-testid="pass-row" data-pass={block.kind === "run" ? block.run.pass : "by-hand"} data-state={state}>
      <div className="pass-line">
        <button type="button" data-row className="row-button" aria-expanded={block.steps.length > 0 || error ? expanded : undefined} onClick={onToggle}>
          <ChevronRight size={13} className="chevron" aria-hidden data-empty={block.steps.length === 0 && !error} />
          <span className={`dot dot-${state}`} role="img" aria-label={t(`pipeline.state-${state}`)} />
          <span className="pass-title" title={title}>
            {block.kind === "hand" && <Hand size={12} aria-hidden />} {title}
          </span>
          {stopped && <span className="tag" title={t("pipeline.stopped-hint")}>{t("pipeline.stopped")}</span>}
          <span className="pass-count num" title={t("pipeline.applied", { count: block.steps.length })}>{block.steps.length || ""}</span>
          <span className={`pass-delta num ${delta.nodes < 0 ? "good" : ""}`} title={t("pipeline.delta-nodes")}>{delta.nodes === 0 ? "" : format.signed(delta.nodes)}</span>
        </button>
        {block.steps.length > 0 && (
          <Tip text={t("pipeline.compare")}>
            <button type="button" className="icon-button small" aria-label={t("pipeline.compare")} onClick={() => act.showBetween(model.id, block.from, block.to)} data-testid="pass-compare">
              <CompareIcon />
            </button>
          </Tip>
        )}
      </div>
      {expanded && (
        <div className="pass-body">
          {error && <DiagnosticView diagnostic={error} />}
          {block.kind === "run" && [...new Set(block.runs.flatMap((run) => run.notes))].map((note) => <p key={note} className="note">{note}</p>)}
          <ul className="step-list">
            {block.steps.slice(0, most).map((step) => (
              <StepRow key={step.id} step={step} model={model} />
            ))}
          </ul>
          {block.steps.length > most && (
            <button type="button" className="link-button more-steps" onClick={() => setMost(most + 10 * rowsAtFirst)}>
              {t("pipeline.more-steps", { count: block.steps.length - most })}
            </button>
          )}
        </div>
      )}
    </li>
  );
}

function CompareIcon(): ReactNode {
  return (
    <svg width="14" height="14" viewBox="0 0 14 14" fill="none" stroke="currentColor" strokeWidth="1.3" aria-hidden>
      <rect x="1.2" y="2.5" width="4.3" height="9" rx="1" />
      <rect x="8.5" y="2.5" width="4.3" height="9" rx="1" fill="currentColor" fillOpacity=".25" />
    </svg>
  );
}

function StepRow({ step, model }: { readonly step: StepView; readonly model: ModelState }): ReactNode {
  const { t } = useTranslation();
  const catalog = useStore((state) => state.catalog);
  const title = catalog?.rewrites.find((rewrite) => rewrite.name === step.rewrite)?.title ?? step.rewrite;
  const parent = step.parent === null ? undefined : stepOf(model.timeline, step.parent);
  const delta = parent ? step.cost.nodes - parent.cost.nodes : 0;
  const ahead = positionOf(model.timeline, step.id) > positionOf(model.timeline, model.b);
  return (
    <li className="step-line">
      <button type="button" data-row className={`row-button step-row ${ahead ? "pass-ahead" : ""}`} aria-current={model.b === step.id ? "step" : undefined} onClick={() => act.goTo(model.id, step.id)} title={title} data-testid="step-row">
        <Name mono className="step-site">{format.withoutOutputSuffix(step.site) || title}</Name>
        {step.check && <CheckMark check={step.check} short />}
        <span className={`pass-delta num ${delta < 0 ? "good" : ""}`}>{delta === 0 ? "" : format.signed(delta)}</span>
      </button>
      <IconButton label={t("pipeline.leave-out")} className="small row-action" disabled={model.changing !== null} onClick={() => void act.leaveOut(model.id, step.id)} data-testid="leave-out">
        <CircleMinus size={12} />
      </IconButton>
    </li>
  );
}

export const pipelinePanel = { id: "pipeline", area: "left", icon: ListChecks, component: PipelinePanel } as const satisfies Panel;
