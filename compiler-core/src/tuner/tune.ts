import { GraphwrightError } from "../support/diagnostic.ts";
import type { Task } from "../support/task.ts";
import { type CRunner, isaOf, isaProbe, machineOf, peakProbe, type TuningMachine } from "./machine.ts";
import type { TuningEntry } from "./record.ts";
import type { TuningSteps } from "./steps.ts";

export interface TuneOptions {
  /** milliseconds, about: no layer is begun after them */
  readonly budgetMs: number;
  /** what an earlier run measured */
  readonly known: readonly TuningEntry[];
  readonly clock: () => number;
  /** after each layer, those that were known too: what was measured can then be kept */
  readonly onLayer?: (entry: TuningEntry, progress: TuneProgress) => void | Promise<void>;
}

export interface TuneProgress {
  /** position of this layer, from 1, and how many there are */
  readonly layer: number;
  readonly layers: number;
  /** kernels of the graph that are this layer */
  readonly uses: number;
  readonly fromCache: boolean;
}

export interface TuneResult {
  readonly machine: TuningMachine;
  /** the layers that were measured, now or before, the most work first */
  readonly entries: readonly TuningEntry[];
  readonly layers: number;
  readonly fromCache: number;
  /** layers with one legal schedule */
  readonly single: number;
  /** layers that the budget left to the rule */
  readonly left: number;
  /** known entries of these layers that were measured beside another schedule of the rule's */
  readonly outOfDate: number;
}

/** The machine by its probes: the peak is read before anything is compared with it. */
export async function probeMachine(runner: CRunner): Promise<TuningMachine> {
  const isa = await runner.run(isaProbe());
  return machineOf(runner, isa, await runner.run(peakProbe(isaOf(isa))));
}

/**
 * Measures the layers of a graph, a few schedules each, those with the most work first. Stops by the budget, or by the
 * task's cancel, which leaves what was handed to `onLayer`. Throws "wrong-variant" after the last layer where a schedule
 * computes something else than the rule's.
 */
export async function tune(steps: TuningSteps, runner: CRunner, options: TuneOptions, task: Task): Promise<TuneResult> {
  task.progress(undefined, "measuring what the machine can do");
  const machine = await probeMachine(runner);
  const layers = await steps.layers(machine, task);
  // Any budget measures a layer: a run that is cut short goes further than the one before.
  const started = options.clock();
  const known = new Map(options.known.map((e) => [e.key, e]));
  const entries: TuningEntry[] = [];
  let [fromCache, single, left, outOfDate] = [0, 0, 0, 0];
  for (const [i, layer] of layers.entries()) {
    task.check();
    task.progress(i / layers.length, `measuring ${layer.op} ${layer.shapes}`);
    await task.pause();
    const found = known.get(layer.key);
    const stale = found !== undefined && found.ruleDigest !== layer.ruleDigest;
    if (stale) outOfDate++;
    let entry = stale ? undefined : found;
    if (entry) fromCache++;
    else if (options.clock() - started >= options.budgetMs) {
      left++;
      continue;
    } else {
      const trial = await steps.trial(layer.key, machine);
      if (trial.variants < 2) {
        single++;
        continue;
      }
      const printed = await runner.run(trial.source);
      task.check();
      entry = await steps.entry(layer.key, machine, printed);
    }
    entries.push(entry);
    await options.onLayer?.(entry, { layer: i + 1, layers: layers.length, uses: layer.nodes.length, fromCache: entry === found });
  }
  refuseWrong(entries);
  return { machine, entries, layers: layers.length, fromCache, single, left, outOfDate };
}

/** Throws "wrong-variant" where a measured schedule computes something else than the rule's. */
export function refuseWrong(entries: readonly TuningEntry[]): void {
  const wrong = entries.flatMap((e) => e.wrong.map((v) => `${e.op} ${e.shapes}: ${e.variants[v]!.description} (error ${e.variants[v]!.error.toExponential(1)})`));
  if (wrong.length > 0)
    throw new GraphwrightError("wrong-variant", `measured schedules compute something else than the rule's:\n${wrong.map((w) => `  - ${w}`).join("\n")}`, undefined, "This is a defect of Graphwright or of the C compiler: please report it. Build without tuning.");
}
