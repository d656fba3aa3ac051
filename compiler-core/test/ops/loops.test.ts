import { expect, test } from "vitest";
import { parseGraph } from "../../src/ir/index.ts";
import { typeRules } from "../../src/ops/index.ts";

/** Types of the root's outputs. */
const outputTypes = (text: string): string[] => {
  const graph = parseGraph(text, { rules: typeRules });
  return graph.root.outputs.map((output) => graph.type(output.value).text);
};

const loop = (body: string): string => `graph @main(%n: int64[], %x: float32[N, 3], %y: float32[1, 3]) -> (%z, %s) {
  %yes = constant bool[] [true]
  %z, %s = Loop(%n, %yes, %x) body (%i: int64[], %c: bool[], %v) {
    ${body}
    return %c, %w, %w
  }
  return %z, %s
}`;

test("a carried value that keeps its shape keeps it after the loop; slices get a dimension", () => {
  expect(outputTypes(loop("%w = Relu(%v)"))).toEqual(["float32[N, 3]", "float32[?, N, 3]"]);
});

test("a carried value that grows loses the dimension that grows, and only that", () => {
  expect(outputTypes(loop("%w = Concat(%v, %y) {axis = 0}"))).toEqual(["float32[?, 3]", "float32[?, ?, 3]"]);
});

test("a carried value whose rank changes has no shape", () => {
  expect(outputTypes(loop("%a = constant int64[1] [0]\n    %w = Unsqueeze(%v, %a)"))[0]).toBe("float32[*]");
});

test("a known number of turns is the slices' dimension, unless the condition may end the loop", () => {
  const turns = (condition: string): string[] =>
    outputTypes(`graph @main(%x: float32[2], %stop: bool[]) -> (%z, %s) {
  %n = constant int64[] [5]
  %z, %s = Loop(%n, _, %x) body (%i: int64[], %c: bool[], %v) {
    %w = Relu(%v)
    %go = Identity(${condition})
    return %go, %w, %w
  }
  return %z, %s
}`);
  expect(turns("%c")[1]).toBe("float32[5, 2]");
  expect(turns("%stop")[1]).toBe("float32[?, 2]");
});

test("branches that disagree in a dimension leave it open; a constant condition decides", () => {
  const branches = (condition: string): string[] =>
    outputTypes(`graph @main(%c: bool[], %x: float32[N, 3], %y: float32[2, 3]) -> (%z) {
  %k = constant bool[] [false]
  %z = If(${condition}) then_branch () {
    %a = Relu(%x)
    return %a
  } else_branch () {
    %b = Relu(%y)
    return %b
  }
  return %z
}`);
  expect(branches("%c")).toEqual(["float32[?, 3]"]);
  expect(branches("%k")).toEqual(["float32[2, 3]"]);
});

test("a scan cuts its axis and stacks along another", () => {
  expect(
    outputTypes(`graph @main(%s: float32[H], %x: float32[H, T]) -> (%end, %all) {
  %end, %all = Scan(%s, %x) {num_scan_inputs = 1, scan_input_axes = [1], scan_output_axes = [-1]} body (%h, %slice) {
    %next = Add(%h, %slice)
    return %next, %next
  }
  return %end, %all
}`),
  ).toEqual(["float32[H]", "float32[H, T]"]);
});
