/**
 * The persistent graph under load: 50,000 nodes, 5,000 recorded rewrites. Prints microseconds a rewrite, bytes of
 * history, and the time to diff any two steps, beside the same work with copied snapshots and with JSON snapshots.
 */
import { diffGraphs, emptyGraph, Rewriter, tensorType, Timeline, type Graph, type NodeId } from "../src/ir/index.ts";
import { Random } from "../src/support/random.ts";

const nodeCount = Number(process.argv[2] ?? 50_000);
const rewriteCount = Number(process.argv[3] ?? 5_000);
const type = tensorType("float32", [1, 64, 56, 56]);
declare const gc: () => void;

const heap = (): number => {
  gc();
  gc();
  return process.memoryUsage().heapUsed;
};
const median = (values: number[]): number => [...values].sort((a, b) => a - b)[values.length >> 1] as number;

function makeGraph(): Graph {
  const rewriter = new Rewriter(emptyGraph());
  let last = rewriter.addParameter({ name: "x", type });
  for (let i = 0; i < nodeCount; i++)
    last = { node: rewriter.addNode({ op: i % 3 === 0 ? "Conv" : i % 3 === 1 ? "BatchNormalization" : "Relu", inputs: [last], outputs: [{ name: `v${i}`, type }], name: `node${i}` }), output: 0 };
  rewriter.addOutput(0, { name: "y", value: last });
  return rewriter.commit({ pass: "", rewrite: "", site: "", matched: [] }).graph;
}

/** Two neighbouring nodes become one, as folding a BatchNorm into a Conv does. */
function fuse(graph: Graph, at: NodeId): ReturnType<Rewriter["commit"]> | undefined {
  const second = graph.find(at);
  const input = second?.inputs[0];
  const first = input ? graph.find(input.node) : undefined;
  if (!second || second.kind !== "operator" || !first || first.kind !== "operator" || graph.usesOf(first.id).length !== 1) return undefined;
  const rewriter = new Rewriter(graph);
  const made = rewriter.addNode({ op: first.op, inputs: first.inputs, outputs: [second.outputs[0]!], name: first.name, order: second.order });
  rewriter.replaceUses({ node: at, output: 0 }, { node: made, output: 0 });
  rewriter.remove(at);
  rewriter.remove(first.id);
  return rewriter.commit({ pass: "bench", rewrite: "fuse", site: first.name, matched: [at, first.id] });
}

const random = new Random(1);
const base = makeGraph();
const before = heap();
const timeline = new Timeline(base);
const times: number[] = [];
while (timeline.steps.length <= rewriteCount) {
  const at = random.below(base.nodes.length);
  const start = performance.now();
  const result = fuse(timeline.head.graph, at);
  if (!result) continue;
  timeline.append(result.graph, result.delta);
  times.push((performance.now() - start) * 1000);
}
const history = heap() - before;

const pairs = Array.from({ length: 200 }, () => [random.below(rewriteCount), random.below(rewriteCount)] as const);
const diffTimes = pairs.map(([a, b]) => {
  const start = performance.now();
  diffGraphs(timeline.step(a).graph, timeline.step(b).graph);
  return performance.now() - start;
});
const near = Array.from({ length: 200 }, () => {
  const a = random.below(rewriteCount - 1);
  const start = performance.now();
  diffGraphs(timeline.step(a).graph, timeline.step(a + 1).graph);
  return performance.now() - start;
});

// The peer: a copied array of nodes a step, measured on a few steps.
const copies: unknown[] = [];
const beforeCopies = heap();
const copyTimes: number[] = [];
for (let i = 0; i < 200; i++) {
  const start = performance.now();
  copies.push([...base.nodes]);
  copyTimes.push((performance.now() - start) * 1000);
}
const copyBytes = (heap() - beforeCopies) / copies.length;

const rows: [string, string, string][] = [
  ["", "persistent", "copied snapshots"],
  ["microseconds a rewrite (median)", median(times).toFixed(1), median(copyTimes).toFixed(1)],
  ["microseconds a rewrite (mean)", (times.reduce((a, b) => a + b, 0) / times.length).toFixed(1), ""],
  [`bytes of history, ${rewriteCount} rewrites`, `${(history / 1e6).toFixed(1)} MB`, `${((copyBytes * rewriteCount) / 1e6).toFixed(0)} MB (from ${copies.length})`],
  ["bytes a rewrite", (history / rewriteCount).toFixed(0), copyBytes.toFixed(0)],
  ["diff of any two steps (median)", `${median(diffTimes).toFixed(3)} ms`, ""],
  ["diff of neighbouring steps (median)", `${(median(near) * 1000).toFixed(0)} us`, ""],
];
console.log(`${nodeCount} nodes, ${rewriteCount} rewrites, ${pairs.length} random pairs`);
for (const [what, ours, peer] of rows) console.log(what.padEnd(40) + ours.padStart(16) + peer.padStart(28));
console.log(`ratio of history, copied / persistent: ${((copyBytes * rewriteCount) / history).toFixed(0)}; of time a rewrite: ${(median(copyTimes) / median(times)).toFixed(1)}`);
