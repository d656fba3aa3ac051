import { describe, expect, test } from "vitest";
import { parseGraph } from "../../src/ir/parser.ts";
import { printGraph } from "../../src/ir/printer.ts";
import { verifyGraph } from "../../src/ir/verifier.ts";
import { typeRules } from "../../src/ops/index.ts";
import { checkModels, checkStep } from "../../src/passes/check.ts";
import { applyEverywhere, explain } from "../../src/passes/driver/driver.ts";
import { allRewrites } from "../../src/passes/index.ts";

const parse = (text: string) => parseGraph(text, { rules: typeRules });
const normal = (text: string): string => printGraph(parse(text), { inlineElements: Infinity });

describe.each(allRewrites.map((rewrite) => [rewrite.name, rewrite] as const))("%s", (_, rewrite) => {
  test("has examples where it applies, and names its preconditions once", () => {
    expect(rewrite.examples.some((e) => e.before !== e.after)).toBe(true);
    expect(new Set(rewrite.preconditions.map((p) => p.name)).size).toBe(rewrite.preconditions.length);
    for (const { fails } of rewrite.examples) if (fails !== undefined) expect(rewrite.preconditions.map((p) => p.name)).toContain(fails);
  });

  test.each(rewrite.examples.map((example) => [example.title, example] as const))("%s", async (_title, example) => {
    const before = parse(example.before);
    expect(verifyGraph(before)).toEqual([]);
    const run = { ...(example.options ? { options: example.options } : {}) };
    const { graph, steps } = applyEverywhere(before, rewrite, run);
    expect(printGraph(graph, { inlineElements: Infinity })).toBe(normal(example.after));
    if (example.before === example.after) {
      expect(steps).toEqual([]);
      if (example.fails === undefined) return;
      const sites = explain(before, rewrite, undefined, example.options);
      const unmet = sites.map((site) => site.preconditions.filter((p) => p.state !== "satisfied" && !p.detail?.startsWith("not asked")).map((p) => p.name));
      expect(unmet).toContainEqual([example.fails]);
      return;
    }
    let at = before;
    for (const step of steps) {
      expect(verifyGraph(step.graph)).toEqual([]);
      expect(step.diagnostics).toEqual([]);
      const check = checkStep(at, step.graph, step.delta, { seeds: 4 });
      expect(check, `${check.note}`).toMatchObject({ verdict: expect.stringMatching(rewrite.exactness === "exact" ? /^identical$/ : /^(identical|rounding)$/) });
      at = step.graph;
    }
    // What approximates is held to its tolerance step by step.
    if (rewrite.exactness === "approximates") return;
    const forth = await checkModels(before, graph, { seeds: 4 });
    expect(forth.verdict, forth.note).toMatch(rewrite.exactness === "exact" ? /^identical$/ : /^(identical|rounding)$/);
    const back = await checkModels(graph, before, { seeds: 4 });
    expect(back.verdict, back.note).toMatch(/^(identical|rounding)$/);
  });
});
