import { describe, expect, test } from "vitest";
import { parseGraph, printGraph, verifyGraph } from "../../src/ir/index.ts";

const roundTrip = (text: string): void => {
  const graph = parseGraph(text);
  expect(verifyGraph(graph)).toEqual([]);
  expect(printGraph(graph, { inlineElements: Infinity, full: text.startsWith("model") })).toBe(text);
};

describe("text IR", () => {
  test("values, attributes of every kind, omitted inputs and outputs", () => {
    roundTrip(`graph @main(%x: float32[N, 3, 2*N + 1, ?], %"a b": int64[]) -> (%y: float32[*]) {
  %w = constant float32[4] [1, -0, nan, 0.1]
  %i = constant node int64[2] [9223372036854775807, -1] "shape"
  %s = constant string[1] ["he\\"y"]
  %h = constant float16[2] [0.5, 65504]
  %c: float32[floor(N/2), 1, 2, 3], _, %d = Foo(%x, _, %w, %"a b") {a = 3, b = 0.5, c = "s", d = [1, 2], e = [1.0, -inf], f = ["p", "q"], g = ints[], h = tensor float32[2] [1, 2], i = type seq(float32[2]), j = ref int "outer", k = 9007199254740993} "foo/bar"
  %y = com.acme.Custom(%c, %d, %i, %s, %h)
  return %y
}
`);
  });

  test("subgraphs with captures, and a fused group with parameters", () => {
    roundTrip(`graph @main(%c: bool[], %x: float32[2]) -> (%z: ?[*]) {
  %y: float32[2] = If(%c) {} "if" then_branch () {
    %t: float32[2] = Relu(%x)
    return %t
  } else_branch () {
    return %x
  }
  %f = graphwright.Fused(%y) {kind = "Neg+Abs"} body (%p) {
    %q = Neg(%p)
    %r = Abs(%q)
    return %r
  }
  return %f as "z"
}
`.replace(" {} ", " "));
  });

  test("header, documentation, metadata and functions", () => {
    roundTrip(`model {ir_version = 8, opset = {"" = 17, "local" = 1}, format = "onnx", producer_name = "p", metadata = {"k" = "v"}}
graph @g(%x: float32[2] doc "the input") -> (%y: float32[2]) doc "a graph" {
  %y: float32[2] = local.Twice(%x) {n = 2} "call" doc "calls" meta {"scope" = "a/b"}
  return %y
}
function "local" "Twice" attributes {n, m = 1.5} opset {"" = 17} (%a) -> (%b) {
  %b = Mul(%a, %a) {n = ref int "n"}
  return %b
}
`);
  });

  test("generators of weights give the same values each time", () => {
    const text = "graph @main() -> (%w) { %w = constant float32[3] random(7) return %w }";
    const first = printGraph(parseGraph(text));
    expect(first).toBe(printGraph(parseGraph(text)));
    expect(first).toMatch(/\[-?\d/);
  });

  test("a large constant is elided, and resolved by its name", () => {
    const graph = parseGraph("graph @main() -> (%w: float32[32]) { %w = constant float32[32] random(7) return %w }");
    const text = printGraph(graph);
    expect(text).toContain("%w = constant float32[32] elided");
    const again = parseGraph(text, { resolve: (name) => (name === "w" ? graph.constant(graph.root.outputs[0]!.value) : undefined) });
    expect(printGraph(again, { inlineElements: 32 })).toBe(printGraph(graph, { inlineElements: 32 }));
    expect(() => parseGraph(text)).toThrow(/%w is elided/);
  });

  test.each([
    ["graph @main() -> () {\n  %y = Relu(%x)\n}", "line 2:13: %x is not defined"],
    ["graph @main(%x: float33[2]) -> () {}", "line 1:17: float33 is not an element type"],
    ["graph @main(%x) -> (%y) { return %x }", "declares output y"],
    ["graph @main() -> () { %a = constant float32[2] [1] }", "takes 2 values, 1 are given"],
    ["graph @main() -> () { ; }", 'unexpected ";"'],
    ["graph @main(%x, %x) -> () {}", "%x is defined twice"],
  ])("a mistake says where: %s", (text, message) => {
    expect(() => parseGraph(text)).toThrow(message);
  });
});
