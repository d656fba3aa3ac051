import { type Graph, type NodeId, type OperatorNode, type RegionId, rootRegion, type ValueRef } from "../ir/graph.ts";
import type { Value } from "../ops/index.ts";
import { silentTask } from "../support/task.ts";
import { Evaluation, type EvaluationOptions } from "./evaluation.ts";
import { bindInputs, type ModelInputs } from "./model-inputs.ts";

export type { Accelerator } from "./accelerator.ts";
export type { EvaluationOptions, ModelInputs };

export interface EvaluateGraphOptions extends EvaluationOptions {
  /** the root when absent */
  readonly region?: RegionId;
  /** values to compute; the region's outputs when absent */
  readonly wanted?: readonly ValueRef[];
}

/**
 * Evaluates a region from its inputs, in topological order; only what the wanted values need is run, constants are
 * read when used, and values are freed after their last use. Gives the wanted values in order.
 * Throws GraphwrightError naming the input or node: "missing-input", "input-type", "input-shape", "no-evaluator", ...
 */
export function evaluateGraph(graph: Graph, inputs: ModelInputs, options: EvaluateGraphOptions = {}): Value[] {
  const run = prepare(graph, inputs, options);
  for (;;) {
    const { done, value } = run.next();
    if (done) return value as Value[];
  }
}

/** As `evaluateGraph`, letting the host's event loop run between nodes so that the work can be cancelled. */
export async function evaluateGraphAsync(graph: Graph, inputs: ModelInputs, options: EvaluateGraphOptions = {}): Promise<Value[]> {
  const task = options.task ?? silentTask;
  const run = prepare(graph, inputs, options);
  /* eslint-disable no-restricted-properties -- the clock decides only when to give way, never a value */
  let paused = Date.now();
  for (;;) {
    const { done, value } = run.next();
    if (done) return value as Value[];
    // Nodes may be tiny: give way every few milliseconds, not at each.
    if (Date.now() - paused < 20) continue;
    await task.pause();
    paused = Date.now();
  }
  /* eslint-enable no-restricted-properties */
}

function prepare(graph: Graph, inputs: ModelInputs, options: EvaluateGraphOptions): Generator<void, (Value | null)[]> {
  const region = options.region ?? rootRegion;
  const wanted = options.wanted ?? graph.region(region).outputs.map((output) => output.value);
  return new Evaluation(graph, options).steps(region, wanted, bindInputs(graph, region, inputs));
}

/** The root's outputs by name. */
export function evaluateModel(graph: Graph, inputs: ModelInputs, options: EvaluationOptions = {}): Map<string, Value> {
  const values = evaluateGraph(graph, inputs, options);
  return new Map(graph.root.outputs.map((output, index) => [output.name, values[index]!]));
}

/** Values of one node for the given inputs (null for omitted ones). What its bodies capture comes from `outer`. */
export const evaluateNode = (graph: Graph, node: OperatorNode, inputs: readonly (Value | null)[], options: EvaluationOptions = {}): readonly (Value | null)[] =>
  new Evaluation(graph, options).node(node, inputs);

/** A value at the edge of a subgraph. */
export interface BoundaryValue {
  readonly ref: ValueRef;
  readonly value: Value;
}

/**
 * Evaluates the part of a region that lies between given values and wanted ones: what a rewrite matched, or what it
 * made. Throws "no-value" when the wanted values need an input of the region that is not given.
 */
export function evaluateSubgraph(graph: Graph, boundary: readonly BoundaryValue[], wanted: readonly ValueRef[], options: EvaluationOptions = {}): Value[] {
  const given = new Map<NodeId, Value[]>();
  for (const { ref, value } of boundary) {
    const outputs = given.get(ref.node) ?? [];
    outputs[ref.output] = value;
    given.set(ref.node, outputs);
  }
  const region = wanted[0] ? graph.node(wanted[0].node).region : rootRegion;
  const run = new Evaluation(graph, options).steps(region, wanted, given);
  for (;;) {
    const { done, value } = run.next();
    if (done) return value as Value[];
  }
}
