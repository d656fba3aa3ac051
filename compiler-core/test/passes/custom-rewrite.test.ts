import { describe, expect, test } from "vitest";
import { parseGraph } from "../../src/ir/parser.ts";
import { printGraph } from "../../src/ir/printer.ts";
import { verifyGraph } from "../../src/ir/verifier.ts";
import { typeRules } from "../../src/ops/index.ts";
import { checkModels, checkStep } from "../../src/passes/check.ts";
import { parseCustomRewrites } from "../../src/passes/custom-rewrite.ts";
import { applyEverywhere, explain, findMatches } from "../../src/passes/driver/driver.ts";
import type { GraphwrightError } from "../../src/support/diagnostic.ts";

const parse = (text: string) => parseGraph(text, { rules: typeRules });
const rewriteOf = (text: string) => parseCustomRewrites(text)[0]!.definition;

/** The graph after the rewrite was applied everywhere; each step is checked. */
function after(rewrite: string, graph: string): string {
  let before = parse(graph);
  const { steps } = applyEverywhere(before, rewriteOf(rewrite));
  for (const step of steps) {
    expect(verifyGraph(step.graph)).toEqual([]);
    expect(checkStep(before, step.graph, step.delta).verdict).toMatch(/identical|rounding/);
    before = step.graph;
  }
  return printGraph(before).replace(/^model[^\n]*\n/, "");
}
const printed = (graph: string): string => printGraph(parse(graph)).replace(/^model[^\n]*\n/, "");

const square = `rewrite "square-to-power" {
  summary "x * x is x to the power of two"
  pattern (%x) {
    %y = Mul(%x, %x)
    return %y
  }
  where { element(%x) is float }
  replace {
    %two = constant like(%x) [] [2]
    %p = Pow(%x, %two)
    return %p
  }
}`;

describe("custom rewrites", () => {
  test("a pattern, a condition, a replacement", () => {
    expect(
      after(
        square,
        `graph @main(%x: float32[N, 4], %z: float32[N, 4], %i: int32[3]) -> (%y: float32[N, 4], %j: int32[3]) {
  %a = Mul(%x, %x) "squared"
  %b = Mul(%a, %z)
  %y = Mul(%b, %b)
  %j = Mul(%i, %i)
  return %y, %j
}`,
      ),
    ).toBe(
      printed(`graph @main(%x: float32[N, 4], %z: float32[N, 4], %i: int32[3]) -> (%y: float32[N, 4], %j: int32[3]) {
  %a_two = constant float32[] [2]
  %a = Pow(%x, %a_two) "squared"
  %b = Mul(%a, %z)
  %y_two = constant float32[] [2]
  %y = Pow(%b, %y_two)
  %j = Mul(%i, %i)
  return %y, %j
}`),
    );
  });

  const clip = `rewrite "clip-from-max-min" {
  exactness exact
  pattern (%x, %low, %high) {
    %a = Max(%x, %low)
    %y = Min(%a, %high)
    return %y
  }
  where {
    constant(%low); rank(%low) = 0
    constant(%high); rank(%high) = 0
    value(%low) <= 0
    element(%x) = float32
    shape(%x) = [N, ...]
  }
  replace {
    %c = Clip(%x, %low, %high)
    return %c
  }
}`;

  test("operators that commute match in any order, and the order that satisfies the conditions is taken", () => {
    for (const [first, second] of [["%x, %l", "%a, %h"], ["%l, %x", "%h, %a"], ["%l, %x", "%a, %h"]])
      expect(
        after(clip, `graph @main(%x: float32[N, 4]) -> (%y: float32[N, 4]) { %l = constant float32[] [-1] %h = constant float32[] [1] %a = Max(${first}) %y = Min(${second}) return %y }`),
      ).toContain("%y: float32[N, 4] = Clip(%x, %l, %h)");
  });

  test("says what stands in the way, condition by condition, and where the pattern ends", () => {
    const graph = parse(`graph @main(%x: float32[N, 4], %v: float32[]) -> (%y: float32[N, 4], %z: float32[N, 4], %w: float32[N, 4], %a: float32[N, 4]) {
  %l = constant float32[] [1]
  %h = constant float32[] [2]
  %a = Max(%x, %l)
  %y = Min(%a, %h)
  %b = Max(%x, %v)
  %z = Min(%b, %h)
  %w = Min(%x, %h)
  return %y, %z, %w, %a
}`);
    const sites = explain(graph, rewriteOf(clip));
    const failing = Object.fromEntries(sites.map((s) => [s.site, s.preconditions.filter((p) => p.state !== "satisfied").map((p) => `${p.name}: ${p.detail}`)]));
    expect(failing["y"]!.slice(0, 2)).toEqual(["value(%low) <= 0: it has an element 1", "inner values: a (Max) is an output of the graph"]);
    expect(failing["z"]![0]).toBe("constant(%low): v is computed");
    expect(failing["w"]![0]).toMatch(/^pattern: input \d of w \(Min\) comes from/);
    expect(sites.every((s) => !s.applies)).toBe(true);
  });

  test("attributes: named, bound, copied, and those that nobody speaks of must be at their defaults", () => {
    const chain = `rewrite "leaky-twice" {
  pattern (%x) {
    %a = LeakyRelu(%x) {alpha = $a}
    %y = Softmax(%a) {axis = -1}
    return %y
  }
  where { $a > 0.05; not $a = 0.5 }
  replace { %b = LeakyRelu(%x) {alpha = $a} %s = Softmax(%b) {...%y} return %s }
}`;
    const sites = explain(
      parse(`graph @main(%x: float32[2, 4]) -> (%p: float32[2, 4], %q: float32[2, 4], %r: float32[2, 4]) {
  %a = LeakyRelu(%x) {alpha = 0.25}
  %p = Softmax(%a)
  %b = LeakyRelu(%x) {alpha = 0.5}
  %q = Softmax(%b) {axis = -1}
  %c = LeakyRelu(%x)
  %r = Softmax(%c) {axis = 0}
  return %p, %q, %r
}`),
      rewriteOf(chain),
    );
    const stops = Object.fromEntries(sites.map((s) => [s.site, s.preconditions.find((p) => p.state !== "satisfied")]));
    // The default of axis is -1, so p matches; the replacement is what was there.
    expect(stops["p"]).toBeUndefined();
    expect(stops["q"]).toMatchObject({ name: "not $a = 0.5", state: "failed" });
    expect(stops["r"]!.detail).toContain("the attribute axis has another value");
    const strict = `rewrite "gemm" { pattern (%x, %w) { %y = Gemm(%x, %w) return %y } replace { %m = MatMul(%x, %w) return %m } }`;
    const gemm = (attributes: string): string => `graph @main(%x: float32[2, 2], %w: float32[2, 2]) -> (%y: float32[2, 2]) { %y = Gemm(%x, %w) ${attributes} return %y }`;
    expect(after(strict, gemm(""))).toContain("MatMul");
    expect(after(strict, gemm("{alpha = 1.0, transA = 0}"))).toContain("MatMul");
    expect(explain(parse(gemm("{transB = 1}")), rewriteOf(strict))[0]!.preconditions[0]!.detail).toContain("transB is set, and the pattern does not name it");
  });

  test("numbers as operands, with a tolerance; several results; a value handed on", () => {
    expect(after(`rewrite "third" { pattern (%x) { %y = Div(%x, 3.0) return %y } replace { %m = Mul(%x, 0.3333333333333333) return %m } }`, `graph @main(%x: float32[4]) -> (%y: float32[4]) { %c = constant float32[1] [3] %y = Div(%x, %c) return %y }`)).toContain("Mul(%x, %y_number)");
    const once = `rewrite "double-negation" { exactness exact pattern (%x) { %a = Neg(%x) %y = Neg(%a) return %y } replace { return %x } }`;
    expect(after(once, `graph @main(%x: float32[4]) -> (%y: float32[4]) { %r = Relu(%x) %a = Neg(%r) %b = Neg(%a) %y = Exp(%b) return %y }`)).toBe(
      printed(`graph @main(%x: float32[4]) -> (%y: float32[4]) { %r = Relu(%x) %y = Exp(%r) return %y }`),
    );
    const blocked = explain(parse(`graph @main(%x: float32[4]) -> (%y: float32[4]) { %a = Neg(%x) %y = Neg(%a) return %y }`), rewriteOf(once));
    expect(blocked[0]!.preconditions.find((p) => p.state === "failed")).toMatchObject({ name: "replaceable" });
  });

  test("several results keep their users; no result is replaced by what depends on it", () => {
    const both = `rewrite "merge-sums" {
  pattern (%x, %y, %z) { %a = Add(%x, %y) %b = Add(%a, %z) return %b, %a }
  replace { %c = Sum(%x, %y) %d = Sum(%x, %y, %z) return %d, %c }
}`;
    const out = after(both, `graph @main(%x: float32[4], %y: float32[4], %z: float32[4]) -> (%b: float32[4], %e: float32[4]) { %a = Add(%x, %y) %b = Add(%a, %z) %e = Exp(%a) return %b, %e }`);
    expect(out).toContain("%e: float32[4] = Exp(%a)");
    expect(out).toContain("%a: float32[4] = Sum(%x, %y)");
    const cycle = explain(parse(`graph @main(%x: float32[4], %y: float32[4]) -> (%b: float32[4]) { %a = Add(%x, %y) %z = Exp(%a) %b = Add(%a, %z) return %b }`), rewriteOf(both));
    expect(cycle.find((s) => s.site === "b")!.preconditions.find((p) => p.name === "no cycle")).toMatchObject({ state: "failed" });
  });

  test("a replacement of another type is never put in", () => {
    const wrong = rewriteOf(`rewrite "keep-dims" { pattern (%x) { %y = Flatten(%x) return %y } replace { %z = Relu(%x) return %z } }`);
    const graph = parse(`graph @main(%x: float32[2, 3, 4]) -> (%y: float32[2, 12]) { %y = Flatten(%x) return %y }`);
    expect(findMatches(graph, wrong)).toEqual([]);
    expect(explain(graph, wrong)[0]!.preconditions.at(-1)).toMatchObject({ name: "same type", state: "failed", detail: expect.stringContaining("float32[2, 12]") });
    const open = rewriteOf(`rewrite "unknown" { pattern (%x, %s) { %y = Reshape(%x, %s) return %y } replace { %z = Relu(%x) return %z } }`);
    expect(explain(parse(`graph @main(%x: float32[2, 3], %s: int64[2]) -> (%y: float32[?, ?]) { %y = Reshape(%x, %s) return %y }`), open)[0]!.preconditions.at(-1)!.state).not.toBe("satisfied");
  });

  test("a rewrite that is wrong is told by the check", async () => {
    const wrong = rewriteOf(`rewrite "wrong" { pattern (%x) { %y = Abs(%x) return %y } replace { %z = Relu(%x) return %z } }`);
    const before = parse(`graph @main(%x: float32[2, 3]) -> (%y: float32[2, 3]) { %y = Abs(%x) return %y }`);
    const { steps } = applyEverywhere(before, wrong);
    expect(steps).toHaveLength(1);
    expect(checkStep(before, steps[0]!.graph, steps[0]!.delta).verdict).toBe("different");
    expect((await checkModels(before, steps[0]!.graph)).verdict).toBe("different");
  });

  test("a pattern of commuting operators nested deep ends the search", () => {
    const depth = 40;
    const lines = Array.from({ length: depth }, (_, i) => `%v${i + 1} = Add(%v${i}, %w${i})`).join(" ");
    const text = `rewrite "deep" { pattern (%v0, ${Array.from({ length: depth }, (_, i) => `%w${i}`).join(", ")}) { ${lines} return %v${depth} } where { constant(%w0) } replace { return %v0 } }`;
    const graph = parse(`graph @main(%x: float32[2]) -> (%y: float32[2]) {
  ${Array.from({ length: depth + 2 }, (_, i) => `%a${i + 1} = Add(${i === 0 ? "%x, %x" : `%a${i}, %a${i}`})`).join("\n  ")}
  %y = Relu(%a${depth + 2})
  return %y
}`);
    const start = performance.now();
    explain(graph, rewriteOf(text));
    expect(performance.now() - start).toBeLessThan(20_000);
  });

  test.each([
    ['rewrite "Bad Name" {}', 'line 1:9: "Bad Name" is not a name'],
    ['rewrite "constant-folding" {}', 'already a rewrite "constant-folding"'],
    ['rewrite "a" { pattern (%x) { %y = Relo(%x) return %y } replace { return %x } }', "there is no operator Relo"],
    ['rewrite "a" {\n  pattern (%x) {\n    %y = Relu(%z)\n', "line 3:15: %z is not defined"],
    ['rewrite "a" { pattern (%x) { %y = Relu(%x, %x) return %y } replace { return %x } }', "Relu takes 1 inputs, not 2"],
    ['rewrite "a" { pattern (%x) { %y = Softmax(%x) {axes = 1} return %y } replace { return %x } }', "Softmax has no attribute axes. Did you mean axis?"],
    ['rewrite "a" { pattern (%x) { %y = Relu(%x) %z = Neg(%x) return %y } replace { return %x } }', "%z does not lead to %y"],
    ['rewrite "a" { pattern (%x, %u) { %y = Relu(%x) return %y } replace { return %x } }', "%u is not used by the pattern"],
    ['rewrite "a" { pattern (%x) { return %x } replace { return %x } }', "%x is not computed by the pattern"],
    ['rewrite "a" { pattern (%x) { %y = Relu(%x) return %y } where { sizes(%x, 0) = 1 } replace { return %x } }', "there is no condition sizes"],
    ['rewrite "a" { pattern (%x) { %y = Relu(%x) return %y } where { element(%x) is floaty } replace { return %x } }', "floaty is not one of float, integer"],
    ['rewrite "a" { pattern (%x) { %y = Relu(%x) return %y } where { $b = 1 } replace { return %x } }', "$b is not bound"],
    ['rewrite "a" { pattern (%x) { %y = Relu(%x) return %y } replace { %z = Neg(%y) return %z } }', "%y is what is replaced"],
    ['rewrite "a" { pattern (%x) { %y = Relu(%x) return %y } replace { return %x, %x } }', "the pattern returns 1 values, the replacement 2"],
    ['rewrite "a" { pattern (%x) { %y = Relu(%x) return %y } replace { return %y } }', "the replacement is the pattern itself"],
    ['rewrite "a" { pattern (%x) { %y = Relu(%x) return %y } replace { %c = constant like(%x) [2] [1] return %x } }', "takes 2 values"],
    ['rewrite "a" { pattern (%x) { %y = Relu(%x) return %y } replace { %c = constant float32[99999999999] splat(0) return %c } }', "too many for a text"],
    ['rewrite "a" { pattern (%x) { %y = Relu(%x) return %y } replace { %c = Neg(%x) return %x } }', "%c of the replacement is not used"],
    ['rewrite "a" { pattern (%x) { %y = If(%x) return %y } replace { return %x } }', "If has bodies"],
    ["", "expected rewrite, found the end"],
    ['rewrite "a" { pattern (%x) { %y = Relu(%x) return %y } replace { return %x }', "expected }, found the end"],
    ["\u0000", "line 1:1"],
  ])("a mistake says where: %s", (text, message) => {
    expect(() => parseCustomRewrites(text)).toThrow(message);
    try {
      parseCustomRewrites(text);
    } catch (error) {
      expect((error as GraphwrightError).diagnostic).toMatchObject({ code: "text-syntax", where: { line: expect.any(Number), column: expect.any(Number) } });
    }
  });
});
