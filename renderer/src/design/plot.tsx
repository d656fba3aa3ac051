import { useEffect, useRef, type ReactNode } from "react";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { useThemeVersion } from "./theme.ts";

/** What a chart is drawn with: the theme's colours, and an axis in its type and colours. */
export interface PlotStyle {
  color(token: string): string;
  readonly axis: { readonly stroke: string; readonly font: string; readonly ticks: { readonly show: false } };
}

export interface PlotContent {
  readonly options: Omit<uPlot.Options, "width" | "height">;
  readonly data: uPlot.AlignedData;
  /** once the chart is there */
  readonly ready?: (plot: uPlot) => void;
}

interface PlotProps {
  readonly className: string;
  /** what the chart shows, for who cannot see it */
  readonly label: string;
  readonly testId: string;
  /** made again when it is another function, and when the theme changes */
  readonly content: (style: PlotStyle) => PlotContent;
  /** px; the height of the element when not given */
  readonly height?: number;
}

/** A chart that follows the size of its panel and the theme. */
export function Plot({ className, label, testId, content, height }: PlotProps): ReactNode {
  const host = useRef<HTMLDivElement>(null);
  const theme = useThemeVersion();
  useEffect(() => {
    const element = host.current!;
    const style = getComputedStyle(element);
    const color = (token: string): string => style.getPropertyValue(token).trim();
    const size = (): { width: number; height: number } => ({ width: Math.max(80, element.clientWidth), height: height ?? Math.max(96, element.clientHeight) });
    const { options, data, ready } = content({ color, axis: { stroke: color("--color-text-faint"), font: `10px ${color("--font-sans")}`, ticks: { show: false } } });
    const plot = new uPlot({ ...options, ...size() }, data, element);
    ready?.(plot);
    const observer = new ResizeObserver(() => plot.setSize(size()));
    observer.observe(element);
    return () => {
      observer.disconnect();
      plot.destroy();
    };
  }, [content, height, theme]);
  return <div ref={host} className={className} role="img" aria-label={label} data-testid={testId} />;
}
