/**
 * Random valid models of all operators, optimized by every pipeline and by rewrites in random orders, and judged by our
 * own evaluation and by ONNX Runtime. What fails is made small and printed as text IR. A long run is
 * `npm run bench:random-models -- COUNT SEED`, or GRAPHWRIGHT_GRAPHS=5000 here.
 */
import { describe, expect, test } from "vitest";
import { printGraph } from "../../src/ir/printer.ts";
import { rewrites as all } from "../../src/passes/index.ts";
import { describeFault, examine } from "../fixtures/random-model/examine.ts";
import { randomModel } from "../fixtures/random-model/index.ts";
import { shrinkFault } from "../fixtures/random-model/shrink.ts";

const rewrites = all.filter((rewrite) => rewrite.exactness !== "approximates");
const graphs = Number(process.env["GRAPHWRIGHT_GRAPHS"] ?? 200);
const batch = 20;

describe("random models keep their outputs", () => {
  const applied = new Map<string, number>();
  let judged = 0;

  test.each(Array.from({ length: Math.ceil(graphs / batch) }, (_, i) => [i * batch + 1, Math.min(graphs, (i + 1) * batch)] as const))("seeds %i to %i", { timeout: 120_000 }, async (from, to) => {
    for (let seed = from; seed <= to; seed++) {
      const model = randomModel(seed);
      const result = await examine(model, seed);
      if (result.judged > 0) judged++;
      for (const name of result.applied) applied.set(name, (applied.get(name) ?? 0) + 1);
      if (result.fault) {
        const small = await shrinkFault(model, result.fault, seed);
        expect.fail(`seed ${seed}: ${describeFault(result.fault)}\n${printGraph(small.graph, { inlineElements: 64 })}`);
      }
    }
  });

  test("ONNX Runtime judges most of them, and nearly every rewrite is applied", () => {
    expect(judged).toBeGreaterThan(0.7 * graphs);
    const never = rewrites.map((r) => r.name).filter((name) => !applied.has(name));
    expect(never.length, never.join(", ")).toBeLessThan(0.3 * rewrites.length);
    for (const name of ["batch-norm-into-conv", "affine-into-conv", "affine-chain-merging", "constant-folding", "common-subexpression-elimination", "duplicate-constant-merging", "epilogue-fusion", "transpose-of-transpose", "reshape-of-reshape", "no-op-arithmetic", "eliminate-identity", "layer-normalization-fusion", "shape-subgraph-folding"])
      expect([...applied.keys()]).toContain(name);
  });
});
