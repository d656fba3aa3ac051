import type { ProfileView } from "@graphwright/compiler-core";
import { useEffect, useRef, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { useThemeVersion } from "../../design/theme.ts";

interface RooflineProps {
  readonly view: ProfileView;
  /** row that is marked */
  readonly chosen: number | undefined;
  readonly onChoose: (row: number) => void;
}

/** pixels around a point in which a click means it */
const reach = 14;

const label = (value: number): string => (value >= 1 ? String(Math.round(value)) : String(Number(value.toPrecision(1))));

/** Work by byte moved against work by second, both logarithmic: what each kernel reaches, under what the machine could do. */
export function Roofline({ view, chosen, onChoose }: RooflineProps): ReactNode {
  const { t } = useTranslation();
  const host = useRef<HTMLDivElement>(null);
  const theme = useThemeVersion();
  useEffect(() => {
    const element = host.current!;
    const style = getComputedStyle(element);
    const color = (name: string): string => style.getPropertyValue(name).trim();
    const { gflops, memoryGBps, cacheGBps } = view.peak;
    const points = view.rows.flatMap((row, index) => (row.flops && row.milliseconds > 0 && row.bytes > 0 ? [{ index, x: row.flops / row.bytes, y: row.flops / row.milliseconds / 1e6 }] : []));
    const bounds = (values: readonly number[]): [number, number] => [10 ** Math.floor(Math.log10(Math.min(...values))), 10 ** Math.ceil(Math.log10(Math.max(...values)))];
    const [left, right] = bounds([...points.map((p) => p.x), gflops / memoryGBps || 1, gflops / cacheGBps || 1]);
    const [bottom, top] = bounds([...points.map((p) => p.y), gflops || 1]);
    const corners = [left, right, gflops / memoryGBps, gflops / cacheGBps].filter((x) => Number.isFinite(x) && x > 0);
    const xs = [...new Set([...points.map((p) => p.x), ...corners])].sort((a, b) => a - b);
    const column = (of: (x: number) => number | null): (number | null)[] => xs.map(of);
    const at = (which: (index: number) => boolean): (number | null)[] => column((x) => points.find((p) => p.x === x && which(p.index))?.y ?? null);
    const font = `10px ${color("--font-sans")}`;
    const decades = (_: uPlot, splits: number[]): (number | null)[] => splits.map((v) => (Number.isInteger(Math.log10(v)) ? v : null));
    const axis = { stroke: color("--color-text-faint"), font, filter: decades, grid: { stroke: color("--color-line"), width: 1, filter: decades }, ticks: { show: false }, labelFont: font, labelSize: 16 };
    const decade = (_: uPlot, values: number[]): string[] => values.map((v) => ((v as number | null) === null ? "" : label(v)));
    const dots = (fill: string, size: number): Partial<uPlot.Series> => ({ paths: () => null, points: { show: true, size, fill, stroke: color("--color-surface"), width: 1 } });
    const size = (): { width: number; height: number } => ({ width: Math.max(160, element.clientWidth), height: Math.max(120, element.clientHeight) });
    const plot = new uPlot(
      {
        ...size(),
        padding: [8, 12, 0, 0],
        legend: { show: false },
        cursor: { points: { show: false }, drag: { setScale: false, x: false, y: false } },
        scales: { x: { time: false, distr: 3, range: [left, right] }, y: { distr: 3, range: [bottom, top] } },
        axes: [
          { ...axis, size: 20, label: t("profile.intensity"), values: decade },
          { ...axis, size: 34, label: t("profile.rate"), values: decade },
        ],
        series: [
          {},
          { stroke: color("--color-text-muted"), width: 1.5, spanGaps: true, points: { show: false } },
          { stroke: color("--color-text-muted"), width: 1.5, dash: [4, 3], spanGaps: true, points: { show: false } },
          dots(color("--color-accent"), 8),
          dots(color("--state-changed"), 11),
        ],
      },
      [xs, column((x) => Math.min(gflops, x * memoryGBps)), column((x) => Math.min(gflops, x * cacheGBps)), at((i) => i !== chosen), at((i) => i === chosen)],
      element,
    );
    const choose = ({ offsetX, offsetY }: MouseEvent): void => {
      const distance = (p: (typeof points)[number]): number => Math.hypot(plot.valToPos(p.x, "x") - offsetX, plot.valToPos(p.y, "y") - offsetY);
      const nearest = points.reduce<(typeof points)[number] | undefined>((best, p) => (!best || distance(p) < distance(best) ? p : best), undefined);
      if (nearest && distance(nearest) <= reach) onChoose(nearest.index);
    };
    plot.over.addEventListener("click", choose);
    const observer = new ResizeObserver(() => plot.setSize(size()));
    observer.observe(element);
    return () => {
      observer.disconnect();
      plot.destroy();
    };
  }, [view, chosen, onChoose, theme, t]);
  return <div ref={host} className="roofline" role="img" aria-label={t("profile.roofline-label", { gflops: view.peak.gflops.toFixed(1), memory: view.peak.memoryGBps.toFixed(1) })} data-testid="roofline" />;
}
