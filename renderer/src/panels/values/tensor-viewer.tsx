import type { NodeId, TensorRef } from "@graphwright/compiler-core";
import { useEffect, useMemo, useState, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { Button } from "../../design/button.tsx";
import * as format from "../../design/format.ts";
import { Histogram } from "../../design/histogram.tsx";
import { Name } from "../../design/name.tsx";
import { Segmented } from "../../design/segmented.tsx";
import { SelectBox } from "../../design/select-box.tsx";
import { Empty, Failed, Loading } from "../../design/states.tsx";
import { query, useQuery } from "../../state/query.ts";
import { depthOf } from "../../state/steps.ts";
import type { ModelState } from "../../state/store.ts";
import { useModelTools } from "../../state/tools.ts";
import { NumbersGrid, type Slice } from "./numbers-grid.tsx";
import { HeatMap, Pictures } from "./planes.tsx";
import type { Choice } from "./values-panel.tsx";

const modes = ["numbers", "histogram", "heat", "image", "compare"] as const;
type Mode = (typeof modes)[number];

interface ViewerProps {
  readonly model: ModelState;
  readonly choices: readonly Choice[];
  readonly shown: Choice;
  readonly onChoose: (key: string) => void;
}

/** The axes that a tensor is first cut along: the last two. */
const firstSlice = (dims: readonly number[]): Slice => ({
  rowAxis: dims.length >= 2 ? dims.length - 2 : null,
  columnAxis: dims.length >= 1 ? dims.length - 1 : null,
  fixed: dims.map(() => 0),
});

/** One tensor: its numbers by slices, distribution, heat map or pictures; beside it what it was at step A. */
export function TensorViewer({ model, choices, shown, onChoose }: ViewerProps): ReactNode {
  const { t } = useTranslation();
  const [mode, setMode] = useState<Mode>("numbers");
  const { tensor } = shown;
  const { data, error } = useQuery("tensorStatistics", { tensor });
  const dims = data?.dims;
  const shape = dims?.join(",");
  const [slices, setSlices] = useState<Readonly<Record<string, Slice>>>({});
  const slice = shape === undefined ? undefined : (slices[shape] ?? firstSlice(dims!));
  const setSlice = (next: Slice): void => setSlices({ ...slices, [shape!]: next });
  return (
    <section className="tensor-viewer" aria-label={t("values.tensor")} data-testid="tensor-viewer" data-mode={mode}>
      <div className="sub-bar">
        <SelectBox small label={t("values.which")} value={shown.key} options={choices.map((choice) => ({ value: choice.key, label: choice.label, hint: choice.name }))} onChange={onChoose} testId="tensor-choice" />
        <span className="tensor-name"><Name mono>{format.withoutOutputSuffix(shown.name)}</Name></span>
        <span className="faint mono">{data?.type}</span>
        <span className="spacer" />
        <Segmented label={t("values.view")} value={mode} options={modes.map((each) => ({ value: each, label: t(`values.mode-${each}`) }))} onChange={setMode} testId="tensor-mode" />
      </div>
      {error ? <Failed title={t("error.tensor")} error={error} /> : !data || !slice ? <Loading /> : data.count === 0 ? <Empty title={t("values.no-elements")}>{data.type}</Empty> : (
        <>
          {(mode === "numbers" || mode === "heat" || mode === "compare") && data.dims.length > 0 && <Slicing dims={data.dims} slice={slice} onChange={setSlice} />}
          {mode === "numbers" && <NumbersGrid tensor={tensor} dims={data.dims} slice={slice} />}
          {mode === "histogram" && (data.statistics ? <Statistics view={data} /> : <Empty title={t("values.not-numeric")} />)}
          {mode === "heat" && (data.statistics ? <HeatMap tensor={tensor} dims={data.dims} slice={slice} statistics={data.statistics} /> : <Empty title={t("values.not-numeric")} />)}
          {mode === "image" && (data.statistics ? <Pictures tensor={tensor} dims={data.dims} statistics={data.statistics} /> : <Empty title={t("values.not-numeric")} />)}
          {mode === "compare" && <Compared model={model} shown={shown} dims={data.dims} slice={slice} onSlice={setSlice} />}
        </>
      )}
    </section>
  );
}

function Slicing({ dims, slice, onChange }: { readonly dims: readonly number[]; readonly slice: Slice; readonly onChange: (slice: Slice) => void }): ReactNode {
  const { t } = useTranslation();
  if (dims.length < 3) return null;
  const axes = dims.map((size, axis) => ({ value: String(axis), label: t("values.axis", { axis, size }) }));
  const setAxis = (which: "rowAxis" | "columnAxis", value: string): void => {
    const axis = Number(value);
    const other = which === "rowAxis" ? "columnAxis" : "rowAxis";
    // Choosing the other's axis exchanges the two.
    onChange({ ...slice, [which]: axis, ...(slice[other] === axis ? { [other]: slice[which] } : {}) });
  };
  return (
    <div className="slicing" data-testid="slicing">
      <span className="faint">{t("values.rows")}</span>
      <SelectBox small label={t("values.rows")} value={String(slice.rowAxis)} options={axes} onChange={(value) => setAxis("rowAxis", value)} />
      <span className="faint">{t("values.columns")}</span>
      <SelectBox small label={t("values.columns")} value={String(slice.columnAxis)} options={axes} onChange={(value) => setAxis("columnAxis", value)} />
      {dims.map((size, axis) =>
        axis === slice.rowAxis || axis === slice.columnAxis || size === 1 ? null : (
          <label key={axis}>
            <span className="faint">{t("values.index-of", { axis })}</span>
            <input className="input num" type="number" min={0} max={size - 1} value={slice.fixed[axis]} onChange={(event) => onChange({ ...slice, fixed: slice.fixed.with(axis, Math.max(0, Math.min(size - 1, Math.trunc(Number(event.target.value)) || 0))) })} data-testid="slice-index" />
          </label>
        ),
      )}
    </div>
  );
}

function Statistics({ view }: { readonly view: { readonly name: string; readonly count: number; readonly bytes: number; readonly statistics?: { readonly min: number; readonly max: number; readonly mean: number; readonly deviation: number; readonly zeros: number; readonly nans: number; readonly infinities: number; readonly distinct: number | null; readonly histogram: { readonly low: number; readonly high: number; readonly counts: readonly number[] } } } }): ReactNode {
  const { t } = useTranslation();
  const s = view.statistics!;
  const rows: readonly (readonly [string, string])[] = [
    [t("tensor.min"), format.number(s.min)], [t("tensor.max"), format.number(s.max)], [t("tensor.mean"), format.number(s.mean)], [t("tensor.deviation"), format.number(s.deviation)],
    [t("tensor.count"), format.count(view.count)], [t("tensor.bytes"), format.bytes(view.bytes)],
    [t("tensor.zeros"), `${format.count(s.zeros)} (${format.percent(s.zeros / view.count)})`], [t("tensor.distinct"), s.distinct === null ? "> 65 536" : format.count(s.distinct)],
    [t("tensor.nans"), format.count(s.nans)], [t("tensor.infinities"), format.count(s.infinities)],
  ];
  return (
    <div className="tensor-statistics scroll" role="group" aria-label={t("values.statistics-of", { name: view.name })} tabIndex={0}>
      <Histogram histogram={s.histogram} label={t("tensor.histogram", { name: view.name, low: format.number(s.min), high: format.number(s.max) })} />
      <dl>
        {rows.map(([label, value]) => <div key={label}><dt>{label}</dt><dd className="num">{value}</dd></div>)}
      </dl>
    </div>
  );
}

/** The tensor of step A that a tensor of step B continues: of the same name, else what it came from. */
async function counterpart(model: ModelState, shown: Choice, baseRun: ReturnType<typeof useModelTools>["baseRun"], signal: AbortSignal): Promise<TensorRef | null> {
  const { tensor } = shown;
  const from = await query("follow", { model: model.id, step: tensor.step, node: tensor.node, to: model.a }, signal);
  if (tensor.run !== undefined) {
    if (baseRun?.step !== model.a) return null;
    const { values, run } = baseRun.kept;
    const nodes = new Set<NodeId>(from.nodes);
    const found = values.find((value) => value.kept && value.name === shown.name) ?? values.findLast((value) => value.kept && nodes.has(value.node));
    return found ? { model: model.id, step: model.a, node: found.node, output: found.output, run } : null;
  }
  const own = await query("tensorStatistics", { tensor }, signal);
  for (const node of from.nodes) {
    const other: TensorRef = { model: model.id, step: model.a, node };
    try {
      if ((await query("tensorStatistics", { tensor: other }, signal)).dims.join() === own.dims.join()) return other;
    } catch (error) {
      // Not every node that a constant was made from is a constant.
      if (signal.aborted) throw error;
    }
  }
  return null;
}

interface ComparedProps {
  readonly model: ModelState;
  readonly shown: Choice;
  readonly dims: readonly number[];
  readonly slice: Slice;
  readonly onSlice: (slice: Slice) => void;
}

function Compared({ model, shown, dims, slice, onSlice }: ComparedProps): ReactNode {
  const { t } = useTranslation();
  const { baseRun } = useModelTools(model.id);
  const key = `${shown.key}/${shown.tensor.run ?? ""}/${model.a}/${model.b}/${baseRun?.kept.run ?? ""}`;
  const [found, setFound] = useState<{ readonly key: string; readonly tensor: TensorRef | null }>();
  useEffect(() => {
    const controller = new AbortController();
    counterpart(model, shown, baseRun, controller.signal).then(
      (tensor) => !controller.signal.aborted && setFound({ key, tensor }),
      () => !controller.signal.aborted && setFound({ key, tensor: null }),
    );
    return () => controller.abort();
  }, [key]); // eslint-disable-line react-hooks/exhaustive-deps -- the key names all that it depends on
  const other = found?.key === key ? found.tensor : undefined;
  const { data, error } = useQuery("compareTensors", other ? { a: other, b: shown.tensor } : null);
  const worst = data?.worst;
  const marked = useMemo(() => (worst ? worst.index : undefined), [worst]);
  if (model.a === model.b) return <Empty title={t("values.one-step")}>{t("values.one-step-hint")}</Empty>;
  if (shown.tensor.run !== undefined && baseRun?.step !== model.a) return <Empty title={t("values.not-run-before")}>{t("values.not-run-before-hint")}</Empty>;
  if (error) return <Failed title={t("error.tensor")} error={error} />;
  if (other === null) return <Empty title={t("values.no-counterpart")}>{t("values.no-counterpart-hint", { step: depthOf(model.timeline, model.a) })}</Empty>;
  if (!other || !data) return <Loading />;
  const toWorst = (): void => {
    if (worst) onSlice({ ...slice, fixed: worst.index });
  };
  return (
    <div className="compared" data-testid="tensor-compared" data-identical={data.identical}>
      <dl className="compared-numbers">
        <div><dt>{t("values.verdict")}</dt><dd className={data.identical ? "good" : data.mismatch ? "bad" : ""}>{data.identical ? t("check.identical") : (data.mismatch ?? t("values.differing", { count: data.differing, all: format.count(data.count) }))}</dd></div>
        <div><dt>{t("check.max-abs")}</dt><dd className="num">{format.error(data.maxAbs)}</dd></div>
        <div><dt>{t("check.max-rel")}</dt><dd className="num">{format.error(data.maxRel)}</dd></div>
        <div><dt>{t("check.max-ulp")}</dt><dd className="num">{format.number(data.maxUlp)}</dd></div>
        {worst && <div><dt>{t("check.worst")}</dt><dd className="num">[{worst.index.join(", ")}] {format.number(worst.a)} → {format.number(worst.b)} <Button small onClick={toWorst} data-testid="go-to-worst">{t("values.go-to-worst")}</Button></dd></div>}
      </dl>
      {data.histogram && <Histogram histogram={data.histogram} label={t("values.difference-histogram")} />}
      <NumbersGrid tensor={shown.tensor} before={other} dims={dims} slice={slice} marked={marked} />
    </div>
  );
}
