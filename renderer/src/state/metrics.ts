/** Numbers of nodes that the canvas can colour by: a channel that whoever measures something fills. */
import { useEffect, useState } from "react";
import { create } from "zustand";
import type { ModelId, NodeId, StepId } from "@graphwright/compiler-core";
import { isCancelled } from "../worker/rpc.ts";
import { query } from "./query.ts";

/** FLOPs and bytes are always known; time is measured by a run, errors are found by a comparison. */
export const heatKinds = ["flops", "bytes", "time", "error"] as const;
export type HeatKind = (typeof heatKinds)[number];

export interface NodeMetric {
  /** the step whose nodes the numbers are of */
  readonly step: StepId;
  readonly values: ReadonlyMap<NodeId, number>;
}

const useMetrics = create<{ readonly metrics: Readonly<Record<string, NodeMetric>> }>(() => ({ metrics: {} }));

/** Gives measured times (seconds) or errors (largest absolute) to the canvas; undefined takes them back. */
export function setMetric(model: ModelId, kind: "time" | "error", metric: NodeMetric | undefined): void {
  useMetrics.setState(({ metrics }) => {
    const { [`${model}/${kind}`]: before, ...rest } = metrics;
    void before;
    return { metrics: metric ? { ...rest, [`${model}/${kind}`]: metric } : rest };
  });
}

export const metricOf = (model: ModelId, kind: "time" | "error"): NodeMetric | undefined => useMetrics.getState().metrics[`${model}/${kind}`];

/** The numbers behind a kind of heat for a step; undefined while they are not there. Bytes are in the picture's own table. */
export function useMetric(model: ModelId | undefined, step: StepId | undefined, kind: HeatKind | "none"): ReadonlyMap<NodeId, number> | undefined {
  const measured = useMetrics((state) => (kind === "time" || kind === "error" ? state.metrics[`${model}/${kind}`] : undefined));
  const [flops, setFlops] = useState<{ readonly key: string; readonly values: ReadonlyMap<NodeId, number> }>();
  const key = kind === "flops" && model !== undefined && step !== undefined ? `${model}/${step}` : undefined;
  useEffect(() => {
    if (key === undefined) return;
    const controller = new AbortController();
    query("flops", { model: model!, step: step! }, controller.signal).then(
      ({ nodes, values }) => {
        const map = new Map<NodeId, number>();
        nodes.forEach((node, i) => map.set(node, values[i]!));
        setFlops({ key, values: map });
      },
      (error: unknown) => {
        if (!isCancelled(error)) setFlops({ key, values: new Map() });
      },
    );
    return () => controller.abort();
  }, [key, model, step]);
  if (kind === "flops") return flops?.key === key ? flops?.values : undefined;
  return measured?.values;
}
