import { hasRelaxedSimd, loadAssembler, measureWasmPeak, wasmCacheBytes } from "../backends/wasm/index.ts";
import { builtInInputs, generateWasm, loadWasm } from "../bundle/index.ts";
import { type Graph, type NodeId, rootRegion } from "../ir/graph.ts";
import { Lineage } from "../ir/lineage.ts";
import { tensorBytes } from "../ir/tensor.ts";
import type { Task } from "../support/task.ts";
import { chooseKernels } from "./build.ts";
import { nodeFlops } from "./cost.ts";
import type { ProfileRow, ProfileView } from "./protocol.ts";

/** Runs that are measured, at least and at most. */
const fewest = 3;
const most = 1000;
/** Runs before them, at least, and the share of the time that they take: engines compile a function again once it has run for a while. */
const warmUps = 3;
const warmUpShare = 0.4;

/**
 * Times every step of the generated code, as WebAssembly on inputs from a seed. Clocks of browsers are coarse: a time
 * is the mean over many runs, whose steps begin anywhere between two ticks. Throws "not-lowered" as a build does.
 */
export async function profileGraph(graph: Graph, wanted: number, task: Task, clock: () => number): Promise<ProfileView> {
  const kernels = await chooseKernels(graph, task);
  const chosen = kernels.head.graph;
  const relaxedSimd = hasRelaxedSimd();
  const code = await generateWasm(chosen, "profile", { modelName: "profile", relaxed: [relaxedSimd] }, task);
  const { lowered, printed, model } = code;
  task.check();
  const { functions, runSteps, setInputs } = await loadWasm(code, code.modules[0]!);
  const inputs = builtInInputs(model.inputs, 1, 2).map(tensorBytes);
  const steps = printed.calls.map((_, i) => functions[`step_${i}`]!);
  const sums = new Float64Array(steps.length);
  /** how often each ran: steps of a loop several times a run, those of a branch that is not taken never */
  const times = new Float64Array(steps.length);
  let runs = 0;
  const started = clock();
  for (let turn = 0; ; turn++) {
    const passed = (clock() - started) / wanted;
    const counts = turn >= warmUps && (passed >= warmUpShare || turn >= most);
    if (runs >= fewest && (passed >= 1 || runs >= most)) break;
    task.progress(Math.min(1, passed), "measuring");
    await task.pause();
    setInputs(inputs);
    runSteps((i) => {
      task.check();
      const before = clock();
      steps[i]!();
      if (!counts) return;
      sums[i]! += clock() - before;
      times[i]!++;
    });
    if (counts) runs++;
  }

  task.progress(undefined, "measuring what the machine can do");
  const peak = { ...(await measureWasmPeak(await loadAssembler(), clock, task)), cacheBytes: wasmCacheBytes };
  const lineage = new Lineage(kernels);
  const rows = printed.calls.map(({ step }, i): ProfileRow => {
    const { node, reads, writes } = lowered.steps[step]!;
    const nodes = originsOf(lineage, graph, node.id, kernels.head.id);
    const turns = times[i]! / runs;
    const own = nodeFlops(chosen, node);
    // What the operator around a body was asked for is not known.
    const once = node.region === rootRegion ? workOf(own, nodes.map((id) => nodeFlops(graph, graph.operator(id)!))) : own;
    const flops = once === undefined ? undefined : once * turns;
    const at = [...new Set([...reads, ...writes])].reduce((sum, key) => sum + lowered.values.get(key)!.bytes, 0);
    const moved = at * turns;
    const computing = flops === undefined || peak.gflops === 0 ? 0 : flops / (peak.gflops * 1e6);
    const bandwidth = at <= peak.cacheBytes ? peak.cacheGBps : peak.memoryGBps;
    const moving = bandwidth === 0 ? 0 : moved / (bandwidth * 1e6);
    return { ...model.steps[i]!, nodes, milliseconds: sums[i]! / runs, ...(flops === undefined ? {} : { flops }), bytes: moved, possible: Math.max(computing, moving), bound: computing > moving ? "compute" : "memory" };
  });
  return { runs, milliseconds: rows.reduce((sum, row) => sum + row.milliseconds, 0), rows, peak, relaxedSimd };
}

/** Operators of the profiled graph that went into a kernel; for one in a body, the operator that has the body. */
function originsOf(lineage: Lineage, graph: Graph, node: NodeId, at: number): NodeId[] {
  const outermost = (id: NodeId): NodeId => {
    const owner = graph.regions.get(graph.node(id).region)?.owner;
    return owner === null || owner === undefined || !graph.has(owner) ? id : outermost(owner);
  };
  return [...new Set(lineage.origins(node, at).filter((id) => graph.find(id)?.kind === "operator").map(outermost))];
}

/** Padded channels are no work that was asked for, so a kernel counts for no more than its nodes; nor for all of them, where they are shared with others. */
function workOf(own: number | undefined, asked: readonly (number | undefined)[]): number | undefined {
  const sum = asked.length === 0 || asked.includes(undefined) ? undefined : asked.reduce<number>((a, b) => a + b!, 0);
  return own === undefined ? sum : sum === undefined ? own : Math.min(own, sum);
}
