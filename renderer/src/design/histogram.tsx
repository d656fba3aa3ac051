import type { HistogramView } from "@graphwright/compiler-core";
import { useCallback, type ReactNode } from "react";
import uPlot from "uplot";
import * as format from "./format.ts";
import { Plot, type PlotContent, type PlotStyle } from "./plot.tsx";

/** Bars of a tensor's distribution. The element follows the width of its panel. */
export function Histogram({ histogram, label }: { readonly histogram: HistogramView; readonly label: string }): ReactNode {
  const content = useCallback(
    ({ color, axis }: PlotStyle): PlotContent => {
      const { low, high, counts } = histogram;
      const width = (high - low) / counts.length || 1;
      return {
        options: {
          padding: [6, 6, 0, 0],
          legend: { show: false },
          cursor: { points: { show: false }, drag: { setScale: false }, y: false },
          scales: { x: { time: false, range: [low, low + width * counts.length] }, y: { range: (_, __, max) => [0, Math.max(1, max)] } },
          axes: [
            { ...axis, grid: { show: false }, size: 18, space: 56, values: (_, values) => values.map(format.number) },
            { ...axis, grid: { show: false }, size: 34, space: 28, values: (_, values) => values.map((value) => (Number.isInteger(value) ? format.si(value) : "")) },
          ],
          series: [
            {},
            {
              fill: color("--color-accent"),
              width: 0,
              points: { show: false },
              ...(uPlot.paths.bars && { paths: uPlot.paths.bars({ size: [0.92, Infinity, 1] }) }),
            },
          ],
        },
        data: [counts.map((_, index) => low + (index + 0.5) * width), counts as number[]],
      };
    },
    [histogram],
  );
  return <Plot className="histogram" label={label} testId="histogram" content={content} height={96} />;
}
