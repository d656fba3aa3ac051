/** What differs between the two steps that are compared, or between two models: one row a node, with what of it changed. */
import { Check, Diff } from "lucide-react";
import { useEffect, useId, useMemo, useRef, useState, type KeyboardEvent, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import type { DiffNode, ModelDiff, NodeDifference, NodeId } from "@graphwright/compiler-core";
import * as format from "../../design/format.ts";
import { Name } from "../../design/name.tsx";
import { Empty, Failed, Loading } from "../../design/states.tsx";
import { besideOf, showDifference, type Sides } from "../../state/beside.ts";
import { useQuery, useSettled } from "../../state/query.ts";
import { useStore } from "../../state/store.ts";
import type { Panel, PanelProps } from "../panel.ts";
import "./differences.css";

const rowHeight = 26;
/** Rows drawn above and below those in view. */
const spare = 8;
const marks = ["added", "removed", "changed"] as const;
type Mark = (typeof marks)[number];
const signs = { added: "+", removed: "−", changed: "~" } as const;

interface Row {
  readonly mark: Mark;
  readonly before?: DiffNode;
  readonly after?: DiffNode;
  readonly differences: readonly NodeDifference[];
}

const rowsOf = ({ added, removed, changed }: ModelDiff): readonly Row[] => [
  ...changed.map(({ a, b, differences }): Row => ({ mark: "changed", before: a, after: b, differences })),
  ...removed.map((node): Row => ({ mark: "removed", before: node, differences: [] })),
  ...added.map((node): Row => ({ mark: "added", after: node, differences: [] })),
];

/** The selected node of each side. */
function selectedOn({ before, after, models }: Sides): { readonly before?: NodeId; readonly after?: NodeId } {
  if (models) return { ...(before.model.selected[0] === undefined ? {} : { before: before.model.selected[0] }), ...(after.model.selected[0] === undefined ? {} : { after: after.model.selected[0] }) };
  const { selected: [node], selectedStep } = after.model;
  return node === undefined ? {} : selectedStep === before.step ? { before: node } : selectedStep === after.step ? { after: node } : {};
}

function DifferencesPanel({ model }: PanelProps): ReactNode {
  const { t } = useTranslation();
  const other = useStore((state) => (model.against ? state.models[model.against.model] : undefined));
  const sides = besideOf(model, other, true)!;
  const { before, after } = sides;
  // Not for every step that a held key passes.
  const asked = useSettled(`${before.model.id} ${before.step} ${after.model.id} ${after.step}`);
  const same = before.model === after.model && before.step === after.step;
  const params = useMemo(() => {
    const [a, stepA, b, stepB] = asked.split(" ") as [string, string, string, string];
    return { a: { model: a, step: Number(stepA) }, b: { model: b, step: Number(stepB) } };
  }, [asked]);
  const { data, error } = useQuery("diffModels", same ? null : params);
  if (same) return <Empty icon={Diff} title={t("differences.none-compared-title")}>{t("differences.none-compared")}</Empty>;
  if (error !== undefined) return <Failed title={t("error.differences")} error={error} />;
  if (!data) return <Loading label={t("differences.comparing")} />;
  return <Differences key={asked} id={model.id} diff={data} sides={sides} />;
}

function Differences({ id, diff, sides }: { readonly id: string; readonly diff: ModelDiff; readonly sides: Sides }): ReactNode {
  const { t } = useTranslation();
  const name = useId();
  const all = useMemo(() => rowsOf(diff), [diff]);
  const [hidden, setHidden] = useState<ReadonlySet<Mark>>(new Set());
  const rows = useMemo(() => all.filter(({ mark }) => !hidden.has(mark)), [all, hidden]);
  // The row of the selected node, wherever it was selected.
  const selected = selectedOn(sides);
  const current = useMemo(() => {
    const { before, after } = selected;
    return before === undefined && after === undefined ? -1 : rows.findIndex((row) => (after !== undefined && row.after?.id === after) || (before !== undefined && row.before?.id === before));
  }, [rows, selected.before, selected.after]); // eslint-disable-line react-hooks/exhaustive-deps -- made anew each time
  const box = useRef<HTMLDivElement>(null);
  const [view, setView] = useState({ top: 0, height: 400 });
  useEffect(() => {
    if (!box.current) return;
    const observer = new ResizeObserver(([entry]) => setView((before) => ({ ...before, height: entry!.contentRect.height })));
    observer.observe(box.current);
    return () => observer.disconnect();
  }, [rows.length === 0]); // eslint-disable-line react-hooks/exhaustive-deps -- the list is there when it has rows
  const first = Math.max(0, Math.floor(view.top / rowHeight) - spare);
  const end = Math.min(rows.length, Math.ceil((view.top + view.height) / rowHeight) + spare);

  useEffect(() => {
    const list = box.current;
    if (!list || current < 0) return;
    if (current * rowHeight < list.scrollTop) list.scrollTop = current * rowHeight;
    else if ((current + 1) * rowHeight > list.scrollTop + list.clientHeight) list.scrollTop = (current + 1) * rowHeight - list.clientHeight;
  }, [current]);

  const go = (index: number): void => {
    const row = rows[index];
    if (!row) return;
    showDifference(id, { ...(row.before ? { before: row.before.id } : {}), ...(row.after ? { after: row.after.id } : {}) });
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    const page = Math.max(1, Math.floor(view.height / rowHeight) - 1);
    const to: Readonly<Record<string, number>> = { ArrowDown: current + 1, ArrowUp: Math.max(0, current - 1), PageDown: current + page, PageUp: current - page, Home: 0, End: rows.length - 1, Enter: Math.max(0, current) };
    const next = to[event.key];
    if (next === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    event.stopPropagation();
    go(Math.max(0, Math.min(rows.length - 1, next)));
  };
  const describe = ({ mark, before, after, differences }: Row): string =>
    [t(`mark.${mark}`), (after ?? before)!.op, (after ?? before)!.name, ...differences.slice(0, 3).map((each) => t("differences.spoken", { field: fieldName(each), change: changeOf(each) }))].join(", ");
  const fieldName = ({ field, label }: NodeDifference): string => `${t(`differences.field-${field}`)}${label === "" ? "" : ` ${label}`}`;
  const changeOf = ({ before, after, elements }: NodeDifference): string => {
    if (!elements) return `${before === "" ? t("differences.nothing") : before} → ${after === "" ? t("differences.nothing") : after}`;
    const counts = { differing: format.count(elements.differing), of: format.count(elements.of) };
    return elements.largest === undefined ? t("differences.elements", counts) : t("differences.elements-by", { ...counts, largest: format.number(elements.largest) });
  };
  const shown = rows[current];
  const counts = { added: diff.added.length, removed: diff.removed.length, changed: diff.changed.length };

  return (
    <div className="differences" data-testid="differences" data-added={counts.added} data-removed={counts.removed} data-changed={counts.changed}>
      <div className="differences-bar">
        <div className="button-row" role="group" aria-label={t("differences.kinds")}>
          {marks.map((mark) => (
            <button
              key={mark}
              type="button"
              className={`mark mark-${mark} num difference-kind`}
              aria-pressed={!hidden.has(mark)}
              disabled={counts[mark] === 0}
              onClick={() => setHidden((before) => { const next = new Set(before); if (!next.delete(mark)) next.add(mark); return next; })}
              data-testid={`differences-${mark}`}
            >
              {signs[mark]} {t(`differences.${mark}`, { count: counts[mark], number: format.count(counts[mark]) })}
            </button>
          ))}
        </div>
        <span className="faint num differences-matched">{t("differences.matched", { matched: format.count(diff.matched), before: format.count(diff.nodes[0]), after: format.count(diff.nodes[1]) })}</span>
      </div>
      {all.length === 0 ? (
        <Empty icon={Check} title={t("differences.same-title")}>{t("differences.same", { count: diff.matched, number: format.count(diff.matched) })}</Empty>
      ) : (
        <div className="differences-body">
          <div
            ref={box}
            className="differences-list"
            role="listbox"
            tabIndex={0}
            aria-label={t("differences.list")}
            aria-activedescendant={shown ? `${name}-${current}` : undefined}
            onKeyDown={onKeyDown}
            onScroll={(event) => { const { scrollTop } = event.currentTarget; setView((before) => ({ ...before, top: scrollTop })); }}
            data-testid="differences-list"
          >
            <div role="presentation" style={{ height: rows.length * rowHeight }}>
              {Array.from({ length: Math.max(0, end - first) }, (_, i) => first + i).concat(shown && (current < first || current >= end) ? [current] : []).map((index) => {
                const row = rows[index]!;
                const node = (row.after ?? row.before)!;
                return (
                  <div
                    key={index}
                    id={`${name}-${index}`}
                    role="option"
                    aria-selected={index === current}
                    aria-setsize={rows.length}
                    aria-posinset={index + 1}
                    aria-label={describe(row)}
                    className="difference"
                    style={{ top: index * rowHeight }}
                    onClick={() => go(index)}
                    data-mark={row.mark}
                    data-testid="difference"
                  >
                    <span className={`difference-sign mark-${row.mark}`} aria-hidden>{signs[row.mark]}</span>
                    <span className="difference-op">{row.before && row.after && row.before.op !== row.after.op ? `${row.before.op} → ${row.after.op}` : node.op}</span>
                    <Name mono className="difference-name">{node.name}</Name>
                    {row.differences[0] && (
                      <span className="difference-what faint">
                        <span>{fieldName(row.differences[0])}: {changeOf(row.differences[0])}</span>
                        {row.differences.length > 1 && <span className="num difference-more">+{row.differences.length - 1}</span>}
                      </span>
                    )}
                  </div>
                );
              })}
            </div>
          </div>
          <section className="difference-detail" aria-label={t("differences.detail")} tabIndex={0} data-testid="difference-detail">
            {shown ? (
              <>
                <h3>
                  <span className={`mark mark-${shown.mark}`}>{t(`mark.${shown.mark}`)}</span> {(shown.after ?? shown.before)!.op} <Name mono>{(shown.after ?? shown.before)!.name}</Name>
                </h3>
                {shown.before && shown.after && shown.before.name !== shown.after.name && <p className="faint">{t("differences.other-name", { name: shown.before.name })}</p>}
                {shown.mark !== "changed" && <p className="faint">{t(`differences.only-${shown.mark === "added" ? "after" : "before"}`, { name: sides.models ? sides[shown.mark === "added" ? "after" : "before"].model.name : t(`beside.${shown.mark === "added" ? "after" : "before"}`) })}</p>}
                {shown.differences.length > 0 && (
                  <dl>
                    {shown.differences.map((each) => (
                      <div key={`${each.field} ${each.label}`}>
                        <dt>{t(`differences.field-${each.field}`)} {each.label !== "" && <span className="mono">{each.label}</span>}</dt>
                        {each.elements ? <dd>{changeOf(each)}<br /><span className="faint mono">{each.before}</span></dd> : (
                          <dd className="mono"><del>{each.before === "" ? t("differences.nothing") : each.before}</del> <ins>{each.after === "" ? t("differences.nothing") : each.after}</ins></dd>
                        )}
                      </div>
                    ))}
                  </dl>
                )}
              </>
            ) : (
              <p className="faint">{t("differences.choose")}</p>
            )}
          </section>
        </div>
      )}
    </div>
  );
}

export const differencesPanel = { id: "differences", area: "lower", icon: Diff, component: DifferencesPanel } as const satisfies Panel;
