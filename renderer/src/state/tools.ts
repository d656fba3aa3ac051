/** What the tools of a model last found: recipes replayed, bisections, the custom rewrite that is being written. */
import { create } from "zustand";
import type { BisectView, CheckView, ModelId, NodeId, ProfileView, RecipeFailure, RunResult, StepId, TuningEntry, TuningLayer, TuningMachine, ValueBisectView } from "@graphwright/compiler-core";

export interface Replayed {
  /** what was replayed, for people: a file's name */
  readonly name: string;
  readonly applied: number;
  readonly failed: readonly RecipeFailure[];
}

export type Bisection =
  | { readonly kind: "steps"; readonly from: StepId; readonly to: StepId; readonly view: BisectView }
  | { readonly kind: "values"; readonly a: { readonly model: ModelId; readonly step: StepId }; readonly b: { readonly model: ModelId; readonly step: StepId }; readonly view: ValueBisectView };

export interface TuningState {
  readonly step: StepId;
  readonly machine: TuningMachine;
  /** the most work first */
  readonly layers: readonly TuningLayer[];
  /** by key */
  readonly entries: ReadonlyMap<string, TuningEntry>;
  /** layers with one schedule */
  readonly single: ReadonlySet<string>;
  /** key of the layer that is being measured */
  readonly measuring: string | undefined;
}

export interface Tools {
  readonly replayed: Replayed | null;
  readonly bisection: Bisection | null;
  /** the generated code of a step, measured */
  readonly profile: { readonly step: StepId; readonly view: ProfileView } | null;
  /** schedules of a step's layers, measured; while it goes on, those so far */
  readonly tuning: TuningState | null;
  /** nodes that a tool points at: the others are dimmed */
  readonly pointed: readonly NodeId[] | null;
  /** the step that is compared with, run on the same inputs: for tensors before and after */
  readonly baseRun: { readonly step: StepId; readonly kept: NonNullable<RunResult["kept"]> } | null;
  /** what two open models compute, compared */
  readonly compared: { readonly other: ModelId; readonly otherStep: StepId; readonly step: StepId; readonly check: CheckView } | null;
}

export const noTools: Tools = { replayed: null, bisection: null, profile: null, tuning: null, pointed: null, baseRun: null, compared: null };

export const useTools = create<Readonly<Record<ModelId, Tools>>>(() => ({}));

export const toolsOf = (id: ModelId): Tools => useTools.getState()[id] ?? noTools;

export function updateTools(id: ModelId, change: Partial<Tools>): void {
  useTools.setState((state) => ({ [id]: { ...(state[id] ?? noTools), ...change } }));
}

export const useModelTools = (id: ModelId): Tools => useTools((state) => state[id] ?? noTools);
