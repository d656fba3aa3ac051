import type { Graph } from "../ir/graph.ts";
import { GraphwrightError } from "../support/diagnostic.ts";
import type { Task } from "../support/task.ts";
import { judge } from "./judge.ts";
import { type Layer, layersOf } from "./layer.ts";
import type { TuningMachine } from "./machine.ts";
import type { TuningEntry } from "./record.ts";
import { readMeasurement, trialSource } from "./trial.ts";
import { type Variants, variantsOf } from "./variants.ts";

/** A layer as plain data. */
export type TuningLayer = Omit<Layer, "program">;

/** What a tuner asks of the compiler, layer by layer. What measures stands between `trial` and `entry`. */
export interface TuningSteps {
  /** the distinct kernels with something to sum, the most work first */
  layers(machine: TuningMachine, task: Task): Promise<readonly TuningLayer[]>;
  /** the C program that measures a layer's variants; with less than two there is nothing to measure */
  trial(key: string, machine: TuningMachine): Promise<{ readonly variants: number; readonly source: string }>;
  /** what follows from what that program printed */
  entry(key: string, machine: TuningMachine, printed: string): Promise<TuningEntry>;
}

/** The steps for a graph of kernels, as a build makes it. */
export function tuningSteps(graph: () => Promise<Graph>): TuningSteps {
  let found: { readonly place: string; readonly layers: ReadonlyMap<string, Layer>; readonly variants: Map<string, Variants> } | undefined;
  const at = async (key: string): Promise<{ layer: Layer; state: NonNullable<typeof found> }> => {
    const layer = found?.layers.get(key);
    if (!found || !layer) throw new GraphwrightError("no-layer", "the model has no such layer to measure.", undefined, "Ask for its layers again: the step or the machine has changed.");
    return { layer, state: found };
  };
  const made = (layer: Layer, machine: TuningMachine, state: NonNullable<typeof found>): Variants => {
    const variants = state.variants.get(layer.key) ?? variantsOf(layer, machine);
    state.variants.set(layer.key, variants);
    return variants;
  };
  return {
    async layers(machine, task) {
      const place = JSON.stringify([machine.compiler, machine.cpu, machine.flags, machine.isa, machine.threads]);
      if (found?.place !== place) found = { place, layers: new Map((await layersOf(await graph(), machine, task)).map((l) => [l.key, l])), variants: new Map() };
      return [...found.layers.values()].map(({ program: _, ...layer }) => layer);
    },
    async trial(key, machine) {
      const { layer, state } = await at(key);
      const variants = made(layer, machine, state);
      const networkBytes = [...state.layers.values()].reduce((n, l) => n + l.bytes * l.nodes.length, 0);
      return { variants: variants.variants.length, source: variants.variants.length > 1 ? trialSource(layer, variants, machine, networkBytes) : "" };
    },
    async entry(key, machine, printed) {
      const { layer, state } = await at(key);
      const variants = made(layer, machine, state);
      state.variants.delete(key);
      return judge(layer, variants, readMeasurement(printed, variants.variants.length), machine);
    },
  };
}
