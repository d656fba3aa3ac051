/** Schedules of each layer as they were measured: what was tried, what won, and how near the roofline it comes. */
import type { TuningEntry, TuningLayer } from "@graphwright/compiler-core";
import { SlidersHorizontal, Timer } from "lucide-react";
import { useState, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { Button } from "../../design/button.tsx";
import * as format from "../../design/format.ts";
import { Name } from "../../design/name.tsx";
import { useRoving } from "../../design/roving.ts";
import { Empty } from "../../design/states.tsx";
import { scheduleIn } from "../../i18n/compiler.ts";
import { depthOf } from "../../state/steps.ts";
import { useStore } from "../../state/store.ts";
import { useModelTools } from "../../state/tools.ts";
import { gainOf, tuneModel } from "../../state/tune-model.ts";
import type { Panel, PanelProps } from "../panel.ts";
import { Trials } from "./trials.tsx";
import "./tuning.css";

const time = (ms: number): string => (ms < 0.1 ? `${(ms * 1000).toFixed(ms < 0.01 ? 1 : 0)} µs` : format.milliseconds(ms));

function TuningPanel({ model }: PanelProps): ReactNode {
  const { t } = useTranslation();
  const { tuning } = useModelTools(model.id);
  const compiler = useStore((state) => state.host?.capabilities.toolchain);
  const busy = useStore((state) => state.tasks.length > 0);
  const [picked, setPicked] = useState<string>();
  const chosen = tuning && (tuning.entries.get(picked ?? "") ?? tuning.layers.map((l) => tuning.entries.get(l.key)).find((e) => e !== undefined));
  const body = useRoving<HTMLTableSectionElement>("list");
  const machine = tuning && t("tuning.machine", { isa: tuning.machine.isa, gflops: tuning.machine.peakGflops.toFixed(0), compiler: tuning.machine.compiler });
  const done = tuning ? tuning.layers.filter((l) => tuning.entries.has(l.key) || tuning.single.has(l.key)).length : 0;
  return (
    <div className="measured tuning" data-testid="tuning-panel">
      <div className="sub-bar measured-bar">
        <Button small variant="primary" disabled={busy || !compiler} onClick={() => void tuneModel(model.id)} data-testid="run-tuning"><Timer size={12} aria-hidden /> {tuning && done < tuning.layers.length ? t("tuning.again") : t("tuning.run")}</Button>
        {tuning && (
          <>
            <span className="num" data-testid="tuning-progress">{t("tuning.progress", { done, count: tuning.layers.length })}</span>
            {tuning.entries.size > 0 && <span className="num" data-testid="tuning-gain">{t("tuning.gain", { ratio: gainOf(tuning).toFixed(2) })}</span>}
            <span className="spacer" />
            <span className="faint num tuning-machine" title={machine ?? undefined}>{machine}</span>
            <span className="faint">{t("profile.of-step", { step: depthOf(model.timeline, tuning.step) })}</span>
          </>
        )}
      </div>
      {!tuning && (compiler ? <Empty icon={SlidersHorizontal} title={t("tuning.empty-title")}>{t("tuning.empty")}</Empty> : <Empty icon={SlidersHorizontal} title={t("tuning.no-compiler-title")}>{t("tuning.no-compiler")}</Empty>)}
      {tuning && (
        <div className="measured-body">
          <div className="scroll measured-list">
            <table className="measured-table">
              <thead>
                <tr>
                  <th scope="col">{t("tuning.layer")}</th>
                  <th scope="col" className="num">{t("tuning.schedules")}</th>
                  <th scope="col" className="num">{t("tuning.rule")}</th>
                  <th scope="col" className="num">{t("tuning.chosen")}</th>
                  <th scope="col" className="num">{t("tuning.ratio")}</th>
                  <th scope="col" className="num">{t("tuning.of-possible")}</th>
                </tr>
              </thead>
              <tbody ref={body}>
                {tuning.layers.map((layer) => {
                  const entry = tuning.entries.get(layer.key);
                  const state = tuning.single.has(layer.key) ? t("tuning.single") : tuning.measuring === layer.key ? t("tuning.measuring") : t("tuning.waiting");
                  return <Row key={layer.key} layer={layer} entry={entry} state={state} chosen={entry !== undefined && entry === chosen} onChoose={() => setPicked(layer.key)} />;
                })}
              </tbody>
            </table>
          </div>
          {chosen && <Chosen entry={chosen} />}
        </div>
      )}
    </div>
  );
}

function Row({ layer, entry, state, chosen, onChoose }: { readonly layer: TuningLayer; readonly entry: TuningEntry | undefined; readonly state: string; readonly chosen: boolean; readonly onChoose: () => void }): ReactNode {
  const { t } = useTranslation();
  const rule = entry?.variants[0]?.medianMs ?? 0;
  return (
    <tr className={chosen ? "measured-chosen" : undefined} data-testid="tuning-row" data-measured={entry !== undefined}>
      <td><button type="button" data-row className="row-button" aria-current={chosen || undefined} disabled={!entry} onClick={onChoose} title={layer.nodes.join(", ")}><Name mono>{layer.op}</Name> <span className="faint measured-detail">{layer.shapes}{layer.nodes.length > 1 ? ` · ${layer.nodes.length}×` : ""}</span></button></td>
      {entry ? (
        <>
          <td className="num">{entry.variants.length}</td>
          <td className="num">{time(rule)}</td>
          <td className="num">{time(rule / entry.speedup)}</td>
          <td className="num">{entry.chosen === 0 ? <span className="faint">{t("tuning.stays")}</span> : `${entry.speedup.toFixed(2)} ± ${entry.noise.toFixed(2)}`}</td>
          <td className="num">{`${((100 * entry.possibleMs * entry.speedup) / rule).toFixed(0)} %`}</td>
        </>
      ) : (
        <td className="faint" colSpan={5}>{state}</td>
      )}
    </tr>
  );
}

/** The trials of one layer. */
function Chosen({ entry }: { readonly entry: TuningEntry }): ReactNode {
  const { t, i18n } = useTranslation();
  return (
    <figure className="measured-chart">
      <figcaption>
        <strong title={t("tuning.note", { pruned: entry.pruned })}>{t("tuning.trials")}</strong>
        <Name mono className="faint">{`${entry.op} ${entry.shapes}`}</Name>
      </figcaption>
      <Trials entry={entry} />
      <div className="scroll tuning-variants" tabIndex={0} role="region" aria-label={t("tuning.trials")}>
        <table className="measured-table">
          <thead>
            <tr>
              <th scope="col" title={t("tuning.labels")}>{t("tuning.schedule")}</th>
              <th scope="col" className="num">{t("tuning.estimate")}</th>
              <th scope="col" className="num">{t("tuning.median")}</th>
              <th scope="col" className="num">{t("tuning.error")}</th>
            </tr>
          </thead>
          <tbody>
            {entry.variants.map((v, i) => (
              <tr key={v.description} className={i === entry.chosen ? "measured-chosen" : undefined} data-testid="tuning-variant">
                <td><span className="tuning-schedule"><Name mono>{`${i + 1}  ${scheduleIn(v.description, i18n.language)}`}</Name>{i === 0 && <span className="faint">{t("tuning.by-rule")}</span>}</span></td>
                <td className="num">{time(v.estimateMs)}</td>
                <td className="num">{time(v.medianMs)}</td>
                <td className="num">{entry.wrong.includes(i) ? <strong className="tuning-wrong">{t("tuning.wrong")}</strong> : v.error === 0 ? "0" : v.error.toExponential(0)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <p className="faint tuning-note" title={t("tuning.note", { pruned: entry.pruned })}>{t("tuning.note", { pruned: entry.pruned })}</p>
    </figure>
  );
}

export const tuningPanel = { id: "tuning", area: "lower", icon: SlidersHorizontal, component: TuningPanel } as const satisfies Panel;
