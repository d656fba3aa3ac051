import { expect, test } from "vitest";
import { isFused, type OperatorNode } from "../../src/ir/graph.ts";
import { parseGraph } from "../../src/ir/parser.ts";
import { typeRules } from "../../src/ops/index.ts";
import { fusedLabels } from "../../src/session/views.ts";

test("inputs of a fused group are called as the operators inside call them, through groups in it; else by their own name in the group", () => {
  const graph = parseGraph(
    `graph @main(%x: float32[2, 3], %w: float32[3, 3], %s: float32[3], %k: float32[2]) -> (%y: float32[2, 3], %kept: float32[2]) {
  %y, %kept = graphwright.Fused(%x, %w, %s, %k) {} body (%a, %b, %c, %through) {
    %t = graphwright.Fused(%a, %b) {} body (%left, %right) {
      %m = Gemm(%left, %right)
      return %m
    }
    %u = PRelu(%t, %c)
    return %u, %through
  }
  return %y, %kept
}`,
    { rules: typeRules },
  );
  const node = [...graph].find((each): each is OperatorNode => isFused(each) && each.outputs.length === 2)!;
  expect(fusedLabels(graph, node)).toEqual(["A", "B", "slope", "through"]);
});
