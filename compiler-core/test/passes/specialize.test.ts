import { expect, test } from "vitest";
import { parseGraph } from "../../src/ir/parser.ts";
import { printGraph } from "../../src/ir/printer.ts";
import { fromNumbers } from "../../src/ir/tensor.ts";
import { typeRules } from "../../src/ops/index.ts";
import { specialize } from "../../src/passes/specialize.ts";

const source = `graph @main(%x: float32[N, 4], %b: float32[4]) -> (%y: float32[N, 4]) {
  %t = Add(%x, %b)
  %y = Relu(%t)
  return %y
}`;
const graph = parseGraph(source, { rules: typeRules });

test("a fixed size reaches every value", () => {
  const { graph: fixed, delta } = specialize(graph, { sizes: new Map([["N", 3]]) });
  expect([...fixed].flatMap((n) => n.outputs.map((o) => o.type.text))).toEqual(["float32[3, 4]", "float32[4]", "float32[3, 4]", "float32[3, 4]"]);
  expect(delta.updated.length).toBeGreaterThan(0);
  // The version before stays as it was.
  expect([...graph][0]!.outputs[0]!.type.text).toBe("float32[N, 4]");
});

test("an input becomes a constant", () => {
  const { graph: bound } = specialize(graph, { constants: new Map([["b", fromNumbers("float32", [4], [1, 2, 3, 4])]]) });
  expect(bound.root.parameters.length).toBe(1);
  expect(printGraph(bound)).toMatch(/%b = constant float32\[4\] \[1, 2, 3, 4\]/);
});

test("names that the model does not have are refused with those it has", () => {
  expect(() => specialize(graph, { sizes: new Map([["M", 1]]) })).toThrow(/no input has a dimension "M"/);
  expect(() => specialize(graph, { shapes: new Map([["z", [1]]]) })).toThrow(/no input "z"/);
});
