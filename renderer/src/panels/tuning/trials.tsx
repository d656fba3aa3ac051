import type { TuningEntry } from "@graphwright/compiler-core";
import { useCallback, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import type uPlot from "uplot";
import { Plot, type PlotContent, type PlotStyle } from "../../design/plot.tsx";

const whole = (_: uPlot, splits: number[]): (string | null)[] => splits.map((v) => (Number.isInteger(v) ? String(v) : ""));

/** Speed of each schedule of a layer as it was tried, the best so far, and the roofline above them. */
export function Trials({ entry }: { readonly entry: TuningEntry }): ReactNode {
  const { t } = useTranslation();
  const roof = entry.possibleMs > 0 ? entry.flops / entry.possibleMs / 1e6 : 0;
  const content = useCallback(
    ({ color, axis: plain }: PlotStyle): PlotContent => {
      const rates = entry.variants.map((v) => entry.flops / v.medianMs / 1e6);
      const xs = rates.map((_, i) => i + 1);
      let most = 0;
      const best = rates.map((rate, i) => (most = entry.wrong.includes(i) ? most : Math.max(most, rate)));
      const dots = (fill: string, size: number): Partial<uPlot.Series> => ({ paths: () => null, points: { show: true, size, fill, stroke: color("--color-surface"), width: 1 } });
      const axis = { ...plain, grid: { stroke: color("--color-line"), width: 1 }, labelFont: plain.font, labelSize: 16 };
      return {
        options: {
          padding: [8, 12, 0, 0],
          legend: { show: false },
          cursor: { show: false },
          scales: { x: { time: false, range: [0.5, xs.length + 0.5] }, y: { range: [0, 1.15 * Math.max(roof, ...rates)] } },
          axes: [
            { ...axis, size: 20, label: t("tuning.trial"), values: whole, incrs: [1, 2, 5], grid: { show: false } },
            { ...axis, size: 40, label: t("tuning.rate") },
          ],
          series: [
            {},
            { stroke: color("--color-text-muted"), width: 1.5, dash: [4, 3], points: { show: false } },
            { stroke: color("--color-accent-line"), width: 2, points: { show: false } },
            dots(color("--color-accent"), 8),
            dots(color("--state-changed"), 11),
          ],
        },
        data: [xs, xs.map(() => roof || null), best, rates.map((r, i) => (i === entry.chosen ? null : r)), rates.map((r, i) => (i === entry.chosen ? r : null))],
      };
    },
    [entry, roof, t],
  );
  return <Plot className="trials" label={t("tuning.trials-label", { count: entry.variants.length, layer: `${entry.op} ${entry.shapes}`, gflops: roof.toFixed(1) })} testId="tuning-trials" content={content} />;
}
