import type { ProfileView } from "@graphwright/compiler-core";
import { useCallback, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import type uPlot from "uplot";
import { Plot, type PlotContent, type PlotStyle } from "../../design/plot.tsx";

interface RooflineProps {
  readonly view: ProfileView;
  /** row that is marked */
  readonly chosen: number | undefined;
  readonly onChoose: (row: number) => void;
}

/** pixels around a point in which a click means it */
const reach = 14;

const isDecade = (value: number): boolean => Number.isInteger(Math.log10(value));
const decades = (_: uPlot, splits: number[]): (number | null)[] => splits.map((v) => (isDecade(v) ? v : null));
/** Of the decades as many as the height has lines for. */
const fewDecades = (plot: uPlot, splits: number[]): (number | null)[] => {
  const all = splits.filter(isDecade);
  const every = Math.max(1, Math.ceil((14 * all.length) / Math.max(1, plot.over.clientHeight)));
  return splits.map((v) => (isDecade(v) && (all.length - 1 - all.indexOf(v)) % every === 0 ? v : null));
};
const labels = (_: uPlot, values: (number | null)[]): string[] => values.map((v) => (v === null ? "" : v >= 1 ? String(Math.round(v)) : String(Number(v.toPrecision(1)))));
/** Whole decades around the values. */
const bounds = (values: readonly number[]): [number, number] => [10 ** Math.floor(Math.log10(Math.min(...values))), 10 ** Math.ceil(Math.log10(Math.max(...values)))];

/** Work by byte moved against work by second, both logarithmic: what each kernel reaches, under what the machine could do. */
export function Roofline({ view, chosen, onChoose }: RooflineProps): ReactNode {
  const { t } = useTranslation();
  const content = useCallback(
    ({ color, axis: plain }: PlotStyle): PlotContent => {
      const { gflops, memoryGBps, cacheGBps } = view.peak;
      const points = view.rows.flatMap((row, index) => (row.flops && row.milliseconds > 0 && row.bytes > 0 ? [{ index, x: row.flops / row.bytes, y: row.flops / row.milliseconds / 1e6 }] : []));
      const ridges = [gflops / memoryGBps, gflops / cacheGBps].filter((x) => Number.isFinite(x) && x > 0);
      const [left, right] = bounds([...points.map((p) => p.x), ...ridges]);
      const [bottom, top] = bounds([...points.map((p) => p.y), gflops || 1]);
      // A column for each point: equal kernels have the same intensity, and none hides another.
      const columns = [...points.map((point) => ({ x: point.x, point })), ...[left, right, ...ridges].map((x) => ({ x, point: undefined }))].sort((a, b) => a.x - b.x);
      const xs = columns.map(({ x }) => x);
      const at = (which: (index: number) => boolean): (number | null)[] => columns.map(({ point }) => (point && which(point.index) ? point.y : null));
      const axis = { ...plain, filter: decades, grid: { stroke: color("--color-line"), width: 1, filter: decades }, labelFont: plain.font, labelSize: 16, values: labels };
      const roof = { stroke: color("--color-text-muted"), width: 1.5, spanGaps: true, points: { show: false } };
      const dots = (fill: string, size: number): Partial<uPlot.Series> => ({ paths: () => null, points: { show: true, size, fill, stroke: color("--color-surface"), width: 1 } });
      return {
        options: {
          padding: [8, 12, 0, 0],
          legend: { show: false },
          cursor: { points: { show: false }, drag: { setScale: false, x: false, y: false } },
          scales: { x: { time: false, distr: 3, range: [left, right] }, y: { distr: 3, range: [bottom, top] } },
          axes: [
            { ...axis, size: 20, label: t("profile.intensity") },
            { ...axis, filter: fewDecades, size: 38, label: t("profile.rate") },
          ],
          series: [{}, roof, { ...roof, dash: [4, 3] }, dots(color("--color-accent"), 8), dots(color("--state-changed"), 11)],
        },
        data: [xs, xs.map((x) => Math.min(gflops, x * memoryGBps)), xs.map((x) => Math.min(gflops, x * cacheGBps)), at((i) => i !== chosen), at((i) => i === chosen)],
        ready: (plot) =>
          plot.over.addEventListener("click", ({ offsetX, offsetY }) => {
            const distance = (p: (typeof points)[number]): number => Math.hypot(plot.valToPos(p.x, "x") - offsetX, plot.valToPos(p.y, "y") - offsetY);
            const nearest = points.reduce<(typeof points)[number] | undefined>((best, p) => (!best || distance(p) < distance(best) ? p : best), undefined);
            if (nearest && distance(nearest) <= reach) onChoose(nearest.index);
          }),
      };
    },
    [view, chosen, onChoose, t],
  );
  return <Plot className="roofline" label={t("profile.roofline-label", { gflops: view.peak.gflops.toFixed(1), memory: view.peak.memoryGBps.toFixed(1) })} testId="roofline" content={content} />;
}
