import type { Graph } from "../ir/graph.ts";
import type { Task } from "../support/task.ts";
import { type TuningSteps, tuningSteps } from "../tuner/index.ts";
import { chooseKernels, direct } from "./build.ts";
import type { At, KernelsOf } from "./protocol.ts";

/** Layers of the step that is being tuned: kept from one question to the next, for one step at a time. */
export class Tuner {
  private readonly graphOf: (at: At) => Graph;
  private current: { readonly graph: Graph; readonly strict: boolean; readonly steps: TuningSteps } | undefined;

  constructor(graphOf: (at: At) => Graph) {
    this.graphOf = graphOf;
  }

  of({ strict = false, ...at }: KernelsOf, task: Task): TuningSteps {
    const graph = this.graphOf(at);
    if (this.current?.graph !== graph || this.current.strict !== strict) this.current = { graph, strict, steps: tuningSteps(async () => (await chooseKernels(graph, task, [], strict ? direct : {})).head.graph) };
    return this.current.steps;
  }
}
