import type { HistogramView } from "@graphwright/compiler-core";
import { useEffect, useRef, type ReactNode } from "react";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import * as format from "./format.ts";
import { useThemeVersion } from "./theme.ts";

/** Bars of a tensor's distribution. The element follows the width of its panel. */
export function Histogram({ histogram, label }: { readonly histogram: HistogramView; readonly label: string }): ReactNode {
  const host = useRef<HTMLDivElement>(null);
  const theme = useThemeVersion();
  useEffect(() => {
    const element = host.current!;
    const style = getComputedStyle(element);
    const color = (name: string): string => style.getPropertyValue(name).trim();
    const { low, high, counts } = histogram;
    const width = (high - low) / counts.length || 1;
    const x = counts.map((_, index) => low + (index + 0.5) * width);
    const font = `10px ${color("--font-sans")}`;
    const axis = { stroke: color("--color-text-faint"), font, grid: { show: false }, ticks: { show: false } } as const;
    const plot = new uPlot(
      {
        width: Math.max(80, element.clientWidth),
        height: 96,
        padding: [6, 6, 0, 0],
        legend: { show: false },
        cursor: { points: { show: false }, drag: { setScale: false }, y: false },
        scales: { x: { time: false, range: [low, low + width * counts.length] }, y: { range: (_, __, max) => [0, Math.max(1, max)] } },
        axes: [
          { ...axis, size: 18, space: 56, values: (_, values) => values.map(format.number) },
          { ...axis, size: 34, space: 28, values: (_, values) => values.map((value) => (Number.isInteger(value) ? format.si(value) : "")) },
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
      [x, counts as number[]],
      element,
    );
    const observer = new ResizeObserver(() => plot.setSize({ width: Math.max(80, element.clientWidth), height: 96 }));
    observer.observe(element);
    return () => {
      observer.disconnect();
      plot.destroy();
    };
  }, [histogram, theme]);
  return <div ref={host} className="histogram" role="img" aria-label={label} data-testid="histogram" />;
}
