import { expect, test } from "vitest";
import { Timeline } from "../../src/ir/timeline.ts";
import { verifyGraph } from "../../src/ir/verifier.ts";
import { runPipeline } from "../../src/passes/run-pipeline.ts";
import { syntheticGraph } from "../../bench/synthetic.ts";

/** Processor time, the least of two runs, since machines are busy. */
async function cost(nodes: number): Promise<number> {
  let least = Infinity;
  for (let run = 0; run < 2; run++) {
    const timeline = new Timeline(syntheticGraph(nodes));
    const start = process.cpuUsage();
    await runPipeline(timeline, "default");
    const { user, system } = process.cpuUsage(start);
    least = Math.min(least, user + system);
    if (run === 0) expect(verifyGraph(timeline.head.graph)).toEqual([]);
  }
  return least;
}

test("time to optimize grows about as the graph does", { timeout: 120_000 }, async () => {
  await cost(500);
  const [small, large] = [await cost(1000), await cost(6000)];
  // Six times the nodes; quadratic would be 36 times the time.
  expect(large / small).toBeLessThan(15);
});
