/** The group that is chosen on a canvas, and what it holds. The graph panel sets it, the inspector and commands read it. */
import type { ModelId, NodeId } from "@graphwright/compiler-core";
import { create } from "zustand";

export interface GroupShown {
  readonly model: ModelId;
  /** which canvas */
  readonly picture: string;
  readonly group: string;
  readonly contents?: GroupContents;
}

export interface GroupContents {
  readonly title: string;
  /** its nodes, in topological order; of two steps at once those of the later */
  readonly nodes: readonly NodeId[];
  readonly operators: readonly { readonly op: string; readonly count: number }[];
  readonly weightBytes: number;
  /** values that come in, and values that are used outside */
  readonly inputs: readonly GroupValue[];
  readonly outputs: readonly GroupValue[];
}

export interface GroupValue {
  readonly name: string;
  readonly type: string;
  /** the nodes at its other end */
  readonly ends: readonly NodeId[];
}

export const useGroupShown = create<{ readonly shown: GroupShown | null }>(() => ({ shown: null }));

/** The group chosen in a model. */
export const groupOf = (model: ModelId): GroupShown | undefined => {
  const { shown } = useGroupShown.getState();
  return shown?.model === model ? shown : undefined;
};

export function showGroup(shown: GroupShown | null): void {
  useGroupShown.setState({ shown });
}
