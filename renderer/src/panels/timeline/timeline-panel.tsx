/** Where in the optimization we are: two handles on the steps of the branch, ticks by pass, and what each step costs. */
import type { CostView, ModelId, TimelineView } from "@graphwright/compiler-core";
import { ChevronFirst, ChevronLast, ChevronLeft, ChevronRight, GitBranch, History, Redo2, Undo2 } from "lucide-react";
import { memo, useState, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { useKeys } from "../../commands/use-keys.ts";
import { runCommand } from "../../commands/table.ts";
import { Button, IconButton } from "../../design/button.tsx";
import { CheckMark } from "../../design/check-mark.tsx";
import * as format from "../../design/format.ts";
import { Name } from "../../design/name.tsx";
import { useRoving } from "../../design/roving.ts";
import { Segmented } from "../../design/segmented.tsx";
import { SelectBox } from "../../design/select-box.tsx";
import * as act from "../../state/actions.ts";
import { noteToRedo, noteToUndo, type Notes } from "../../state/notes.ts";
import { showDivergence } from "../../state/bisect.ts";
import { leavesOf, onBranch, pathTo, positionOf, stepOf } from "../../state/steps.ts";
import { useStore, type CompareMode } from "../../state/store.ts";
import type { Panel, PanelProps } from "../panel.ts";
import { Track } from "./track.tsx";
import "./timeline.css";

export type Metric = "nodes" | "flops" | "weightBytes" | "peakBytes";
const metrics = ["nodes", "flops", "weightBytes", "peakBytes"] as const satisfies readonly Metric[];
const show: Readonly<Record<Metric, (value: number) => string>> = {
  nodes: format.count,
  flops: format.flops,
  weightBytes: format.bytes,
  peakBytes: format.bytes,
};

function TimelinePanel({ model }: PanelProps): ReactNode {
  const { t } = useTranslation();
  const catalog = useStore((state) => state.catalog);
  const [metric, setMetric] = useState<Metric>("nodes");
  const { timeline, a, b } = model;
  const at = positionOf(timeline, b);
  const last = timeline.branch.length - 1;
  const step = stepOf(timeline, b);
  const base = stepOf(timeline, a) ?? step;
  const title = at <= 0 ? t("timeline.imported") : (catalog?.rewrites.find((each) => each.name === step?.rewrite)?.title ?? step?.rewrite ?? "");
  const busy = model.changing !== null;
  const costs = useRoving<HTMLDivElement>("bar");
  return (
    <div className="timeline" data-testid="timeline" data-step={at} data-steps={last} data-a={positionOf(timeline, a)} data-b={at}>
      <div className="timeline-bar">
        <StepButtons back={at > 0 && !busy} on={at < last && !busy} undo={(at > 0 || noteToUndo(model) !== undefined) && !busy} redo={(at < last || noteToRedo(model) !== undefined) && !busy} />
        <p className="timeline-step" aria-live="polite">
          <span className="num faint" data-testid="step-position">{t("timeline.position", { step: at, last })}</span>
          <span className="timeline-title">{title}</span>
          {at > 0 && step?.site && <Name mono className="faint timeline-site">{format.withoutOutputSuffix(step.site)}</Name>}
          {step?.check && <CheckMark check={step.check} />}
          {step?.check?.verdict === "different" && <Button small onClick={() => void showDivergence(model.id, step.id)} data-testid="show-divergence">{t("timeline.where")}</Button>}
        </p>
        <Comparison id={model.id} mode={model.compare} />
        <Branches id={model.id} timeline={timeline} names={model.notes.branches} />
      </div>
      <div className="timeline-body">
        <div ref={costs} className="cost-strip" role="radiogroup" aria-label={t("timeline.costs")} data-testid="cost-strip">
          {metrics.map((each) => (
            <Cost key={each} metric={each} a={base?.cost} b={step?.cost} chosen={each === metric} onChoose={setMetric} />
          ))}
        </div>
        <Track model={model} metric={metric} />
      </div>
    </div>
  );
}

// What is the same for most steps is drawn apart from what follows each of them.

interface StepButtonsProps {
  readonly back: boolean;
  readonly on: boolean;
  readonly undo: boolean;
  readonly redo: boolean;
}

const StepButtons = memo(function StepButtons({ back, on, undo, redo }: StepButtonsProps): ReactNode {
  const { t } = useTranslation();
  const bar = useRoving<HTMLDivElement>("bar");
  return (
    <div ref={bar} className="button-row" role="toolbar" aria-label={t("timeline.steps")}>
      <IconButton label={t("command.rewrite-first-step")} keys={useKeys("rewrite-first-step")} disabled={!back} onClick={() => runCommand("rewrite-first-step")} data-testid="first-step"><ChevronFirst size={15} /></IconButton>
      <IconButton label={t("command.rewrite-previous-step")} keys={useKeys("rewrite-previous-step")} disabled={!back} onClick={() => runCommand("rewrite-previous-step")} data-testid="previous-step"><ChevronLeft size={15} /></IconButton>
      <IconButton label={t("command.rewrite-next-step")} keys={useKeys("rewrite-next-step")} disabled={!on} onClick={() => runCommand("rewrite-next-step")} data-testid="next-step"><ChevronRight size={15} /></IconButton>
      <IconButton label={t("command.rewrite-last-step")} keys={useKeys("rewrite-last-step")} disabled={!on} onClick={() => runCommand("rewrite-last-step")} data-testid="last-step"><ChevronLast size={15} /></IconButton>
      <span className="bar-line" />
      <IconButton label={t("command.edit-undo")} keys={useKeys("edit-undo")} disabled={!undo} onClick={() => runCommand("edit-undo")} data-testid="undo"><Undo2 size={14} /></IconButton>
      <IconButton label={t("command.edit-redo")} keys={useKeys("edit-redo")} disabled={!redo} onClick={() => runCommand("edit-redo")} data-testid="redo"><Redo2 size={14} /></IconButton>
    </div>
  );
});

const Comparison = memo(function Comparison({ id, mode }: { readonly id: ModelId; readonly mode: CompareMode }): ReactNode {
  const { t } = useTranslation();
  return (
    <Segmented
      label={t("timeline.compare")}
      value={mode}
      options={(["none", "previous", "pinned"] as const).map((each) => ({ value: each, label: t(`timeline.compare-${each}`), hint: t(`timeline.compare-${each}-hint`) }))}
      onChange={(next: CompareMode) => act.setCompare(id, next)}
      testId="compare-mode"
    />
  );
});

interface CostProps {
  readonly metric: Metric;
  readonly a: CostView | undefined;
  readonly b: CostView | undefined;
  readonly chosen: boolean;
  readonly onChoose: (metric: Metric) => void;
}

const Cost = memo(function Cost({ metric, a, b, chosen, onChoose }: CostProps): ReactNode {
  const { t } = useTranslation();
  const [before, after] = [a?.[metric], b?.[metric]];
  const differs = before !== undefined && after !== undefined && before !== after;
  const better = differs && after < before;
  return (
    <button type="button" role="radio" aria-checked={chosen} className="cost" onClick={() => onChoose(metric)} title={differs ? `${show[metric](before)} → ${show[metric](after)}` : undefined} data-testid={`cost-${metric}`}>
      <span className="cost-label">{t(`cost.${metric}`)}</span>
      <span className={`cost-delta num ${differs ? (better ? "good" : "worse") : ""}`}>{differs ? change(metric, before, after) : ""}</span>
      <span className="cost-value num">{after === undefined ? "—" : metric === "flops" ? format.costFlops(b!) : show[metric](after)}</span>
    </button>
  );
});

function change(metric: Metric, before: number, after: number): string {
  if (metric === "nodes") return format.signed(after - before);
  const ratio = (after - before) / before;
  if (before === 0) return format.signed(after - before, show[metric]);
  if (Math.abs(ratio) < 0.001) return ratio < 0 ? "−<0.1 %" : "+<0.1 %";
  return format.signed(ratio * 100, (value) => `${value >= 10 ? value.toFixed(0) : value.toFixed(1)} %`);
}

/** Chooses among the ends of the timeline's branches, where an edit after undo has forked it. */
const Branches = memo(function Branches({ id, timeline, names }: { readonly id: ModelId; readonly timeline: TimelineView; readonly names: Notes["branches"] }): ReactNode {
  const { t } = useTranslation();
  const leaves = leavesOf(timeline);
  if (leaves.length < 2) return null;
  const current = timeline.branch.at(-1)!;
  return (
    <span className="branches" data-testid="branches">
      <GitBranch size={13} aria-hidden />
      <SelectBox
        small
        label={t("timeline.branch")}
        value={String(current)}
        options={leaves.map((leaf, index) => {
          const path = pathTo(timeline, leaf.id);
          const shared = positionOf(timeline, onBranch(timeline, leaf.id));
          return { value: String(leaf.id), label: names[leaf.id] ?? t("timeline.branch-name", { number: index + 1 }), hint: t("timeline.branch-hint", { steps: path.length - 1, rewrite: leaf.rewrite, shared }) };
        })}
        onChange={(chosen) => act.goTo(id, leaves.find((leaf) => String(leaf.id) === chosen)!.id)}
        testId="branch-select"
      />
    </span>
  );
});

export const timelinePanel = { id: "timeline", area: "bottom", icon: History, component: TimelinePanel } as const satisfies Panel;
