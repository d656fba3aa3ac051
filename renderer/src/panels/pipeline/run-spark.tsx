import { useMemo, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import * as format from "../../design/format.ts";
import { positionOf, stepOf } from "../../state/steps.ts";
import type { ModelState } from "../../state/store.ts";

const [width, height] = [240, 22];

/** Nodes and FLOPs over the whole branch, each against its own range, with the shown step marked. */
export function RunSpark({ model }: { readonly model: ModelState }): ReactNode {
  const { t } = useTranslation();
  const { timeline, b } = model;
  const { branch } = timeline;
  const lines = useMemo(() => {
    if (branch.length < 2) return undefined;
    const line = (value: (index: number) => number): string => {
      const values = branch.map((_, index) => value(index));
      const [low, high] = values.reduce(([l, h], v) => [Math.min(l, v), Math.max(h, v)], [Infinity, -Infinity]);
      const y = (v: number): string => (high === low ? height / 2 : 2 + (1 - (v - low) / (high - low)) * (height - 4)).toFixed(1);
      return values.map((v, index) => `${index === 0 ? "M0" : `H${((index / (branch.length - 1)) * width).toFixed(1)}V`}${index === 0 ? ` ${y(v)}` : y(v)}`).join("");
    };
    const cost = (index: number) => stepOf(timeline, branch[index]!)!.cost;
    return { nodes: line((index) => cost(index).nodes), flops: line((index) => cost(index).flops) };
  }, [branch, timeline]);
  if (!lines) return null;
  const [first, last] = [stepOf(timeline, branch[0]!)!.cost, stepOf(timeline, branch.at(-1)!)!.cost];
  const at = (Math.max(0, positionOf(timeline, b)) / (branch.length - 1)) * width;
  const text = t("pipeline.spark", { nodes: `${format.count(first.nodes)} → ${format.count(last.nodes)}`, flops: `${format.flops(first.flops)} → ${format.flops(last.flops)}` });
  return (
    <div className="run-spark" data-testid="run-spark" title={text}>
      <svg viewBox={`0 0 ${width} ${height}`} preserveAspectRatio="none" role="img" aria-label={text}>
        <path className="spark-flops" d={lines.flops} />
        <path className="spark-nodes" d={lines.nodes} />
        <path className="spark-at" d={`M${at.toFixed(1)} 0V${height}`} />
      </svg>
      <span className="num">{format.count(first.nodes)} → {format.count(last.nodes)}</span>
    </div>
  );
}
