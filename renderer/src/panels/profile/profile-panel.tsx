/** Where the time of the generated code goes: a bar for each kernel, and what the machine could do. */
import type { ProfileRow } from "@graphwright/compiler-core";
import { Gauge, Timer } from "lucide-react";
import { useCallback, useMemo, useState, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { Button } from "../../design/button.tsx";
import * as format from "../../design/format.ts";
import { Name } from "../../design/name.tsx";
import { useRoving } from "../../design/roving.ts";
import { Segmented } from "../../design/segmented.tsx";
import { Empty } from "../../design/states.tsx";
import { showNode } from "../../state/bisect.ts";
import { profileModel } from "../../state/profile-model.ts";
import { depthOf } from "../../state/steps.ts";
import { setView, useStore } from "../../state/store.ts";
import { useModelTools } from "../../state/tools.ts";
import type { Panel, PanelProps } from "../panel.ts";
import { Roofline } from "./roofline.tsx";
import "./profile.css";

/** More rows are shown when asked for. */
const firstRows = 200;

const time = (ms: number): string => (ms < 0.1 ? `${(ms * 1000).toFixed(ms < 0.01 ? 1 : 0)} µs` : format.milliseconds(ms));
const share = (part: number): string => `${(100 * part).toFixed(part < 0.0995 ? 1 : 0)} %`;

function ProfilePanel({ model }: PanelProps): ReactNode {
  const { t } = useTranslation();
  const { profile } = useModelTools(model.id);
  const heat = useStore((state) => state.view.heat);
  const busy = useStore((state) => state.tasks.length > 0);
  const [order, setOrder] = useState<"time" | "run">("time");
  const [chosen, setChosen] = useState<number>();
  const [all, setAll] = useState(false);
  const view = profile?.view;
  const rows = useMemo(() => {
    const indexed = view?.rows.map((row, index) => ({ row, index })) ?? [];
    return order === "time" ? indexed.sort((a, b) => b.row.milliseconds - a.row.milliseconds) : indexed;
  }, [view, order]);
  const step = profile?.step;
  const { id } = model;
  const choose = useCallback(
    (index: number): void => {
      setChosen(index);
      const node = view?.rows[index]?.nodes[0];
      if (node !== undefined && step !== undefined) showNode(id, node, step);
    },
    [view, step, id],
  );
  const body = useRoving<HTMLTableSectionElement>("list");
  const longest = Math.max(...(view?.rows.map((row) => row.milliseconds) ?? []), 0);
  const machine = view && t("profile.machine", { gflops: view.peak.gflops.toFixed(1), memory: view.peak.memoryGBps.toFixed(1), cache: view.peak.cacheGBps.toFixed(1) });
  const note = view && t("profile.note", { simd: view.relaxedSimd ? t("profile.relaxed") : t("profile.simd") });
  return (
    <div className="measured profile" data-testid="profile-panel">
      <div className="sub-bar measured-bar">
        <Button small variant="primary" disabled={busy} onClick={() => void profileModel(id)} data-testid="run-profile"><Timer size={12} aria-hidden /> {view ? t("profile.again") : t("profile.run")}</Button>
        {view && profile && (
          <>
            <Segmented label={t("profile.order")} value={order} options={[{ value: "time", label: t("profile.by-time") }, { value: "run", label: t("profile.by-run") }]} onChange={setOrder} testId="profile-order" />
            <Button small aria-pressed={heat === "time"} onClick={() => setView({ heat: heat === "time" ? "none" : "time" })} data-testid="profile-heat">{t("profile.heat")}</Button>
            <span className="spacer" />
            <span className="num" data-testid="profile-total">{t("profile.total", { time: time(view.milliseconds), count: view.runs })}</span>
            <span className="faint profile-of">{t("profile.of-step", { step: depthOf(model.timeline, profile.step) })}</span>
          </>
        )}
      </div>
      {!view && <Empty icon={Gauge} title={t("profile.empty-title")}>{t("profile.empty")}</Empty>}
      {view && (
        <div className="measured-body">
          <div className="scroll measured-list">
            <table className="measured-table">
              <thead>
                <tr>
                  <th scope="col">{t("profile.kernel")}</th>
                  <th scope="col" className="num">{t("profile.time")}</th>
                  <th scope="col" className="num">{t("profile.share")}</th>
                  <th scope="col"><span className="unseen">{t("profile.bar")}</span></th>
                  <th scope="col" className="num">{t("profile.rate")}</th>
                  <th scope="col" className="num">{t("profile.of-possible")}</th>
                  <th scope="col">{t("profile.bound")}</th>
                </tr>
              </thead>
              <tbody ref={body}>
                {(all ? rows : rows.slice(0, firstRows)).map(({ row, index }) => (
                  <Row key={index} row={row} total={view.milliseconds} longest={longest} chosen={index === chosen} onChoose={() => choose(index)} />
                ))}
              </tbody>
            </table>
            {!all && rows.length > firstRows && <button type="button" className="link-button profile-more" onClick={() => setAll(true)}>{t("profile.all", { count: rows.length })}</button>}
          </div>
          <figure className="measured-chart">
            <figcaption>
              <strong title={note}>{t("profile.roofline")}</strong>
              <span className="faint num" title={`${machine}\n${note}`}>{machine}</span>
            </figcaption>
            <Roofline view={view} chosen={chosen} onChoose={choose} />
            <p className="faint profile-note">{note}</p>
          </figure>
        </div>
      )}
    </div>
  );
}

function Row({ row, total, longest, chosen, onChoose }: { readonly row: ProfileRow; readonly total: number; readonly longest: number; readonly chosen: boolean; readonly onChoose: () => void }): ReactNode {
  const { t } = useTranslation();
  const reached = row.milliseconds > 0 ? Math.min(1, row.possible / row.milliseconds) : undefined;
  return (
    <tr className={chosen ? "measured-chosen" : undefined} data-testid="profile-row">
      <td><button type="button" data-row className="row-button" aria-current={chosen || undefined} onClick={onChoose} disabled={row.nodes.length === 0} title={row.nodes.length === 0 ? t("profile.no-node") : undefined}><Name mono>{row.name}</Name> <span className="faint measured-detail">{row.op.replace(/^graphwright\./, "")}</span></button></td>
      <td className="num">{time(row.milliseconds)}</td>
      <td className="num">{total > 0 ? share(row.milliseconds / total) : ""}</td>
      <td className="profile-bar-cell">
        <span className="profile-track" style={{ inlineSize: `${longest > 0 ? (100 * row.milliseconds) / longest : 0}%` }}>
          {reached !== undefined && <span className="profile-possible" style={{ inlineSize: `${100 * reached}%` }} />}
        </span>
      </td>
      <td className="num">{row.flops && row.milliseconds > 0 ? (row.flops / row.milliseconds / 1e6).toFixed(1) : "–"}</td>
      <td className="num">{reached === undefined ? "–" : share(reached)}</td>
      <td className="faint">{t(`profile.bound-${row.bound}`)}</td>
    </tr>
  );
}

export const profilePanel = { id: "profile", area: "lower", icon: Gauge, component: ProfilePanel } as const satisfies Panel;
