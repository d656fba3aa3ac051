/** Two steps, or two models, on two canvases beside each other: what stands where, and the bar above them. */
import { ArrowLeftRight, Columns2, Layers2, Link2, List, Square, Unlink2, X } from "lucide-react";
import { memo, useCallback, useEffect, useMemo, useState, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import type { ModelDiff, ModelId, NodeId, StepId, TimelineView } from "@graphwright/compiler-core";
import { Button, IconButton } from "../../design/button.tsx";
import * as format from "../../design/format.ts";
import { Name } from "../../design/name.tsx";
import { useRoving } from "../../design/roving.ts";
import { Segmented } from "../../design/segmented.tsx";
import { minZoomOf } from "../../graph/index.ts";
import * as act from "../../state/actions.ts";
import { besideOf, differenceOf, endComparison, setDifference, swapSides, type DifferenceMode, type Sides } from "../../state/beside.ts";
import { query, useQuery } from "../../state/query.ts";
import { leavesOf, pathTo, positionOf, stepOf } from "../../state/steps.ts";
import { setView, updateModel, useStore, type ModelState } from "../../state/store.ts";
import { otherSide, ViewLink, type Placed, type Side } from "./link.ts";

export interface PaneSide {
  readonly side: Side;
  /** the canvas that stays when there is only one */
  readonly main: boolean;
  readonly step: StepId;
  readonly against: { readonly model: ModelId; readonly step: StepId };
  readonly selected: readonly NodeId[];
  readonly onSelect: (nodes: readonly NodeId[]) => void;
  readonly link: ViewLink;
  readonly minZoom: number;
  readonly onDrawn: (drawn: Placed) => void;
  readonly isolated: readonly NodeId[];
}

/** More selected nodes than this are not looked for on the other side. */
const followed = 24;

/** What nodes of one step are in another one, by lineage. Until that is known: what has the same id. */
function useFollowed(model: ModelId | undefined, nodes: readonly NodeId[], from: StepId, to: StepId): readonly NodeId[] {
  const key = model === undefined || from === to || nodes.length === 0 ? "" : `${model}/${from}/${to}/${nodes.join()}`;
  const [found, setFound] = useState<{ readonly key: string; readonly nodes: readonly NodeId[] }>({ key: "", nodes });
  useEffect(() => {
    if (key === "" || model === undefined) return;
    const controller = new AbortController();
    Promise.all(nodes.slice(0, followed).map((node) => query("follow", { model, step: from, node, to }, controller.signal))).then(
      (answers) => setFound({ key, nodes: [...new Set(answers.flatMap((answer) => answer.nodes))] }),
      () => undefined,
    );
    return () => controller.abort();
  }, [key]); // eslint-disable-line react-hooks/exhaustive-deps -- all of it is in the key
  return key !== "" && found.key === key ? found.nodes : nodes;
}

const none: readonly NodeId[] = [];

/** Pairs of matched nodes, in both directions. */
function pairsOf({ pairs }: ModelDiff): Readonly<Record<Side, ReadonlyMap<NodeId, NodeId>>> {
  const [before, after] = [new Map<NodeId, NodeId>(), new Map<NodeId, NodeId>()];
  pairs.a.forEach((a, i) => {
    before.set(a, pairs.b[i]!);
    after.set(pairs.b[i]!, a);
  });
  return { before, after };
}

/** What the two canvases of a model show; undefined while there is one. */
export function useSides(model: ModelState | undefined): { readonly sides: Sides; readonly pane: (side: Side) => PaneSide } | undefined {
  const other = useStore((state) => (model?.against ? state.models[model.against.model] : undefined));
  const beside = useStore((state) => state.view.difference === "beside");
  const linked = useStore((state) => state.view.linked);
  const [link] = useState(() => new ViewLink());
  const sides = useMemo(() => (model ? besideOf(model, other, beside) : undefined), [model, other, beside]);
  const params = sides ? { a: { model: sides.before.model.id, step: sides.before.step }, b: { model: sides.after.model.id, step: sides.after.step } } : null;
  const { data } = useQuery("diffModels", sides?.models ? params : null);
  const pairs = useMemo(() => data && pairsOf(data), [data]);

  // Steps share one selection, carried by lineage; each model has its own.
  const steps = sides && !sides.models ? sides.before.model : undefined;
  const selectedBefore = useFollowed(steps?.id, steps?.selected ?? none, steps?.selectedStep ?? 0, sides?.before.step ?? 0);
  const selectedAfter = useFollowed(steps?.id, steps?.selected ?? none, steps?.selectedStep ?? 0, sides?.after.step ?? 0);
  const isolatedBefore = useFollowed(steps?.id, steps?.isolation?.nodes ?? none, sides?.after.step ?? 0, sides?.before.step ?? 0);
  const selected: Readonly<Record<Side, readonly NodeId[]>> = steps ? { before: selectedBefore, after: selectedAfter } : { before: sides?.before.model.selected ?? none, after: sides?.after.model.selected ?? none };
  const [chosenBefore, chosenAfter] = [selected.before[0], selected.after[0]];
  useEffect(() => {
    link.setPairs(sides?.models ? (pairs?.before ?? new Map()) : undefined, chosenBefore === undefined || chosenAfter === undefined ? undefined : [chosenBefore, chosenAfter]);
  }, [link, sides?.models, pairs, chosenBefore, chosenAfter]);
  useEffect(() => link.setLinked(linked), [link, linked]);
  const home = sides && (sides.models && model?.against ? model.against.inspected : sides.main);
  useEffect(() => {
    if (home) link.home = home;
  }, [link, home]);
  useEffect(() => {
    if (sides) link.lead(sides.main);
  }, [link, sides?.main]); // eslint-disable-line react-hooks/exhaustive-deps -- only when the canvases change places

  // Both can be as far away as the larger graph needs.
  const [floors, setFloors] = useState<Readonly<Record<Side, number>>>({ before: 1, after: 1 });
  const drew = useCallback(
    (side: Side, drawn: Placed): void => {
      link.drew(side, drawn);
      const floor = minZoomOf(drawn.layout.bounds);
      setFloors((before) => (before[side] === floor ? before : { ...before, [side]: floor }));
    },
    [link],
  );
  const drewOn = useMemo(() => ({ before: (drawn: Placed) => drew("before", drawn), after: (drawn: Placed) => drew("after", drawn) }), [drew]);
  if (!sides) return undefined;
  const select = (side: Side, nodes: readonly NodeId[]): void => {
    const here = sides[side];
    act.select(here.model.id, nodes, here.step);
    if (!sides.models) return;
    const there = sides[otherSide(side)];
    const matches = nodes.flatMap((node) => pairs?.[side].get(node) ?? []);
    act.select(there.model.id, matches, there.step);
    updateModel(sides[sides.main].model.id, ({ against }) => ({ against: against && { ...against, inspected: side } }));
  };
  return {
    sides,
    pane: (side) => {
      const there = sides[otherSide(side)];
      return {
        side,
        main: side === sides.main,
        step: sides[side].step,
        against: { model: there.model.id, step: there.step },
        selected: selected[side],
        onSelect: (nodes) => select(side, nodes),
        link,
        minZoom: Math.min(floors.before, floors.after),
        onDrawn: drewOn[side],
        isolated: side === sides.main ? (sides[side].model.isolation?.nodes ?? none) : steps ? isolatedBefore : none,
      };
    },
  };
}

const modes = ["off", "overlay", "beside"] as const satisfies readonly DifferenceMode[];
const modeIcons: Readonly<Record<DifferenceMode, ReactNode>> = { off: <Square size={13} />, overlay: <Layers2 size={13} />, beside: <Columns2 size={13} /> };

/** Off, overlaid, or side by side. */
export function DifferenceControl({ model }: { readonly model: ModelState }): ReactNode {
  return <DifferenceModes id={model.id} value={useStore((state) => differenceOf(state, model))} />;
}

const DifferenceModes = memo(function DifferenceModes({ id, value }: { readonly id: ModelId; readonly value: DifferenceMode }): ReactNode {
  const { t } = useTranslation();
  return (
    <Segmented
      label={t("beside.control")}
      value={value}
      options={modes.map((mode) => ({ value: mode, icon: modeIcons[mode], label: t(`beside.${mode}`), hint: t(`beside.${mode}-hint`) }))}
      onChange={(mode) => setDifference(id, mode)}
      testId="difference-mode"
    />
  );
});

/** Above the two canvases: how they are shown, and what moves together. */
export function BesideBar({ model, sides }: { readonly model: ModelState; readonly sides: Sides }): ReactNode {
  const { t } = useTranslation();
  const linked = useStore((state) => state.view.linked);
  const bar = useRoving<HTMLDivElement>("bar");
  return (
    <div ref={bar} className="graph-tools beside-bar" role="toolbar" aria-label={t("beside.bar")} data-testid="beside-bar">
      <IconButton label={t("command.rewrite-compare-link")} keys="L" pressed={linked} onClick={() => setView({ linked: !linked })} data-testid="link-views">{linked ? <Link2 size={14} /> : <Unlink2 size={14} />}</IconButton>
      <IconButton label={t("command.rewrite-compare-swap")} onClick={() => swapSides(model.id)} data-testid="swap-sides"><ArrowLeftRight size={14} /></IconButton>
      <Button small variant="quiet" onClick={() => setView({ lower: "differences", showLower: true })} data-testid="show-differences"><List size={13} aria-hidden /> {t("beside.list")}</Button>
      <span className="spacer" />
      {sides.models ? (
        <Button small onClick={() => endComparison(model.id)} data-testid="end-comparison"><X size={13} aria-hidden /> {t("beside.end")}</Button>
      ) : (
        <DifferenceControl model={model} />
      )}
    </div>
  );
}

/** What a canvas shows: a step that can be chosen among all branches, or a model. */
export function PlaceOf({ sides, side }: { readonly sides: Sides; readonly side: Side }): ReactNode {
  const { t } = useTranslation();
  const { model, step } = sides[side];
  return (
    <span className="place" data-testid={`place-${side}`}>
      <span className={`place-side place-${side}`}>{t(`beside.${side}`)}</span>
      {sides.models && <Name className="place-name">{model.name}</Name>}
      {(!sides.models || model.timeline.steps.length > 1) && (
        <StepSelect
          model={model}
          step={step}
          label={t(`beside.step-${side}`)}
          testId={`step-${side}`}
          onChange={(next) => (sides.models || side === sides.main ? act.goTo(model.id, next) : act.compareWith(model.id, next))}
        />
      )}
    </span>
  );
}

interface StepSelectProps {
  readonly model: ModelState;
  readonly step: StepId;
  readonly label: string;
  readonly testId: string;
  readonly onChange: (step: StepId) => void;
}

/** Steps of each branch from where it leaves those before it. */
function stepsByBranch(timeline: TimelineView): readonly { readonly leaf: StepId; readonly number: number; readonly steps: readonly StepId[] }[] {
  const seen = new Set(timeline.branch);
  const leaves = leavesOf(timeline);
  const groups = [{ leaf: timeline.branch.at(-1)!, number: leaves.findIndex(({ id }) => id === timeline.branch.at(-1)) + 1, steps: timeline.branch as readonly StepId[] }];
  leaves.forEach(({ id }, index) => {
    const steps = pathTo(timeline, id).filter((each) => !seen.has(each));
    steps.forEach((each) => seen.add(each));
    if (steps.length > 0) groups.push({ leaf: id, number: index + 1, steps });
  });
  return groups;
}

/** A native list: some models have a thousand steps. */
function StepSelect({ model, step, label, testId, onChange }: StepSelectProps): ReactNode {
  const { t } = useTranslation();
  const catalog = useStore((state) => state.catalog);
  const { timeline } = model;
  const groups = useMemo(() => stepsByBranch(timeline), [timeline]);
  const titles = useMemo(() => new Map(catalog?.rewrites.map(({ name, title }) => [name, title])), [catalog]);
  const option = (id: StepId): ReactNode => {
    const view = stepOf(timeline, id);
    const depth = positionOf(timeline, id) >= 0 ? positionOf(timeline, id) : pathTo(timeline, id).length - 1;
    const title = view?.parent === null ? t("timeline.imported") : `${titles.get(view!.rewrite) ?? view!.rewrite} ${format.withoutOutputSuffix(view!.site)}`;
    return <option key={id} value={id}>{`${depth} · ${title}`}</option>;
  };
  return (
    <select className="step-select" aria-label={label} value={step} disabled={model.changing !== null} onChange={(event) => onChange(Number(event.target.value))} data-testid={testId}>
      {groups.length === 1
        ? groups[0]!.steps.map(option)
        : groups.map(({ leaf, number, steps }) => <optgroup key={leaf} label={model.notes.branches[leaf] ?? t("timeline.branch-name", { number })}>{steps.map(option)}</optgroup>)}
    </select>
  );
}
