/**
 * Layout times by graph and size. Run: node renderer/bench/run.mjs layout
 * A third argument runs only the cases whose name starts with it. Cold is a new engine; warm is the same graph again, all blocks known. The best of five runs;
 * CPU time says more than the clock on a machine that is doing other things.
 */

import { LayoutEngine, type LayoutGraph, type LayoutResult } from "../../picture/src/index.ts";
import { scopePaths } from "../../picture/src/index.ts";
import { chain, inception, randomDag, resnet, transformer, unet, type SyntheticGraph } from "./synthetic.ts";

export function toLayoutGraph(graph: SyntheticGraph, expanded: LayoutGraph["expanded"]): LayoutGraph {
  const paths = scopePaths(graph.nodes.map((node) => node.name));
  return {
    nodes: graph.nodes.map((node, i) => ({
      id: node.id,
      op: node.op,
      order: i,
      group: paths[i]!,
      width: 96 + (node.op.length % 8) * 8,
      height: node.constant === true ? 17 : 40,
      chip: node.constant === true,
    })),
    edges: graph.edges.map((edge, i) => ({ id: i, from: edge.from, fromPort: 0, to: edge.to, toPort: edge.toPort })),
    expanded,
    options: { direction: "down" },
  };
}

const none: ReadonlySet<string> = new Set();
const cases: readonly [string, () => SyntheticGraph, LayoutGraph["expanded"], number?][] = [
  ["chain 10k", () => chain(10_000), none, 100],
  ["chain 50k", () => chain(50_000), none, 400],
  ["transformer 1k", () => transformer(1_000), none],
  ["transformer 10k", () => transformer(10_000), none, 100],
  ["transformer 50k", () => transformer(50_000), none, 400],
  ["transformer 50k, with constants", () => transformer(50_000, { constants: true }), none],
  ["transformer 10k, scopes closed", () => transformer(10_000, { scoped: true }), none],
  ["transformer 10k, scopes open", () => transformer(10_000, { scoped: true }), "all"],
  ["LLM 500 (mask, cos, sin)", () => transformer(500, { shared: true }), none],
  ["LLM 5k (mask, cos, sin)", () => transformer(5_000, { shared: true }), none, 200],
  ["LLM 50k (mask, cos, sin)", () => transformer(50_000, { shared: true }), none],
  ["LLM 5k, scopes open", () => transformer(5_000, { shared: true, scoped: true }), "all", 200],
  ["ResNet-50, open", () => resnet(), "all"],
  ["Inception, 200 blocks, open", () => inception(200), "all"],
  ["U-Net, 12 levels of 40", () => unet(12, 40), none],
  ["U-Net, 12 levels of 40, open", () => unet(12, 40), "all"],
  ["random DAG 1k", () => randomDag(1_000), none],
  ["random DAG 5k", () => randomDag(5_000), none],
  ["random DAG 20k", () => randomDag(20_000), none],
];

export function main(): void {
  // One small run first, so that the first row does not pay for compiling the engine.
  new LayoutEngine().layout(toLayoutGraph(transformer(2_000, { shared: true, scoped: true }), "all"));
  new LayoutEngine().layout(toLayoutGraph(randomDag(500), none));
  console.log("| graph | nodes | edges | cold ms | cold CPU ms | warm ms | target ms | boxes drawn | size px |");
  console.log("|---|--:|--:|--:|--:|--:|--:|--:|--:|");
  let missed = 0;
  const only = process.argv[3];
  for (const [name, make, expanded, target] of cases) {
    if (only !== undefined && !name.startsWith(only)) continue;
    const graph = toLayoutGraph(make(), expanded);
    let cold = Infinity;
    let warm = Infinity;
    let cpu = Infinity;
    let result!: LayoutResult;
    for (let run = 0; run < 5; run++) {
      const engine = new LayoutEngine();
      const used = process.cpuUsage();
      const begin = performance.now();
      result = engine.layout(graph);
      const middle = performance.now();
      const { user, system } = process.cpuUsage(used);
      cpu = Math.min(cpu, (user + system) / 1000);
      engine.layout(graph);
      cold = Math.min(cold, middle - begin);
      warm = Math.min(warm, performance.now() - middle);
    }
    if (target !== undefined && Math.min(cold, cpu) > target) missed++;
    const closed = result.groups.filter((group) => !group.expanded).length;
    console.log(
      `| ${name} | ${graph.nodes.length} | ${graph.edges.length} | ${cold.toFixed(1)} | ${cpu.toFixed(1)} | ${warm.toFixed(1)} | ` +
        `${target ?? ""} | ${result.nodes.ids.length + closed} | ${Math.round(result.bounds.width)} × ${Math.round(result.bounds.height)} |`,
    );
  }
  if (missed > 0) console.log(`\n${missed} over target`);
}
