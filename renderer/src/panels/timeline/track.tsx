import type { StepId } from "@graphwright/compiler-core";
import { useEffect, useMemo, useRef, useState, type KeyboardEvent, type PointerEvent, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import * as act from "../../state/actions.ts";
import { useQuery } from "../../state/query.ts";
import { blocksOf, branchOf, depthOf, passEnds, positionOf, stepOf } from "../../state/steps.ts";
import { useStore, type ModelState } from "../../state/store.ts";
import type { Metric } from "./timeline-panel.tsx";

const padding = 14;
const height = 50;
const trackY = 40;
const presences = ["appeared", "changed", "unchanged", "absent"] as const;
type Presence = (typeof presences)[number];

/** The slider: sparkline above, passes as bands, a tick for each step, handle A (base) and handle B (shown). */
export function Track({ model, metric }: { readonly model: ModelState; readonly metric: Metric }): ReactNode {
  const { t } = useTranslation();
  const catalog = useStore((state) => state.catalog);
  const host = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(600);
  useEffect(() => {
    const observer = new ResizeObserver(([entry]) => setWidth(entry!.contentRect.width));
    observer.observe(host.current!);
    return () => observer.disconnect();
  }, []);

  const { timeline, a, b } = model;
  const { branch } = timeline;
  const last = branch.length - 1;
  const elsewhere = branchOf(timeline, a);
  const [atA, atB] = [Math.max(0, positionOf(timeline, a)), Math.max(0, positionOf(timeline, b))];
  const x = (position: number): number => padding + (last === 0 ? 0 : (position / last) * (width - 2 * padding));
  const node = model.selected[0];
  const presence = useQuery("presence", node === undefined ? null : { model: model.id, step: model.selectedStep, node });
  const presenceOf = useMemo(() => (presence.data ? new Map(presence.data.steps) : undefined), [presence.data]);

  const blocks = useMemo(() => blocksOf(timeline), [timeline]);
  const ticks = useMemo(() => {
    const paths: Record<Presence | "plain", string> = { appeared: "", changed: "", unchanged: "", absent: "", plain: "" };
    const at = (position: number): number => padding + (last === 0 ? 0 : (position / last) * (width - 2 * padding));
    // Two ticks closer than a pixel are one, unless they say different things.
    let drawn = -Infinity;
    let drawnKind = "";
    branch.forEach((id, position) => {
      const kind = presenceOf ? (presenceOf.get(id) ?? "absent") : "plain";
      const px = Math.round(at(position)) + 0.5;
      if (px - drawn < 1 && kind === drawnKind) return;
      drawn = px;
      drawnKind = kind;
      const half = kind === "appeared" || kind === "changed" ? 6 : kind === "absent" ? 2 : 4;
      paths[kind] += `M${px} ${trackY - half}v${2 * half}`;
    });
    return paths;
  }, [branch, presenceOf, width, last]);

  const spark = useMemo(() => {
    const values = branch.map((id) => stepOf(timeline, id)?.cost[metric]);
    const known = values.filter((value) => value !== undefined);
    if (known.length < 2) return undefined;
    const [low, high] = [Math.min(...known), Math.max(...known)];
    const at = (position: number): number => padding + (position / last) * (width - 2 * padding);
    const y = (value: number): number => (high === low ? 14 : 4 + (1 - (value - low) / (high - low)) * 22);
    let line = "";
    values.forEach((value, position) => {
      if (value === undefined) return;
      line += line === "" ? `M${at(position).toFixed(1)} ${y(value).toFixed(1)}` : `H${at(position).toFixed(1)}V${y(value).toFixed(1)}`;
    });
    return { line, area: `${line}V${trackY - 8}H${padding}Z` };
  }, [branch, timeline, metric, width, last]);

  const bands = useMemo(() => {
    const at = (position: number): number => padding + (last === 0 ? 0 : (position / last) * (width - 2 * padding));
    return blocks.map((block, index) => {
      const [first, end] = [at(positionOf(timeline, block.from)), at(positionOf(timeline, block.to))];
      if (end - first < 1) return null;
      return <rect key={block.key} className={`band band-${block.kind} ${index % 2 ? "band-odd" : ""}`} x={first} y={trackY - 3} width={end - first} height={6} rx={1.5}><title>{block.kind === "run" ? block.run.pass : t("pipeline.by-hand")}</title></rect>;
    });
  }, [blocks, timeline, width, last, t]);

  const positionAt = (event: PointerEvent): number => {
    const box = host.current!.getBoundingClientRect();
    const fraction = (event.clientX - box.left - padding) / Math.max(1, box.width - 2 * padding);
    return Math.round(Math.max(0, Math.min(1, fraction)) * last);
  };
  const move = (handle: "a" | "b", position: number): void => {
    const id = branch[Math.max(0, Math.min(last, position))]!;
    if (handle === "a") act.compareWith(model.id, id);
    else act.goTo(model.id, id);
  };
  const down = (event: PointerEvent<HTMLElement>): void => {
    if (event.button !== 0) return;
    event.stopPropagation();
    event.currentTarget.setPointerCapture(event.pointerId);
  };
  const drag = (handle: "a" | "b") => (event: PointerEvent<HTMLElement>): void => {
    if (event.currentTarget.hasPointerCapture(event.pointerId)) move(handle, positionAt(event));
  };
  const key = (handle: "a" | "b", at: number) => (event: KeyboardEvent): void => {
    const ends = passEnds(timeline);
    const target: Readonly<Record<string, number | undefined>> = {
      ArrowLeft: at - 1, ArrowDown: at - 1, ArrowRight: at + 1, ArrowUp: at + 1, Home: 0, End: last,
      PageUp: ends.find((end) => end > at), PageDown: ends.findLast((end) => end < at),
    };
    if (!(event.key in target)) return;
    event.preventDefault();
    const position = target[event.key];
    if (position !== undefined) move(handle, position);
  };
  const describe = (id: StepId): string => {
    const step = stepOf(timeline, id);
    const position = positionOf(timeline, id);
    if (!step || position <= 0) return t("timeline.imported");
    const title = catalog?.rewrites.find((each) => each.name === step.rewrite)?.title ?? step.rewrite;
    return `${position}: ${title}${step.site ? ` (${step.site})` : ""}`;
  };
  // What lies between two steps of two branches is no stretch of this one.
  const [from, to] = elsewhere !== undefined ? [0, 0] : [Math.min(atA, atB), Math.max(atA, atB)];

  return (
    <div ref={host} className="track" data-testid="track" onPointerDown={(event) => event.button === 0 && last > 0 && move("b", positionAt(event))}>
      <svg width={width} height={height} aria-hidden>
        {bands}
        {last === 0 && <line className="track-line" x1={padding} x2={width - padding} y1={trackY} y2={trackY} />}
        {spark && <path className="spark-area" d={spark.area} />}
        {spark && <path className="spark" d={spark.line} />}
        {to > from && <rect className="range" x={x(from)} y={trackY - 4} width={x(to) - x(from)} height={8} />}
        {(["plain", ...presences] as const).map((kind) => ticks[kind] && <path key={kind} className={`tick tick-${kind}`} d={ticks[kind]} />)}
      </svg>
      {last > 0 && (
        <>
          {model.compare !== "none" && elsewhere === undefined && <Handle name="a" position={atA} left={x(atA)} last={last} label={t("timeline.handle-a")} text={describe(a)} onDown={down} onMove={drag("a")} onKey={key("a", atA)} />}
          <Handle name="b" position={atB} left={x(atB)} last={last} label={t("timeline.handle-b")} text={describe(b)} onDown={down} onMove={drag("b")} onKey={key("b", atB)} />
        </>
      )}
      {elsewhere !== undefined && (
        <button type="button" className="track-elsewhere" onPointerDown={(event) => event.stopPropagation()} onClick={() => act.setCompare(model.id, "previous")} title={t("timeline.elsewhere-hint")} data-testid="a-elsewhere">
          <span className="handle-letter" aria-hidden>A</span> {t("timeline.elsewhere", { branch: elsewhere, step: depthOf(timeline, a) })}
        </button>
      )}
      {last === 0 && <p className="track-empty" title={t("timeline.empty")}>{t("timeline.empty")}</p>}
    </div>
  );
}

interface HandleProps {
  readonly name: "a" | "b";
  readonly position: number;
  readonly last: number;
  readonly left: number;
  readonly label: string;
  readonly text: string;
  readonly onDown: (event: PointerEvent<HTMLElement>) => void;
  readonly onMove: (event: PointerEvent<HTMLElement>) => void;
  readonly onKey: (event: KeyboardEvent) => void;
}

function Handle({ name, position, last, left, label, text, onDown, onMove, onKey }: HandleProps): ReactNode {
  return (
    <div
      className={`handle handle-${name}`}
      style={{ transform: `translateX(${left}px)` }}
      role="slider"
      tabIndex={0}
      aria-label={label}
      aria-valuemin={0}
      aria-valuemax={last}
      aria-valuenow={position}
      aria-valuetext={text}
      title={text}
      onPointerDown={onDown}
      onPointerMove={onMove}
      onKeyDown={onKey}
      data-testid={`handle-${name}`}
    >
      {name.toUpperCase()}
    </div>
  );
}
