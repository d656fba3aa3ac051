import { expect, test } from "vitest";
import { linkedLines } from "../src/panels/program/linked-lines.ts";

const view = {
  program: ["program f(x) -> y:", "  for i in range(4):", "    block init:", "      y[i] = 0", "    for k in range(8):", "      block sum:", "        y[i] += x[i, k]", ""].join("\n"),
  source: ["void f(const float *x, float *y) {", "  for (int i = 0; i < 4; ++i) {", "    y[i] = 0;", "    for (int k = 0; k < 8; ++k) {", "", "      y[i] += x[i * 8 + k];", "    }", "  }", "}"].join("\n"),
  links: [{ program: [3, 4], source: [3, 3] }, { program: [6, 7], source: [6, 6] }] as const,
};

test("a line -> its block; a loop or the head of the program -> every block inside; what is nobody's -> nothing", () => {
  const source = (line: number) => linkedLines(view, "program", line).source;
  expect(source(4)).toEqual([[3, 3]]);
  expect(source(7)).toEqual([[6, 6]]);
  expect(source(5)).toEqual([[6, 6]]);
  expect(source(2)).toEqual([[3, 3], [6, 6]]);
  expect(source(1)).toEqual([[3, 3], [6, 6]]);
  expect(source(8)).toEqual([]);
  const program = (line: number) => linkedLines(view, "source", line).program;
  expect(program(6)).toEqual([[6, 7]]);
  expect(program(4)).toEqual([[6, 7]]);
  expect(program(2)).toEqual([[3, 4], [6, 7]]);
  expect(program(9)).toEqual([]);
});
